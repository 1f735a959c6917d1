"""Reads this process's settings from a TOML file and the environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.hosts import host_name

ENV_PREFIX = "TOKENMILL__"
SECRET_NAME = "secret"  # noqa: S105  (a file's name)
"""The generated secret, in the data directory; those before it are `secret.old-1`, `secret.old-2`, …"""
_LEAST_SECRET = 32


def _reference(text: str) -> str:
    if text and not text.startswith(("env:", "file:")):
        raise ValueError("must be env:NAME or file:PATH; the secret itself does not belong in the settings")
    return text


def _database_url(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return text


def _public_url(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if text and not _names_a_host(text):
        raise ValueError("must name a host, and perhaps a port: https://api.example.com:8443")
    return text.rstrip("/")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _cache_url(text: str) -> str:
    if text and not text.startswith(("redis://", "rediss://")):
        raise ValueError("must begin with redis:// or rediss://")
    return text


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(host_name, names)))


Reference = Annotated[str, AfterValidator(_reference)]
Source = Literal["default", "file", "environment"]


class Section(BaseModel):
    """A table of the settings file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Section):
    """How this process listens; `public_url` is what users type, empty if that is the same."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080  # 0: any free one.
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    workers: Annotated[int, Field(ge=1)] = 1
    max_body_mb: Annotated[int, Field(ge=1)] = 64
    stop_grace: Annotated[float, Field(ge=0, le=86_400)] = 120.0  # Seconds that running replies get to end.


class DatabaseSection(Section):
    """Where the business is kept; after `load_settings`, `url` is never empty and its path absolute.

    With `synchronous = "full"` SQLite waits for the disk at every commit, so that a machine which loses
    power loses nothing; PostgreSQL has a setting of its own for that.
    """

    url: Annotated[str, AfterValidator(_database_url)] = ""
    synchronous: Literal["normal", "full"] = "normal"


class Cache(Section):
    """The Valkey or Redis server on which nodes share their rate windows; empty: each counts for itself."""

    url: Annotated[str, AfterValidator(_cache_url)] = ""


class Embedded(Section):
    """The model that runs beside the server."""

    model: str = "qwen2.5-coder-1.5b"
    enabled: bool = True


class Security(Section):
    """Where the platform's secret is read from; `secrets_old` are still honoured.

    So are `secrets_next`, which other nodes use already: what was made under those stays as it is.
    """

    secret: Reference = ""
    secrets_old: tuple[Reference, ...] = ()
    secrets_next: tuple[Reference, ...] = ()


class Accounts(Section):
    """Who may come in, and how long a browser stays signed in."""

    signup: Literal["closed", "invite", "open"] = "invite"
    session_days: Annotated[int, Field(ge=1, le=365)] = 30
    session_idle_days: Annotated[int, Field(ge=1, le=365)] = 7
    confirm_minutes: Annotated[int, Field(ge=1, le=1440)] = 10  # A password counts as just given for so long.


class Responses(Section):
    """How long responses are kept whose callers asked for it; 0 days: not at all."""

    retention_days: Annotated[int, Field(ge=0, le=3650)] = 30


class VaultSection(Section):
    """Whether and how long reasoning is remembered for clients that do not send it back, and how much."""

    enabled: bool = True
    days: Annotated[int, Field(ge=1, le=3650)] = 30
    max_mb_per_account: Annotated[int, Field(ge=1, le=65_536)] = 64


class Mail(Section):
    """The SMTP server that sends letters; without a host, none are sent. Port 465 speaks TLS at once."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    user: str = ""
    password: Reference = ""
    sender: Annotated[str, Field(alias="from")] = ""
    starttls: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Mail:
        if self.host and "@" not in self.sender:
            raise ValueError('needs from = "NAME <address@example.com>" beside its host')
        if self.user and not self.password:
            raise ValueError('needs password = "env:NAME" or "file:PATH" beside its user')
        return self


class Webhooks(Section):
    """How events go out to accounts' own servers; `loopback` lets them be on this machine, for trying."""

    loopback: bool = False


class Retention(Section):
    """For how many days single exchanges are kept; 0: for ever. Daily sums stay."""

    usage_days: Annotated[int, Field(ge=0, le=36_500)] = 0


class Logs(Section):
    """Logs as JSON lines or for people; None decides by whether a terminal is there."""

    as_json: Annotated[bool | None, Field(alias="json")] = None


