"""Opens the business database in units of work: one transaction each, committed nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import URL, Connection, event, insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.sqlite import PRAGMAS, missing_database, sqlite_file
from tokenmill.store.tables import ChangeRow

_RETRY_AFTER = 1.0
_KEPT_CONNECTIONS = 2  # Each is a thread and a page cache; the hot path does not come through here.
_EXTRA_CONNECTIONS = 8


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

    def __init__(self, engine: AsyncEngine) -> None:
        self._readers = engine
        self._writers = engine.execution_options(writes=True)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        """A transaction that commits on a clean exit and else rolls back.

        Raises Fault(UNAVAILABLE) when the database is away or stays locked for five seconds.
        """
        with _faults():
            async with AsyncSession(self._writers, expire_on_commit=False) as session, session.begin():
                await session.connection()  # Take the write lock now, not at the first statement.
                yield UnitOfWork(session)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadWork]:
        """A view that does not move while it is read and holds up no writer.

        Raises Fault(UNAVAILABLE) when the database is away.
        """
        with _faults():
            async with AsyncSession(self._readers, expire_on_commit=False) as session:
                yield ReadWork(session)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database at `url` (`sqlite:///FILE`, an absolute path), closed on leaving.

    Raises Fault(MISCONFIGURED) for a URL that this version cannot serve, and for a
    file that is not there. It neither makes nor migrates one: see `store.migrate`.
    """
    file = sqlite_file(url)
    if not file.exists():
        raise missing_database(file)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(file)),  # A path may hold what URLs give a meaning to.
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_EXTRA_CONNECTIONS,
    )
    event.listen(engine.sync_engine, "connect", _prepare_connection)
    event.listen(engine.sync_engine, "begin", _begin)
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


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


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        # SQLAlchemy's text carries the statement and its values; the driver's own does not.
        reason = error.orig if isinstance(error, OperationalError) else "too many at once"
        raise Fault(
            Code.UNAVAILABLE,
            f"The database cannot be used right now ({reason}). Try again; if it stays so, "
            "look for a full disk or for another program that keeps the file locked.",
            retry_after=_RETRY_AFTER,
        ) from error
