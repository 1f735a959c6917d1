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
from tokenmill.store import postgres
from tokenmill.store.sqlite import BUSY_SECONDS, PRAGMAS, current_revision, missing_database, sqlite_file

LOCK_NAME = "migrate.lock"  # In the data directory.

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest_revision() -> str:
    """The number of the newest revision this version ships: `0001`.

    Read from the files' names, since asking Alembic would cost every command its import.
    """
    return max(file.name[:4] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def pending(url: str) -> bool:
    """Would `migrate` change the database at `url`? True as well when there is none yet."""
    return _current_revision(url) != newest_revision()


def require_migrated(url: str) -> None:
    """Raises Fault(MISCONFIGURED) that says what to run unless the schema is the one this version knows."""
    current = _current_revision(url)
    if current == newest_revision():
        return
    if current is None:
        raise missing_schema() if postgres.on_postgres(url) else missing_database(sqlite_file(url))
    if current > newest_revision():
        raise _too_new(url, current)
    how = "tokenmill migrate"
    if not postgres.on_postgres(url):
        how += f" --data {sqlite_file(url).parent}"
    raise Fault(
        Code.MISCONFIGURED,
        f"The database{_place(url)} is from an older version (revision {current}, "
        f"needs {newest_revision()}). Run `{how}` first.",
    )


def migrate(url: str, lock_path: Path) -> bool:
    """Applies what is missing, in one transaction; True if there was anything.

    Whoever comes second waits and finds the work done: on SQLite by `lock_path`, a file that
    processes of one data directory share, on PostgreSQL by a lock in the database. Raises
    Fault(MISCONFIGURED) for a database that a newer version has migrated.
    """
    if postgres.on_postgres(url):
        return postgres.run_apart(_migrate_postgres(url))
    with _locked(lock_path):
        if not _behind(url, _current_revision(url)):
            return False
        _upgrade(sqlite_file(url))
        return True


def missing_schema() -> Fault:
    """The fault of a command that comes before `tokenmill init` on PostgreSQL."""
    return Fault(
        Code.MISCONFIGURED,
        "The database in [database] url holds nothing of TokenMill yet. Run `tokenmill init` first.",
        field="database.url",
    )


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


async def _migrate_postgres(url: str) -> bool:
    from alembic import command
    from sqlalchemy import Connection, text
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    def upgrade(connection: Connection) -> bool:
        table = connection.scalar(text("SELECT to_regclass('alembic_version')::text"))
        before = table and connection.scalar(text("SELECT version_num FROM alembic_version"))
        if not _behind(url, before):
            return False
        command.upgrade(alembic_config(connection=connection), "head")
        return True

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: postgres.connect(url, to_migrate=True),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({postgres.MIGRATION_LOCK})"))
            return await connection.run_sync(upgrade)
    except DBAPIError as error:
        if fault := postgres.fault_of(error, postgres.database_name(url)):
            raise fault from error
        raise
    finally:
        await engine.dispose()


def _behind(url: str, revision: str | None) -> bool:
    if revision is not None and revision > newest_revision():
        raise _too_new(url, revision)
    return revision != newest_revision()


def _current_revision(url: str) -> str | None:
    if postgres.on_postgres(url):
        return postgres.run_apart(postgres.current_revision(url))
    return current_revision(sqlite_file(url))


def _too_new(url: str, revision: str) -> Fault:
    return Fault(
        Code.MISCONFIGURED,
        f"The database{_place(url)} is from a newer version of TokenMill (revision {revision}; this one "
        f"knows {newest_revision()}). Run that version, or restore a backup made before it.",
    )


def _place(url: str) -> str:
    return "" if postgres.on_postgres(url) else f" at {sqlite_file(url)}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds `path` for this process alone; the lock goes with the process, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
