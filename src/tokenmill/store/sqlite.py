"""Says how this project opens SQLite."""

from __future__ import annotations

from pathlib import Path

from tokenmill.kit.faults import Code, Fault

BUSY_SECONDS = 5.0
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}",
    # A killed process loses nothing; only a machine that loses power may lose its last transactions.
    "PRAGMA synchronous = NORMAL",
)

_PREFIX = "sqlite:///"


def sqlite_file(url: str) -> Path:
    """`sqlite:////srv/data/tokenmill.db` → `/srv/data/tokenmill.db`.

    Raises Fault(MISCONFIGURED) for every other kind of URL. The URL may hold a
    password, so the message names only its scheme.
    """
    if url.startswith(_PREFIX) and len(url) > len(_PREFIX):
        return Path(url.removeprefix(_PREFIX))
    scheme = url.partition("://")[0] + "://…" if "://" in url else "not a URL"
    raise Fault(
        Code.MISCONFIGURED,
        f"[database] url is {scheme}, but this version runs on SQLite only. "
        "Write sqlite:///FILE, or leave it out to get tokenmill.db in the data directory.",
        field="database.url",
    )


def missing_database(file: Path) -> Fault:
    """The fault of a command that comes before `tokenmill init`."""
    return Fault(
        Code.MISCONFIGURED,
        f"There is no TokenMill database at {file}. Run `tokenmill init --data {file.parent}` first.",
        field="database.url",
    )
