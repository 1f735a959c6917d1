"""Sums up what keys were used for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from tokenmill.kit.ids import KeyId
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.tables import Usage


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key's use: `cost` of what was paid in money, in nano-units; `client` is the tool seen last."""

    requests: int
    cost: int
    last_at: datetime
    client: str


async def uses_of(work: ReadWork | UnitOfWork, keys: Sequence[KeyId], since: datetime) -> dict[KeyId, KeyUse]:
    """What each key was used for at `since` and later; keys that were not are left out."""
    rows = await work.session.execute(
        select(
            Usage.key_id,
            func.count(),
            func.coalesce(func.sum(Usage.cost - Usage.shortfall).filter(Usage.unit != "credits"), 0),
            func.max(Usage.id),
        )
        .where(Usage.key_id.in_(keys), Usage.started_at >= since)
        .group_by(Usage.key_id)
    )
    sums = {key_id: (requests, int(cost), last) for key_id, requests, cost, last in rows}
    newest = [last for _, _, last in sums.values()]
    seen = await work.session.execute(
        select(Usage.key_id, Usage.started_at, Usage.client).where(Usage.id.in_(newest))
    )
    return {
        KeyId(key_id): KeyUse(sums[key_id][0], sums[key_id][1], at, client) for key_id, at, client in seen
    }
