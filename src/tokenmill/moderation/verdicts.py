"""Writes down what was blocked, flagged or could not be judged, and never what was said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Literal, Protocol

import msgspec
import structlog
from sqlalchemy import delete, insert

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import sortable
from tokenmill.moderation.policies import Direction
from tokenmill.store.database import Database, UnitOfWork
from tokenmill.store.moderation_tables import ModerationVerdict

Outcome = Literal["blocked", "flagged", "failed"]

DAYS_KEPT: Final = 90
SWEEP_EVERY: Final = 3_600.0
MOST_WAITING: Final = 10_000
"""Verdicts that wait for a database that is away; beyond, the oldest are given up."""
MOST_AT_ONCE: Final = 20
"""Verdicts of one text, so that whoever floods a prompt with phrases does not flood the table."""

_WRITTEN_AT_ONCE: Final = 500
_RETRY_SECONDS: Final = 1.0

log = structlog.get_logger()


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """The request that was judged."""

    exchange_id: str = ""
    request_id: str = ""
    account_id: str = ""
    key_id: str = ""
    model: str = ""
    protocol: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, as it is kept."""

    whose: Whose
    at: datetime
    direction: Direction
    place: str
    outcome: Outcome
    category: str
    source: str
    rule: str
    score: float


class VerdictSink(Protocol):
    """Who takes verdicts."""

    def add(self, verdict: Verdict) -> None:
        """Takes one more, and does not wait."""
        ...


class Verdicts:
    """Hands verdicts to the database behind the requests' backs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[Verdict] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()

    def add(self, verdict: Verdict) -> None:
        """It is written soon, by the task of `running`."""
        self._waiting.append(verdict)
        self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes until the block is left, and then what is still waiting."""
        task = asyncio.create_task(self._write_on(), name="moderation verdicts")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            try:
                await self.write()
            except Fault:
                log.error("moderation verdicts could not be written", verdicts=len(self._waiting))

    async def write(self) -> None:
        """Writes what is waiting. Raises Fault(UNAVAILABLE); what was not written goes on waiting."""
        while self._waiting:
            batch = list(islice(self._waiting, _WRITTEN_AT_ONCE))
            async with self._database.write() as work:
                await work.session.execute(insert(ModerationVerdict), [_row(each) for each in batch])
            for each in batch:  # Meanwhile the oldest may have been given up.
                if self._waiting and self._waiting[0] is each:
                    self._waiting.popleft()

    async def sweep(self) -> None:
        """Deletes what is too old."""
        oldest = self._clock.now() - timedelta(days=DAYS_KEPT)
        async with self._database.write() as work:
            await work.session.execute(delete(ModerationVerdict).where(ModerationVerdict.at < oldest))

    async def _write_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.write()
            except Fault as fault:
                log.warning("moderation verdicts wait for the database", fault=fault.code.value)
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()


async def mark(work: UnitOfWork, verdict_id: str, *, false_positive: bool) -> ModerationVerdict:
    """Says whether a verdict was wrong. Raises Fault(NOT_FOUND)."""
    row = await work.session.get(ModerationVerdict, verdict_id)
    if row is None:
        raise Fault(Code.NOT_FOUND, "There is no verdict with this id.")
    row.false_positive = false_positive
    return row


def _row(verdict: Verdict) -> dict[str, object]:
    return {
        "id": sortable("mv"),
        **msgspec.structs.asdict(verdict.whose),
        "at": verdict.at,
        "direction": verdict.direction,
        "place": verdict.place,
        "outcome": verdict.outcome,
        "category": verdict.category,
        "source": verdict.source,
        "rule": verdict.rule.replace("\0", "")[:500],  # A classifier's word, and PostgreSQL keeps no U+0000.
        "permille": round(verdict.score * 1000),
        "false_positive": False,
    }
