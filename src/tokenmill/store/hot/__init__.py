"""Serves the database operations that every request needs, many in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import ExchangeId
from tokenmill.store.hot.operations import (
    ChangesAsked,
    Counted,
    Group,
    KeyAsked,
    LatestChangeAsked,
    Read,
    RunningAsked,
    Waiting,
    Write,
    WriteProbed,
)
from tokenmill.store.hot.postgres import PostgresGroup
from tokenmill.store.hot.sqlite import SqliteGroup
from tokenmill.store.postgres import on_postgres
from tokenmill.store.rows import (
    Change,
    Growth,
    HoldAnswer,
    HoldAsked,
    KeyRow,
    RunningCount,
    RunningHold,
    Settled,
    Settlement,
    UsageRow,
)
from tokenmill.store.sqlite import sqlite_file

_RETRY_AFTER = 1.0
_BUSY_EXCHANGES = 4
_GATHER_SECONDS = 0.0005
"""For each running exchange, up to `_MOST_GATHER_SECONDS`."""
_MOST_GATHER_SECONDS = 0.01
"""A commit costs as much as four operations; at 500 exchanges/s it serves ten, after 5 ms five."""
_ENOUGH = 32
"""Operations that wait for no more."""


class HotStore:
    """Runs short operations in groups.

    What is asked for in one turn of the event loop, and what has queued up behind
    a running transaction, shares the next transaction; while more than a few
    exchanges run, up to ten milliseconds are waited for more. Every caller waits until
    its own is committed. An operation whose caller is cancelled is carried out
    all the same: whoever asked for a hold has to settle it, heard or not. Each
    operation is total (it cannot fail for the data it meets), so none rolls back
    its neighbours; should one do so all the same, the group is tried once more and
    then one by one. All can be repeated: what was done already is not done again.

    All methods raise Fault(UNAVAILABLE), with `retry_after`, within five seconds
    when the database is away or locked, and Fault(STOPPING) after closing.
    """

    def __init__(self, url: str, *, synchronous: Literal["normal", "full"] = "normal") -> None:
        """`url` is that of a migrated database; nothing is opened before `async with`.

        SQLite writes through to the disk at every commit only if `synchronous` is `full`: else a machine
        that loses power may lose its last transactions, while a killed process loses none.
        """
        self._group: Group = (
            PostgresGroup(url) if on_postgres(url) else SqliteGroup(sqlite_file(url), synchronous)
        )
        self._writes: list[Waiting[Write]] = []
        self._running = 0
        self._open = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._group.open()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Carries out what waits, then closes."""
        self._open = False
        self._hand_over()
        await self._group.close()

    async def hold(self, asked: HoldAsked) -> HoldAnswer:
        """Sets money or credits aside for an exchange.

        A machine that loses power may forget a hold; a killed process does not.
        """
        answer: HoldAnswer = await self._write(asked)
        if answer.granted is not None:
            self._running += 1
        return answer

    async def grow(self, exchange: ExchangeId, *, held: int, want: int, least: int) -> int:
        """By how much the running hold, known to be `held`, was enlarged: up to `want`, in every purse.

        0 when less than `least` is free in one of them, or when the hold is settled.
        """
        grown: int = await self._write(Growth(id=exchange, held=held, want=want, least=least))
        return grown

    async def settle(self, settlement: Settlement) -> Settled:
        """Gives the hold back, charges min(cost, hold + what is free), posts it, and writes the usage row.

        Durable on return. A hold that was forgotten is made up for; a second settlement changes nothing.
        """
        self._running = max(0, self._running - 1)
        settled: Settled = await self._write(settlement)
        return settled

    async def count(self, counts: Sequence[RunningCount]) -> None:
        """Notes what running exchanges have used so far; settled ones are passed over."""
        if counts:
            await self._write(Counted(counts))

    async def running(self, nodes: Sequence[str], limit: int = 500) -> list[RunningHold]:
        """The oldest `limit` holds of these nodes that nobody has settled."""
        holds: list[RunningHold] = await self._read(RunningAsked(nodes, limit))
        return holds

    async def add_usage(self, row: UsageRow) -> None:
        """Writes the row of an exchange that has no hold, durable on return; one that is there stays."""
        await self._write(row)

    async def key_by_hash(self, digest: bytes) -> KeyRow | None:
        """The key whose keyed hash this is, whatever its state; deleted ones are found too."""
        row: KeyRow | None = await self._read(KeyAsked(digest))
        return row

    async def changes_since(self, last_id: int, limit: int = 1000) -> list[Change]:
        """The oldest `limit` changes after `last_id`, in order."""
        changes: list[Change] = await self._read(ChangesAsked(last_id, limit))
        return changes

    async def latest_change(self) -> int:
        """The id of the newest change; 0 when there is none."""
        latest: int = await self._read(LatestChangeAsked())
        return latest

    async def probe_write(self) -> None:
        """Writes without changing anything, to learn whether the database takes writes."""
        await self._write(WriteProbed())

    async def _read(self, asked: Read) -> Any:
        self._refuse_when_closed()
        waiting: Waiting[Read] = Waiting(asked, self._loop.create_future())
        self._group.take_read(waiting)
        return await waiting.future

    async def _write(self, asked: Write) -> Any:
        self._refuse_when_closed()
        waiting: Waiting[Write] = Waiting(asked, self._loop.create_future())
        self._writes.append(waiting)
        if len(self._writes) == 1:
            self._handing_over = self._hand_over_soon()
        elif len(self._writes) == _ENOUGH:
            self._handing_over.cancel()
            self._hand_over()
        return await waiting.future

    def _hand_over_soon(self) -> asyncio.Handle:
        if self._running < _BUSY_EXCHANGES:
            return self._loop.call_soon(self._hand_over)
        gather = min(self._running * _GATHER_SECONDS, _MOST_GATHER_SECONDS)
        return self._loop.call_later(gather, self._hand_over)

    def _refuse_when_closed(self) -> None:
        if not self._open:
            raise Fault(
                Code.STOPPING, "The server is stopping. Try again in a moment.", retry_after=_RETRY_AFTER
            )

    def _hand_over(self) -> None:
        if self._writes:
            self._group.take_writes(self._writes)
            self._writes = []