class TokenPlan(Section):
    """Host names that serve the Token Plan without its path prefix; users are told the first one."""

    hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = ()


class Search(Section):
    """The web search provider."""

    provider: Literal["none", "corpus", "searxng", "ddgs", "brave", "tavily", "bocha"] = "none"
    url: str = ""
    api_key: Reference = ""
    corpus: str = ""


class Moderation(Section):
    """What is done about unwanted text."""

    input: Literal["block", "flag", "off"] = "off"
    output: Literal["block", "flag", "off"] = "off"
    lists: tuple[str, ...] = ()
    classifier: str = ""
    on_failure: Literal["open", "closed"] = "closed"


class Settings(BaseSettings):
    """All settings of one process; made by `load_settings`, read by nobody below `compose`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    server: Server = Server()
    database: DatabaseSection = DatabaseSection()
    cache: Cache = Cache()
    embedded: Embedded = Embedded()
    security: Security = Security()
    accounts: Accounts = Accounts()
    responses: Responses = Responses()
    vault: VaultSection = VaultSection()
    mail: Mail = Mail()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    logs: Logs = Logs()
    token_plan: TokenPlan = TokenPlan()
    search: Search = Search()
    moderation: Moderation = Moderation()

    _sources: dict[tuple[str, str], Source] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`Settings()` reads nothing by itself; `load_settings` says what is read and in which order."""
        return (init_settings,)

    def source_of(self, section: str, key: str) -> Source:
        """Where a setting comes from."""
        return self._sources.get((section, key), "default")


_NO_EFFECT_YET = ("search", "moderation")


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
        complaints = [_complaint(each, from_environ, file) for each in error.errors(include_url=False)]
        raise _misconfigured(complaints) from None  # The validation error holds the values.
    if urlsplit(settings.server.public_url).hostname in settings.token_plan.hosts:
        raise _misconfigured(
            ["[token_plan] hosts names the host of [server] public_url, where pay-as-you-go keys are served"]
        )
    settings._sources.update(_sources(from_file, "file"))
    settings._sources.update(_sources(from_environ, "environment"))
    return _with_paths(settings, data)


def _sources(given: Mapping[str, Any], source: Source) -> dict[tuple[str, str], Source]:
    return {(section, key): source for section, values in given.items() for key in values}


def without_effect(settings: Settings) -> list[str]:
    """What was set although this version does not act on it yet: `["[search] provider"]`."""
    return [
        f"[{section}] {key}"
        for section in _NO_EFFECT_YET
        for key in sorted(getattr(settings, section).model_fields_set)
        if section in settings.model_fields_set
    ]


