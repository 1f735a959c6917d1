"""Sums up what accounts used of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from tokenmill.billing.charts import rolled_until
from tokenmill.billing.ledger import CREDITS
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Rollup
from tokenmill.store.tables import Usage

_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class AccountUse:
    """One account's use: `cost` of what was paid in money, in nano-units; `credits` in milli-credits."""

    requests: int
    cost: int
    credits: int


NOTHING: Final = AccountUse(0, 0, 0)


async def recent_use(
    work: ReadWork, accounts: Sequence[AccountId], now: datetime
) -> dict[AccountId, AccountUse]:
    """What each account used in the last 30 days (UTC), today included; who used nothing is left out.

    Days that are over come from their sums, since a page of busy accounts has millions of single exchanges.
    """
    first = datetime.combine(now.astimezone(UTC).date(), time(), UTC) - timedelta(days=_DAYS - 1)
    split = max(first, await rolled_until(work) or first)
    rolled = (
        select(Rollup.account_id, func.sum(Rollup.requests), *_costs(Rollup.unit, Rollup.cost))
        .where(
            Rollup.account_id.in_(accounts),
            Rollup.day >= first.date().isoformat(),
            Rollup.day < split.date().isoformat(),
        )
        .group_by(Rollup.account_id)
    )
    live = (
        select(Usage.account_id, func.count(), *_costs(Usage.unit, Usage.cost - Usage.shortfall))
        .where(Usage.account_id.in_(accounts), Usage.started_at >= split)
        .group_by(Usage.account_id)
    )
    found: dict[AccountId, AccountUse] = {}
    for query in (rolled, live):
        for account_id, requests, cost, credits in await work.session.execute(query):
            before = found.get(AccountId(account_id), NOTHING)
            found[AccountId(account_id)] = AccountUse(
                before.requests + requests, before.cost + int(cost), before.credits + int(credits)
            )
    return found


def _costs(unit: Any, cost: Any) -> tuple[ColumnElement[int], ColumnElement[int]]:
    return (
        func.coalesce(func.sum(cost).filter(unit != CREDITS), 0),
        func.coalesce(func.sum(cost).filter(unit == CREDITS), 0),
    )
