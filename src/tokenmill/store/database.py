"""Opens the business database in units of work: one transaction each, committed nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import URL, Connection, event, insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tokenmill.kit.faults import Code, Fault
from tokenmill.store import postgres
from tokenmill.store.sqlite import PRAGMAS, LetsGo, missing_database, sqlite_file
from tokenmill.store.tables import ChangeRow

_RETRY_AFTER = 1.0
_KEPT_CONNECTIONS = 2  # Each is a thread and a page cache, or a process; the hot path does not come here.
_EXTRA_CONNECTIONS = 8

FaultOf = Callable[[Exception], Fault | None]
"""What an error of the driver means; None for a bug of ours."""


@dataclass(frozen=True, slots=True)
class ReadWork:
    """One consistent view of the database; what it adds or changes is never committed."""

    session: AsyncSession


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction: all of it is kept, or none."""

    session: AsyncSession

    async def changed(self, kind: str, key: str) -> None:
        """Tells every node, once this transaction is committed, that `key` of `kind` is not what it was."""
        await self.session.execute(insert(ChangeRow).values(kind=kind, key=key, at=datetime.now(UTC)))


class Database:
    """Hands out units of work; `open_database` makes it."""

    def __init__(self, readers: AsyncEngine, writers: AsyncEngine, fault_of: FaultOf) -> None:
        self._readers = readers
        self._writers = writers
        self._fault_of = fault_of

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that commits on a clean exit and else rolls back; there is one at a time.

        What it reads is what it will change: no other unit of work comes between, on any node.
        The hot path's own transactions may. Raises Fault(UNAVAILABLE) when the database is away
        or stays locked for five seconds.
        """
        with self._faults():
            async with AsyncSession(self._writers, expire_on_commit=False) as session, session.begin():
                await session.connection()  # Take the write lock now, not at the first statement.
                yield UnitOfWork(session)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadWork]:
        """A view that does not move while it is read and holds up no writer.

        Raises Fault(UNAVAILABLE) when the database is away.
        """
        with self._faults():
            async with AsyncSession(self._readers, expire_on_commit=False) as session:
                yield ReadWork(session)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise postgres.unavailable("too many at once") from error
        except (DBAPIError, ConnectionError, TimeoutError) as error:
            if fault := self._fault_of(error):
                raise fault from error
            raise


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database at `url` (`sqlite:///FILE`, an absolute path, or `postgresql://…`), closed on leaving.

    Raises Fault(MISCONFIGURED) for a URL that cannot be served, for a file that is not there, and for what
    PostgreSQL refuses; Fault(UNAVAILABLE) for a server that is away. It neither makes nor migrates a
    database: see `store.migrate`.
    """
    engine, database = _on_postgres(url) if postgres.on_postgres(url) else _on_sqlite(url)
    try:
        if postgres.on_postgres(url):
            async with engine.connect():  # What is wrong with the URL is said now.
                pass
        yield database
    finally:
        await engine.dispose()


def _on_postgres(url: str) -> tuple[AsyncEngine, Database]:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: postgres.connect(url),
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_EXTRA_CONNECTIONS,
        hide_parameters=True,  # Values would go to the log with a failed statement, hashes among them.
        pool_pre_ping=True,  # After a restart of the server, nobody gets a connection of before.
    )
    event.listen(engine.sync_engine, "begin", _take_turn)
    name = postgres.database_name(url)
    readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    writers = engine.execution_options(writes=True)
    return engine, Database(readers, writers, lambda error: postgres.fault_of(error, name))


def _take_turn(connection: Connection) -> None:
    """Units of work that read and then write would lose each other's changes; so they come one by one."""
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({postgres.WRITER_LOCK})")


def _on_sqlite(url: str) -> tuple[AsyncEngine, Database]:
    file = sqlite_file(url)
    if not file.exists():
        raise missing_database(file)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(file)),  # A path may hold what URLs give a meaning to.
        connect_args={"factory": LetsGo},
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_EXTRA_CONNECTIONS,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare_connection)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine, Database(engine, engine.execution_options(writes=True), _sqlite_fault)


def _prepare_connection(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # The driver's own BEGIN would come too late; `_begin` sends ours.
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer that starts as a reader fails at once when another has written since; so it starts as one."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _sqlite_fault(error: Exception) -> Fault | None:
    if type(error) is DatabaseError:  # Damaged pages; every other complaint has a class of its own.
        return Fault(
            Code.MISCONFIGURED,
            f"The database file is damaged ({error.orig}). Stop the platform and bring the file back from a "
            "backup, or save what can be read with `sqlite3 FILE .recover`.",
        )
    if not isinstance(error, OperationalError):
        return None
    # SQLAlchemy's text carries the statement and its values; the driver's own does not.
    return Fault(
        Code.UNAVAILABLE,
        f"The database cannot be used right now ({error.orig}). Try again; if it stays so, "
        "look for a full disk or for another program that keeps the file locked.",
        retry_after=_RETRY_AFTER,
    )
