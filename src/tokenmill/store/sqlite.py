"""Says how this project opens SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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


class LetsGo(sqlite3.Connection):
    """A connection that gives up its locks when it is closed, whatever it was at.

    SQLite keeps a closed connection, and its transaction, for as long as one of its statements is not read to
    the end; that of a cancelled task may never be.
    """

    def close(self) -> None:
        """Rolls back first: that ends the transaction, pending statements or not."""
        if self.in_transaction:
            self.rollback()
        super().close()


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
        f"[database] url is {scheme}, which is no database of this version. Write sqlite:///FILE or "
        "postgresql://…, or leave it out to get tokenmill.db in the data directory.",
        field="database.url",
    )


def has_keys(file: Path) -> bool:
    """Has the database in `file`, of whatever revision, any key in it?"""
    return _first(file, "SELECT 1 FROM keys LIMIT 1") is not None


def current_revision(file: Path) -> str | None:
    """The revision of the schema in `file`; None when there is none yet, or no file."""
    revision = _first(file, "SELECT version_num FROM alembic_version")
    return None if revision is None else str(revision)


def missing_database(file: Path) -> Fault:
    """The fault of a command that comes before `tokenmill init`."""
    return Fault(
        Code.MISCONFIGURED,
        f"There is no TokenMill database at {file}. Run `tokenmill init --data {file.parent}` first.",
        field="database.url",
    )


def _first(file: Path, sql: str) -> object:
    """The first value of what `sql` finds; None without the file or the table."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute(sql).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None  # It is not migrated yet.
            raise Fault(Code.UNAVAILABLE, f"The database at {file} cannot be read: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise Fault(Code.MISCONFIGURED, f"{file} is not a database of TokenMill: {error}.") from error
    return None if row is None else row[0]
