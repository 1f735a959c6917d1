"""Settles what dead nodes have left behind, at the last counts they wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import structlog
from sqlalchemy import select

from tokenmill.billing.pricing import decode_tariff
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.hold import decode_draft
from tokenmill.jobs.nodes import Nodes
from tokenmill.kit.clock import Clock
from tokenmill.store.database import Database
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.rows import RunningHold, Settled, Settlement
from tokenmill.store.work_tables import Node

EVERY: Final = 5.0
"""Seconds between two sweeps; with the time in which a node is found dead, half a minute at most."""
PAGE: Final = 500

log = structlog.get_logger()


class Holds(Protocol):
    """The part of the hot store that the sweep needs."""

    async def running(self, nodes: Sequence[str], limit: int = PAGE) -> list[RunningHold]:
        """The oldest holds of these nodes that nobody has settled."""
        ...

    async def settle(self, settlement: Settlement) -> Settled:
        """Ends a hold, once."""
        ...


class OrphanSweep:
    """Any node may sweep, several at a time too: a hold is settled once, whoever comes second."""

    def __init__(self, database: Database, holds: Holds, nodes: Nodes, clock: Clock) -> None:
        self._database = database
        self._holds = holds
        self._nodes = nodes
        self._clock = clock

    async def sweep(self) -> int:
        """Finds who has died and settles what they held; the number of exchanges settled."""
        if buried := await self._nodes.bury():
            log.warning("nodes have fallen silent", nodes=buried)
        settled = await self.settle()
        if settled:
            log.warning("exchanges of dead nodes were settled at their last counts", exchanges=settled)
        return settled

    async def settle(self) -> int:
        """Settles what nodes that have ended held; the number of exchanges settled."""
        gone = await self._bereaved()
        settled = 0
        while gone and (orphans := await self._holds.running(gone, PAGE)):
            for orphan in orphans:
                settled += (await self._holds.settle(self._ending(orphan))).first
        return settled

    async def _bereaved(self) -> list[str]:
        """The nodes that hold something and do not live."""
        living = select(Node.id).where(Node.ended_at.is_(None))
        left = select(Hold.node).where(Hold.state == "held", Hold.node.not_in(living)).distinct()
        async with self._database.read() as work:
            return list(await work.session.scalars(left))

    def _ending(self, orphan: RunningHold) -> Settlement:
        draft = decode_draft(orphan.draft)
        counts = msgspec.structs.asdict(orphan.count)
        del counts["id"]
        tariff = decode_tariff(draft.row.tariff)
        # A reply that was not streamed had not a word of it delivered.
        charged = tariff is not None and orphan.purses and draft.row.stream
        cost = tariff.cost(Usage(**counts), orphan.count.searches) if tariff is not None and charged else 0
        now = self._clock.now()
        lasted = max(0, round((now - draft.row.started_at).total_seconds() * 1000))
        # Words of a stream were counted after its status line had gone out.
        answered = draft.row.stream and orphan.count.output > 0
        http_status = 200 if answered else draft.row.http_status
        return Settlement(
            id=orphan.id,
            account_id=orphan.account_id,
            purses=orphan.purses,
            unit=draft.row.unit,
            cost=cost,
            charged=draft.charged,
            unpaid=draft.unpaid,
            state="recovered",
            at=now,
            row=msgspec.structs.replace(
                draft.row, cost=cost, duration_ms=lasted, http_status=http_status, **counts
            ),
        )
