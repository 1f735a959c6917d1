"""Sums up what an account has used."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import func, select

from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import ReadWork
from tokenmill.store.tables import Usage


class TokenTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint counts, but for `output_reasoning`, which is part of `output`."""

    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int


class CreditTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Token Plan credits of the running period."""

    used: int
    left: int


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `tokenmill usage --json` prints; money as decimal strings by currency."""

    requests: int
    tokens: TokenTotals
    cost: dict[str, str]
    credits: CreditTotals
    balance: dict[str, str]
    holds_open: int


async def usage_report(
    work: ReadWork, account_id: AccountId, currency: str, since: datetime | None = None
) -> UsageReport:
    """Totals of the exchanges that began at `since` or later; None counts from the beginning.

    `requests` counts those answered 2xx, `tokens` those of all, since what was
    delivered before a failure is metered too. Nothing is charged yet: cost,
    credits, balance and holds are truly zero.
    """
    query = select(
        func.count().filter(Usage.http_status.between(200, 299)),
        *(func.coalesce(func.sum(getattr(Usage, name)), 0) for name in TokenTotals.__struct_fields__),
    ).where(Usage.account_id == account_id)
    if since is not None:
        query = query.where(Usage.started_at >= since)
    requests, *tokens = (await work.session.execute(query)).one()
    nothing = {currency: show(Nano(0))}
    return UsageReport(
        requests=requests,
        tokens=TokenTotals(**dict(zip(TokenTotals.__struct_fields__, map(int, tokens), strict=True))),
        cost=nothing,
        credits=CreditTotals(used=0, left=0),
        balance=nothing,
        holds_open=0,
    )