def read_password(reference: str, environ: Mapping[str, str]) -> str:
    """What `env:NAME` or `file:PATH` refers to. Raises Fault(MISCONFIGURED) if it is missing or empty."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        text = environ.get(place)
        if text is None:
            raise _misconfigured([f"the environment variable {place}, named by {reference}, is not set"])
    else:
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _misconfigured([f"the secret at {place} cannot be read ({type(error).__name__})"]) from None
    text = text.strip()
    if not text:
        raise _misconfigured([f"the secret at {reference} is empty"])
    return text


def read_secret(reference: str, environ: Mapping[str, str]) -> bytes:
    """As `read_password`, and long enough to be a key. Raises Fault(MISCONFIGURED)."""
    text = read_password(reference, environ)
    if len(text) < _LEAST_SECRET:
        raise _misconfigured(
            [f"the secret at {reference} is under {_LEAST_SECRET} characters; use `openssl rand -hex 32`"]
        )
    return text.encode()


def old_secrets(data: Path) -> list[Path]:
    """The secrets that `tokenmill secrets rotate` has kept in `data`, the newest first."""
    kept = [path for path in data.glob(f"{SECRET_NAME}.old-*") if _number_of(path) is not None]
    return sorted(kept, key=lambda path: _number_of(path) or 0, reverse=True)


def _number_of(path: Path) -> int | None:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() else None


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
        raise _misconfigured([f"{file} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise _misconfigured([f"{file} is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise _misconfigured([f"{file} is not valid TOML: {error}"]) from None


def _read_environ(environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    ours = {name: value for name, value in environ.items() if name.startswith(ENV_PREFIX)}
    complaints = [complaint for name in sorted(ours) if (complaint := _unknown_variable(name))]
    if complaints:
        raise _misconfigured(complaints)
    source = EnvSettingsSource(Settings, env_prefix=ENV_PREFIX, env_nested_delimiter="__")
    source.env_vars = {name.lower(): value for name, value in ours.items()}
    try:
        return source()
    except SettingsError:
        raise _misconfigured(
            ["a list in the environment is written as JSON: TOKENMILL__TOKEN_PLAN__HOSTS='[\"a.example\"]'"]
        ) from None


def _unknown_variable(name: str) -> str | None:
    section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
    if section not in Settings.model_fields:
        known: Iterable[str] = Settings.model_fields
        return (
            f"{name} names no section{_near(section, known, lambda near: f'{ENV_PREFIX}{near.upper()}__…')}"
        )
    if key not in _keys(section):
        prefix = f"{ENV_PREFIX}{section.upper()}__"
        return f"{name} is not a setting{_near(key, _keys(section), lambda near: prefix + near.upper())}"
    return None


def _complaint(error: Mapping[str, Any], from_environ: Mapping[str, Mapping[str, Any]], file: Path) -> str:
    """One line about one wrong setting, without its value."""
    section, *rest = (str(step) for step in error["loc"])
    key = rest[0] if rest else ""
    if error["type"] == "extra_forbidden":
        if not key:
            near = _near(section, Settings.model_fields, "[{}]".format)
            return f"[{section}] in {file} is not a section{near}"
        return f"[{section}] {key} in {file} is not a setting{_near(key, _keys(section), str)}"
    if key in from_environ.get(section, {}):
        where = f"{ENV_PREFIX}{section.upper()}__{key.upper()}"
    else:
        where = f"[{section}] {key}".rstrip() + f" in {file}"
    return f"{where} {_expectation(error)}"


def _expectation(error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    match error["type"].partition("_")[0]:
        case "value":
            return str(context["error"])
        case "greater":
            return f"must be {context['ge']} or more"
        case "less":
            return f"must be {context['le']} or less"
        case "literal":
            return f"must be one of {context['expected']}"
        case kind:
            return f"must be {_EXPECTED.get(kind, 'of another type')}, but is {_kind(error['input'])}"


_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a string",
    "tuple": "a list",
    "model": "a section",
}


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"


def _keys(section: str) -> list[str]:
    """The keys of a section, as they are written."""
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, Section)
    return [field.alias or name for name, field in model.model_fields.items()]


def _near(name: str, known: Iterable[str], write: Callable[[str], str]) -> str:
    """`; did you mean [server]?`, or what there is when nothing is near."""
    known = list(known)
    near = get_close_matches(name, known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(map(write, near))}?"
    return f"; there are {', '.join(map(write, known))}"


def _with_paths(settings: Settings, data: Path) -> Settings:
    """Fills in what depends on the data directory, and makes relative paths absolute."""
    url = settings.database.url or f"sqlite:///{data / 'tokenmill.db'}"
    on_sqlite = url.startswith("sqlite:///")
    if on_sqlite:
        url = f"sqlite:///{data / url.removeprefix('sqlite:///')}"
    secret = settings.security.secret
    if not secret:
        if not on_sqlite:
            raise _misconfigured(
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
    if settings.mail.password:
        update = {"password": _absolute(settings.mail.password, data)}
        updates["mail"] = settings.mail.model_copy(update=update)
    model = settings.embedded.model
    if "/" in model or model.endswith(".gguf"):
        updates["embedded"] = settings.embedded.model_copy(update={"model": str(data / model)})
    if settings.search.corpus or settings.search.api_key:
        search = settings.search
        changed = {"api_key": _absolute(search.api_key, data)} if search.api_key else {}
        if search.corpus:
            changed["corpus"] = str(data / search.corpus)
        updates["search"] = search.model_copy(update=changed)
    if settings.moderation.lists:
        lists = tuple(
            name if name.startswith("builtin:") else str(data / name) for name in settings.moderation.lists
        )
        updates["moderation"] = settings.moderation.model_copy(update={"lists": lists})
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


def _misconfigured(complaints: list[str]) -> Fault:
    count = f"{len(complaints)} settings are wrong:\n  " if len(complaints) > 1 else ""
    return Fault(Code.MISCONFIGURED, count + "\n  ".join(complaints))
