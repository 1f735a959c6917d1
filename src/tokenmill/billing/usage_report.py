"""Sums up what an account has used."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import func, select

from tokenmill.billing.chain import active_row
from tokenmill.billing.ledger import CREDITS, credits_of, look_into, wallet_of
from tokenmill.billing.plans import MILLI
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold, Posting
from tokenmill.store.tables import Usage


class TokenTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Disjoint counts, but for `output_reasoning`, which is part of `output`."""

    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int


class CreditTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Token Plan credits of the running subscription, exact to a thousandth; whole ones are integers.

    `left` includes what running exchanges have set aside.
    """

    used: int | float
    left: int | float


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

    `requests` counts those answered 2xx, `tokens` those of all, since what was delivered before a failure
    is metered too. `cost` is what was taken from the wallet for them. Balance, credits and holds are those
    of this moment.
    """
    query = select(
        func.count().filter(Usage.http_status.between(200, 299)),
        func.coalesce(func.sum(Usage.cost - Usage.shortfall).filter(Usage.unit == currency), 0),
        *(func.coalesce(func.sum(getattr(Usage, name)), 0) for name in TokenTotals.__struct_fields__),
    ).where(Usage.account_id == account_id)
    if since is not None:
        query = query.where(Usage.started_at >= since)
    requests, cost, *tokens = (await work.session.execute(query)).one()
    running = select(func.count()).where(Hold.account_id == account_id, Hold.state == "held")
    balance = (await look_into(work, wallet_of(account_id))).balance
    return UsageReport(
        requests=requests,
        tokens=TokenTotals(**dict(zip(TokenTotals.__struct_fields__, map(int, tokens), strict=True))),
        cost={currency: show(Nano(int(cost)))},
        credits=await _credits(work, account_id),
        balance={currency: show(Nano(balance))},
        holds_open=int(await work.session.scalar(running) or 0),
    )


async def _credits(work: ReadWork, account_id: AccountId) -> CreditTotals:
    row = await active_row(work, account_id)
    if row is None:
        return CreditTotals(used=0, left=0)
    # Refunds are in this sum, and what nobody could pay is not: used + left = granted.
    earned = select(func.coalesce(func.sum(Posting.amount), 0)).where(
        Posting.ledger_account.in_([f"used/{row.id}", f"shortfall/{row.id}"]), Posting.unit == CREDITS
    )
    used = int(await work.session.scalar(earned) or 0)
    return CreditTotals(
        used=_credits_in(used), left=_credits_in((await look_into(work, credits_of(row.id))).balance)
    )


def _credits_in(milli: int) -> int | float:
    return milli // MILLI if milli % MILLI == 0 else milli / MILLI
