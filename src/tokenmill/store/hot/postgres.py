"""Carries out hot operations on PostgreSQL, one round trip for all that wait."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, assert_never

from tokenmill.kit.faults import Code, Fault
from tokenmill.store import postgres
from tokenmill.store.hot import reading
from tokenmill.store.hot.operations import (
    Asked,
    ChangesAsked,
    KeyAsked,
    LatestChangeAsked,
    Read,
    RunningAsked,
    Waiting,
    Write,
    note_split,
    refused,
    tell,
    unavailable,
)
from tokenmill.store.hot.postgres_calls import APPLY, answers, arguments

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.prepared_stmt import PreparedStatement

LIMIT_SECONDS = 4.0  # For a group with all its tries; what came meanwhile is refused with it.
_MOST_AT_ONCE = 200
_SESSION = """
-- Both tries fit into the limit, so that what a lock kept from being done is known not to be done.
SET statement_timeout = '1800ms';
-- Planning costs more than any of our statements, and a plan made while tables were empty is kept.
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
"""

_KEY_BY_HASH = reading.KEY_BY_HASH.format("$1")
_CHANGES_SINCE = reading.CHANGES_SINCE.format("$1", "$2")
_RUNNING = reading.RUNNING.format("SELECT unnest($1::text[])", "$2")


class PostgresGroup:
    """Two connections, one that reads and one that writes, so that readers wait for no commit."""

    def __init__(self, url: str) -> None:
        self._reads = _ReadLane(url)
        self._writes = _WriteLane(url)

    async def open(self) -> None:
        """Connects; raises Fault MISCONFIGURED or UNAVAILABLE where that fails."""
        await self._writes.open()
        try:
            await self._reads.open()
        except BaseException:
            await self._writes.close()
            raise

    def take_read(self, read: Waiting[Read]) -> None:
        """Hands it to the connection that reads."""
        self._reads.take([read])

    def take_writes(self, batch: list[Waiting[Write]]) -> None:
        """Hands the batch to the connection that writes."""
        self._writes.take(batch)

    async def close(self) -> None:
        """Carries out what was taken, then closes."""
        await asyncio.gather(self._writes.close(), self._reads.close())


class _Lane(ABC, Generic[Asked]):
    """A connection that carries out one group after the other, and is opened anew after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: list[Waiting[Asked]] = []
        self._arrived = asyncio.Event()
        self._ending = False
        self._connection: Connection | None = None

    async def open(self) -> None:
        await self._connected()
        self._working = asyncio.create_task(self._work(), name=f"hot-store-{type(self).__name__}")

    def take(self, batch: list[Waiting[Asked]]) -> None:
        self._waiting += batch
        self._arrived.set()

    async def close(self) -> None:
        self._ending = True
        self._arrived.set()
        await self._working
        if self._connection is not None:
            with suppress(Exception):  # Nothing hangs on how it is closed.
                await self._connection.close(timeout=1)

    @abstractmethod
    async def _prepare(self, connection: Connection) -> None:
        """Makes a new connection ready."""

    @abstractmethod
    async def _carry_out(self, batch: list[Waiting[Asked]], again: bool) -> list[Any]:
        """The answers to all; an error when not one of them is carried out, as far as is known."""

    async def _work(self) -> None:
        while not self._ending or self._waiting:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch = self._waiting[:_MOST_AT_ONCE]
                del self._waiting[:_MOST_AT_ONCE]
                outcomes = await self._within_limit(batch)
                tell(batch, outcomes)
                if isinstance(outcomes[0], Fault) and outcomes[0].code is not Code.INTERNAL:
                    behind, self._waiting = self._waiting, []
                    tell(behind, [_copy(outcomes[0]) for _ in behind])

    async def _within_limit(self, batch: list[Waiting[Asked]]) -> list[Any]:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                return await self._outcomes(batch)
        except TimeoutError:
            self._drop()
            return [unavailable("it does not answer in time") for _ in batch]

    async def _outcomes(self, batch: list[Waiting[Asked]]) -> list[Any]:
        """Tries twice; had the first been committed in spite of its error, each operation finds that out."""
        failure: Exception
        for again in (False, True):
            try:
                await self._connected()
                return await self._carry_out(batch, again)
            except Exception as error:
                failure = error
                fault = error if isinstance(error, Fault) else postgres.fault_of(error)
                if fault is not None:
                    self._drop()
        if fault is not None:
            return [_copy(fault, failure) for _ in batch]
        if len(batch) == 1:
            return [refused(failure)]
        note_split(len(batch), failure)
        return [(await self._outcomes([waiting]))[0] for waiting in batch]

    async def _connected(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        self._connection = await postgres.connect(self._url)
        await self._connection.execute(_SESSION)
        await self._prepare(self._connection)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class _WriteLane(_Lane[Write]):
    _apply: PreparedStatement[Any]

    async def _prepare(self, connection: Connection) -> None:
        self._apply = await connection.prepare(APPLY)

    async def _carry_out(self, batch: list[Waiting[Write]], again: bool) -> list[Any]:
        operations = [each.asked for each in batch]
        return answers(operations, await self._apply.fetchval(*arguments(operations, again)))


class _ReadLane(_Lane[Read]):
    async def _prepare(self, connection: Connection) -> None:
        """asyncpg keeps the statements it has prepared."""

    async def _carry_out(self, batch: list[Waiting[Read]], again: bool) -> list[Any]:
        connection = self._connection
        assert connection is not None
        return [await _read(connection, each.asked) for each in batch]


async def _read(connection: Connection, asked: Read) -> Any:
    match asked:
        case KeyAsked(digest):
            rows = await connection.fetch(_KEY_BY_HASH, digest)
        case ChangesAsked(last_id, limit):
            rows = await connection.fetch(_CHANGES_SINCE, last_id, limit)
        case LatestChangeAsked():
            rows = await connection.fetch(reading.LATEST_CHANGE)
        case RunningAsked(nodes, limit):
            rows = await connection.fetch(_RUNNING, list(nodes), limit)
        case _:
            assert_never(asked)
    return reading.answer(asked, rows, _as_it_is)


def _as_it_is(moment: datetime | None) -> datetime | None:
    return moment


def _copy(fault: Fault, cause: BaseException | None = None) -> Fault:
    """Everyone gets an exception of their own, for each raises it."""
    copied = Fault(fault.code, fault.message, field=fault.field, retry_after=fault.retry_after)
    copied.__cause__ = cause
    return copied
