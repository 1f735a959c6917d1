"""Brings a database to the newest schema, one process at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.sqlite import BUSY_SECONDS, PRAGMAS, missing_database, sqlite_file

LOCK_NAME = "migrate.lock"  # In the data directory.

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """The number of the newest revision this version ships: `0001`.

    Read from the files' names, since asking Alembic would cost every command its import.
    """
    return max(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def pending(url: str) -> bool:
    """Would `migrate` change the database at `url`? True as well when there is none yet."""
    return _current_revision(sqlite_file(url)) != newest_revision()


def require_migrated(url: str) -> None:
    """Raises Fault(MISCONFIGURED) that says what to run unless the schema is the one this version knows."""
    file = sqlite_file(url)
    current = _current_revision(file)
    if current == newest_revision():
        return
    if current is None:
        raise missing_database(file)
    if current > newest_revision():
        raise _too_new(file, current)
    raise Fault(
        Code.MISCONFIGURED,
        f"The database at {file} is from an older version (revision {current}, needs {newest_revision()}). "
        f"Run `tokenmill migrate --data {file.parent}` first.",
    )


def migrate(url: str, lock_path: Path) -> bool:
    """Applies what is missing, in one transaction; True if there was anything.

    `lock_path` is a file that processes of one data directory share; whoever comes
    second waits and finds the work done. Raises Fault(MISCONFIGURED) for a database
    that a newer version has migrated.
    """
    file = sqlite_file(url)
    with _locked(lock_path):
        before = _current_revision(file)
        if before == newest_revision():
            return False
        if before is not None and before > newest_revision():
            raise _too_new(file, before)
        _upgrade(file)
        return True


def alembic_config(**attributes: Any) -> Any:
    """Alembic's configuration, made in memory: there is no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes.update(attributes)
    return config


def _upgrade(file: Path) -> None:
    from alembic import command
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.pool import NullPool

    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its -wal and -shm the same mode.
    engine = create_engine(
        URL.create("sqlite", database=str(file)),
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    # The journal's mode is the file's own and cannot be set inside a transaction.
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as plain:
        plain.execute(PRAGMAS[0])
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection=connection), "head")


def _current_revision(file: Path) -> str | None:
    if not file.exists():
        return None
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise Fault(Code.UNAVAILABLE, f"The database at {file} cannot be read: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise Fault(Code.MISCONFIGURED, f"{file} is not a database of TokenMill: {error}.") from error
    return None if row is None else str(row[0])


def _too_new(file: Path, revision: str) -> Fault:
    return Fault(
        Code.MISCONFIGURED,
        f"The database at {file} is from a newer version of TokenMill (revision {revision}; this one knows "
        f"{newest_revision()}). Run that version, or restore a backup made before it.",
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds `path` for this process alone; the lock goes with the process, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
