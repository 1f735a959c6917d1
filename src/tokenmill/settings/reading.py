"""Reads this process's settings from a TOML file and the environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import (
    ValidationError,
)
from pydantic_settings import EnvSettingsSource
from pydantic_settings.exceptions import SettingsError

from tokenmill.settings.complaints import ENV_PREFIX, complaint, misconfigured, unknown_variable
from tokenmill.settings.secrets import SECRET_NAME, old_secrets
from tokenmill.settings.sections import Section, Security, Settings, Source


def load_settings(data: Path, config: Path | None, environ: Mapping[str, str]) -> Settings:
    """The defaults, overlaid by the TOML file `config`, overlaid by `TOKENMILL__SECTION__KEY` of `environ`.

    `config` None means `data/tokenmill.toml`, if that is there. Relative paths in
    values are relative to `data`. Raises Fault(MISCONFIGURED) that names every
    culprit at once, but never a value.
    """
    data = data.absolute()
    from_file, file = _read_file(data, config)
    from_environ = _read_environ(environ)
    merged = {name: value for name, value in from_file.items() if name not in from_environ}
    for name, values in from_environ.items():
        section = from_file.get(name, {})
        merged[name] = {**section, **values} if isinstance(section, dict) else section
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        complaints = [complaint(each, from_environ, file) for each in error.errors(include_url=False)]
        raise misconfigured(complaints) from None  # The validation error holds the values.
    if urlsplit(settings.server.public_url).hostname in settings.token_plan.hosts:
        raise misconfigured(
            ["[token_plan] hosts names the host of [server] public_url, where pay-as-you-go keys are served"]
        )
    settings._sources.update(_sources(from_file, "file"))
    settings._sources.update(_sources(from_environ, "environment"))
    return _with_paths(settings, data)


def _sources(given: Mapping[str, Any], source: Source) -> dict[tuple[str, str], Source]:
    return {(section, key): source for section, values in given.items() for key in values}


def without_effect(settings: Settings) -> list[str]:
    """What is set and does nothing beside the others: `["[moderation] input"]` where nothing judges."""
    moderation = settings.moderation
    if moderation.lists or moderation.classifier:
        return []
    return [f"[moderation] {key}" for key in ("input", "output") if getattr(moderation, key) != "off"]


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """The settings in force, by section, fit to be printed: passwords in URLs are masked."""
    sections = settings.model_dump(mode="json", by_alias=True)
    for section, key in (
        ("database", "url"),
        ("cache", "url"),
        ("search", "url"),
        ("moderation", "classifier"),
    ):
        sections[section][key] = _masked(sections[section][key])
    return sections


def _read_file(data: Path, config: Path | None) -> tuple[dict[str, Any], Path]:
    file = config or data / "tokenmill.toml"
    if config is None and not file.exists():
        return {}, file
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")), file
    except OSError as error:
        raise misconfigured([f"{file} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise misconfigured([f"{file} is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise misconfigured([f"{file} is not valid TOML: {error}"]) from None


def _read_environ(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    ours = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    complaints = [complaint for name in sorted(ours) if (complaint := unknown_variable(name))]
    if complaints:
        raise misconfigured(complaints)
    source = EnvSettingsSource(Settings, env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    try:
        return source()
    except SettingsError:
        raise misconfigured(
            ["a list in the environment is written as JSON: TOKENMILL__TOKEN_PLAN__HOSTS='[\"a.example\"]'"]
        ) from None


def _with_paths(settings: Settings, data: Path) -> Settings:
    """Fills in what depends on the data directory, and makes relative paths absolute."""
    url = settings.database.url or f"sqlite:///{data / 'tokenmill.db'}"
    on_sqlite = url.startswith("sqlite:///")
    if on_sqlite:
        url = f"sqlite:///{data / url.removeprefix('sqlite:///')}"
    secret = settings.security.secret
    if not secret:
        if not on_sqlite:
            raise misconfigured(
                ["[security] secret is required with PostgreSQL; set it to env:NAME or file:PATH"]
            )
        secret = f"file:{data / SECRET_NAME}"

    secret = _absolute(secret, data)
    old = [_absolute(each, data) for each in settings.security.secrets_old]
    if secret == f"file:{data / SECRET_NAME}":
        old += [kept for file in old_secrets(data) if (kept := f"file:{file}") not in old]
    # model_copy marks what it updates as set, so only sections that hold a path are touched.
    updates: dict[str, Section] = {
        "database": settings.database.model_copy(update={"url": url}),
        "security": Security(
            secret=secret,
            secrets_old=tuple(old),
            secrets_next=tuple(_absolute(each, data) for each in settings.security.secrets_next),
        ),
    }
    kept = settings.files.url
    if not kept.startswith("s3://"):
        updates["files"] = settings.files.model_copy(update={"url": str(data / (kept or "files"))})
    payments = settings.payments
    if payments.api_key or payments.webhook_secret:
        secrets = {name: _absolute(getattr(payments, name), data) for name in ("api_key", "webhook_secret")}
        updates["payments"] = payments.model_copy(update=secrets)
    if settings.mail.password:
        update = {"password": _absolute(settings.mail.password, data)}
        updates["mail"] = settings.mail.model_copy(update=update)
    if settings.oidc.client_secret:
        update = {"client_secret": _absolute(settings.oidc.client_secret, data)}
        updates["oidc"] = settings.oidc.model_copy(update=update)
    model = settings.embedded.model
    if "/" in model or model.endswith(".gguf"):
        updates["embedded"] = settings.embedded.model_copy(update={"model": str(data / model)})
    if settings.search.corpus or settings.search.api_key:
        search = settings.search
        changed = {"api_key": _absolute(search.api_key, data)} if search.api_key else {}
        if search.corpus:
            changed["corpus"] = str(data / search.corpus)
        updates["search"] = search.model_copy(update=changed)
    lists = tuple(
        name if name.startswith("builtin:") else str(data / name) for name in settings.moderation.lists
    )
    key = settings.moderation.classifier_key and _absolute(settings.moderation.classifier_key, data)
    if (lists, key) != (settings.moderation.lists, settings.moderation.classifier_key):
        judged_by = {"lists": lists, "classifier_key": key}
        updates["moderation"] = settings.moderation.model_copy(update=judged_by)
    return settings.model_copy(update=updates)


def _absolute(reference: str, data: Path) -> str:
    kind, _, place = reference.partition(":")
    return f"file:{data / place}" if kind == "file" else reference


def _masked(url: str) -> str:
    """`redis://:pass@cache/0` → `redis://…@cache/0`; a `password` among the parameters is masked as well."""
    if url.startswith("sqlite:"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    rest = url.removeprefix(f"{parts.scheme}://").removeprefix(parts.netloc)
    if "@" in rest:  # What comes before it is a password that nobody escaped.
        return f"{parts.scheme}://…"
    _, at, place = parts.netloc.rpartition("@")
    rest = re.sub(r"(?i)([?&](?:ssl)?password=)[^&#]*", r"\1…", rest)
    return f"{parts.scheme}://{'…' + at if at else ''}{place}{rest}" if "://" in url else url
