"""Tells how targets have done within the last hour, from the exchanges that they served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import func, select

from tokenmill.catalog.entries import Target
from tokenmill.exchange.attempts import ELSEWHERE
from tokenmill.exchange.hold import decode_draft
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import Usage

TargetState = Literal["off", "down", "degraded", "healthy", "unknown"]
"""`off` takes nothing new; `down` has failed since it last answered, `degraded` has answered since its last
failure, `healthy` has not failed; `unknown` was not asked. A request that was refused is no failure."""

RECENT: Final = timedelta(hours=1)
_ITS_OWN: Final = [code.value for code in ELSEWHERE]


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The last exchange that ended with a fault; `message` is what its caller was told in one word."""

    at: datetime
    fault: str
    model: str


@dataclass(frozen=True, slots=True)
class Doing:
    """What one target did within the last hour; `first_ms` is a mean."""

    in_flight: int = 0
    answered: int = 0
    failed: int = 0
    first_ms: int | None = None
    answered_at: datetime | None = None
    broke_at: datetime | None = None
    last_error: LastFailure | None = None

    def state(self, target: Target) -> TargetState:
        """In a word."""
        if not target.enabled:
            return "off"
        if self.broke_at is None:
            return "unknown" if self.answered_at is None else "healthy"
        return "degraded" if self.answered_at is not None and self.answered_at > self.broke_at else "down"


async def doings(work: ReadWork, now: datetime) -> Mapping[str, Doing]:
    """By the target's id; one that was not asked is not there."""
    recent = Usage.started_at >= now - RECENT
    drafts = await work.session.scalars(select(Hold.draft).where(Hold.state == "held"))
    flying = Counter(str(decode_draft(draft).row.target) for draft in drafts)
    answered, failed = Usage.status == "answered", Usage.status == "failed"
    rows = await work.session.execute(
        select(
            Usage.target,
            func.count().filter(answered),
            func.count().filter(failed),
            func.avg(Usage.first_ms),
            func.max(Usage.started_at).filter(answered),
            func.max(Usage.started_at).filter(failed, Usage.fault.in_(_ITS_OWN)),
        )
        .where(recent)
        .group_by(Usage.target)
    )
    last = select(func.max(Usage.id)).where(failed, recent).group_by(Usage.target)
    errors = {
        row.target: LastFailure(row.started_at, row.fault or "", row.model)
        for row in await work.session.scalars(select(Usage).where(Usage.id.in_(last)))
    }
    found = {
        target: Doing(flying[target], good, bad, _whole(mean), answered_at, broke_at, errors.get(target))
        for target, good, bad, mean, answered_at, broke_at in rows
    }
    return {target: Doing(in_flight=count) for target, count in flying.items()} | found


def _whole(mean: float | None) -> int | None:
    return None if mean is None else round(mean)
