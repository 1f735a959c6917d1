"""Reads secrets from where the settings say they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tokenmill.settings.complaints import misconfigured

SECRET_NAME = "secret"  # noqa: S105  (a file's name)
"""The generated secret, in the data directory; those before it are `secret.old-1`, `secret.old-2`, …"""
_LEAST_SECRET = 32


def read_password(reference: str, environ: Mapping[str, str]) -> str:
    """What `env:NAME` or `file:PATH` refers to. Raises Fault(MISCONFIGURED) if it is missing or empty."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        text = environ.get(place)
        if text is None:
            raise misconfigured([f"the environment variable {place}, named by {reference}, is not set"])
    else:
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise misconfigured([f"the secret at {place} cannot be read ({type(error).__name__})"]) from None
    text = text.strip()
    if not text:
        raise misconfigured([f"the secret at {reference} is empty"])
    return text


def read_secret(reference: str, environ: Mapping[str, str]) -> bytes:
    """As `read_password`, and long enough to be a key. Raises Fault(MISCONFIGURED)."""
    text = read_password(reference, environ)
    if len(text) < _LEAST_SECRET:
        raise misconfigured(
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
