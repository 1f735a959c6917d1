"""Ends exchanges: charges what was used, once, however often it takes to write it down."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from tokenmill.exchange.hold import Hold, PurseStore
from tokenmill.exchange.ticket import Ticket
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import ExchangeId
from tokenmill.store.rows import RunningCount, UsageRow

COUNT_EVERY: Final = 1.0
"""Seconds between two writings of what runs: as much is lost, at the most, when this node is killed."""
RETRY_EVERY: Final = 1.0
"""Seconds between two attempts to write what the database did not take."""

log = structlog.get_logger()


class Settlements:
    """Knows every exchange that has a hold and is not settled yet."""

    def __init__(self, store: PurseStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: dict[ExchangeId, tuple[Ticket, RunningCount | None]] = {}
        self._holds: dict[ExchangeId, Hold] = {}
        self._late: dict[ExchangeId, tuple[Hold, UsageRow]] = {}

    def begin(self, ticket: Ticket, hold: Hold) -> None:
        """From now on the exchange's counts are written down while it runs."""
        self._running[ticket.id] = (ticket, None)
        self._holds[ticket.id] = hold

    def void(self) -> None:
        """This node was taken for dead, and what it ran has been settled: its replies end here."""
        for hold in self._holds.values():
            hold.void()

    async def end(self, ticket: Ticket, hold: Hold) -> None:
        """Settles the exchange; when the database is away it is done as soon as that is back."""
        self._running.pop(ticket.id, None)
        self._holds.pop(ticket.id, None)
        ticket.learn()
        await asyncio.shield(self._settle(hold, ticket.row()))

    def end_later(self, ticket: Ticket, hold: Hold) -> None:
        """Settles an exchange of which nobody knows whether its hold was written."""
        self._late[ticket.id] = (hold, ticket.row())

    @property
    def running(self) -> int:
        """How many exchanges run on this node."""
        return len(self._running)

    @property
    def late(self) -> int:
        """How many have ended and could not be settled yet."""
        return len(self._late)

    async def write_counts(self) -> None:
        """Writes what running exchanges have used, where that has grown."""
        grown: list[RunningCount] = []
        for exchange, (ticket, written) in self._running.items():
            count = ticket.count()
            if count != written and (written is not None or ticket.delivered):
                grown.append(count)
                self._running[exchange] = (ticket, count)
        if grown:
            await self._store.count(grown)

    async def settle_late(self) -> None:
        """Tries again what the database did not take. Raises Fault(UNAVAILABLE) when it still does not."""
        for exchange, (hold, row) in list(self._late.items()):
            await hold.settle(row, row.cost, self._clock.now())
            self._late.pop(exchange, None)

    async def give_up(self) -> None:
        """This node is stopping: what it cannot settle now is left to the sweep of another node."""
        with suppress(Fault):
            await self.settle_late()
        for _, row in self._late.values():
            log.error("an exchange is left for another node to settle", exchange=row.id, row=row)

    async def _settle(self, hold: Hold, row: UsageRow) -> None:
        try:
            settled = await hold.settle(row, row.cost, self._clock.now())
        except Fault as fault:
            log.error("an exchange could not be settled yet", exchange=row.id, fault=fault.code.value)
            self._late[row.id] = (hold, row)
            return
        if not settled.first:
            log.warning("an exchange had been settled for us, at its last counts", exchange=row.id)
        elif settled.shortfall:
            log.warning(
                "an exchange cost more than its account had",
                exchange=row.id,
                account=row.account_id,
                shortfall=settled.shortfall,
                unit=row.unit,
            )
