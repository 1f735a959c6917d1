"""Reads how much of a plan's extra windows is left."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select

from tokenmill.billing.plans import Plan
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Purse


class WindowState(msgspec.Struct, frozen=True, kw_only=True):
    """One window as it stands, in milli-credits; at `renews_at` it is fresh again."""

    name: str
    limit: int
    left: int
    renews_at: datetime


def window_purse(subscription_id: str, name: str, number: int) -> str:
    """The purse of a subscription's window; the first hold in it opens it."""
    return f"window/{subscription_id}/{name}/{number}"


async def window_states(
    work: ReadWork | UnitOfWork, subscription_id: str, plan: Plan, starts_at: datetime, now: datetime
) -> list[WindowState]:
    """Every window of the plan, in its order; one that nobody has used yet has no purse, and is whole."""
    purses = {
        window.name: window_purse(subscription_id, window.name, window.number(starts_at, now))
        for window in plan.windows
    }
    rows = await work.session.execute(select(Purse.id, Purse.balance).where(Purse.id.in_(purses.values())))
    left = {row.id: row.balance for row in rows}
    return [
        WindowState(
            name=window.name,
            limit=window.credits,
            left=left.get(purses[window.name], window.credits),
            renews_at=window.ends_at(starts_at, now),
        )
        for window in plan.windows
    ]
