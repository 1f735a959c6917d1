"""Puts money into wallets, takes it back, and tells how it came and went."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select

from tokenmill.billing.ledger import CREDITS, Side, look_into, open_purse, post, wallet_of
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ExchangeId, sortable
from tokenmill.kit.money import Nano
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Posting, Purse, Transfer
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account

MOST_AT_ONCE = 10**18
"""A billion units: what one grant may move, so that sums still fit the database's 64 bits."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer as a purse saw it; `balance` is what the purse held after it."""

    transfer_id: str
    source: str
    kind: str
    at: datetime
    amount: int
    balance: int
    memo: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a purse's transfers, the newest first; `next` asks for the page after it."""

    purse_id: str
    unit: str
    lines: tuple[Line, ...]
    next: str | None


async def grant(
    work: UnitOfWork,
    clock: Clock,
    *,
    account_id: AccountId,
    amount: Nano,
    currency: str,
    note: str = "",
    by: str = "",
    grant_id: str | None = None,
) -> Nano:
    """An operator's gift, or with a negative amount the taking back of one; the balance afterwards.

    A repeated `grant_id` changes nothing. Raises Fault: NOT_FOUND; BAD_VALUE for an amount of nothing, or in
    another currency than the account's; NO_FUNDS when less than that is there and not set aside.
    """
    account = await work.session.get(Account, account_id)
    if account is None or account.deleted_at is not None:
        raise Fault(Code.NOT_FOUND, f"There is no account {account_id}.", field="account")
    if currency != account.currency:
        raise Fault(
            Code.BAD_VALUE,
            f"The wallet of {account.email} is in {account.currency}, not in {currency}.",
            field="currency",
        )
    if not 0 < abs(amount) <= MOST_AT_ONCE:
        raise Fault(Code.BAD_VALUE, "Give an amount other than 0, and of at most a billion.", field="amount")
    purse = wallet_of(account_id)
    await open_purse(work, purse, currency)
    if (await look_into(work, purse)).balance + amount >= 2**63:
        raise Fault(Code.BAD_VALUE, "The wallet cannot hold that much.", field="amount")
    await post(
        work,
        clock,
        source=f"grant:{grant_id or sortable('gr')}",
        kind="grant" if amount > 0 else "take_back",
        account_id=account_id,
        postings=[Side("platform/granted", currency, -amount), Side(purse, currency, amount)],
        memo={"note": note, "by": by},
    )
    return Nano((await look_into(work, purse)).balance)


async def refund_exchange(
    work: UnitOfWork, clock: Clock, exchange_id: ExchangeId, *, note: str = "", by: str = ""
) -> bool:
    """Gives back what an exchange cost: the exact inverse of its transfer; False if that was done before.

    Money goes to the wallet, credits to the subscription they came from. A key's cap and a plan's extra
    windows stay as used as they are. Raises Fault: NOT_FOUND for an exchange that cost nothing, CONFLICT for
    credits of a subscription that is over.
    """
    transfer = (
        await work.session.scalars(select(Transfer).where(Transfer.source == f"exchange:{exchange_id}"))
    ).one_or_none()
    if transfer is None:
        raise Fault(Code.NOT_FOUND, f"No exchange {exchange_id[:64]!r} has been charged.", field="exchange")
    charged = list(
        await work.session.scalars(
            select(Posting).where(Posting.transfer_id == transfer.id).order_by(Posting.id)
        )
    )
    for posting in charged:
        if posting.unit == CREDITS and posting.ledger_account.startswith("credits/"):
            await _must_run(work, posting.ledger_account.removeprefix("credits/"))
    return await post(
        work,
        clock,
        source=f"refund:{exchange_id}",
        kind="refund",
        account_id=AccountId(transfer.account_id),
        postings=[Side(each.ledger_account, each.unit, -each.amount) for each in charged],
        memo={"exchange": exchange_id, "note": note, "by": by},
    )


async def statement(
    work: ReadWork | UnitOfWork, purse_id: str, *, cursor: str | None = None, limit: int = 50
) -> Statement:
    """A page of what came into and left the purse (`wallet/…`, `credits/…`), from `cursor` on backwards.

    The running figures go on from page to page, whatever is posted meanwhile. Raises Fault: NOT_FOUND,
    BAD_VALUE for a cursor that no page has given.
    """
    purse = (
        await work.session.execute(select(Purse.unit, Purse.balance).where(Purse.id == purse_id))
    ).first()
    if purse is None:
        raise Fault(Code.NOT_FOUND, f"There is no purse {purse_id[:64]!r}.", field="purse")
    before, balance = (None, purse.balance) if cursor is None else _read_cursor(cursor)
    query = (
        select(Posting.id, Posting.amount, Transfer)
        .join(Transfer, Transfer.id == Posting.transfer_id)
        .where(Posting.ledger_account == purse_id)
        .order_by(Posting.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(Posting.id < before)
    rows = (await work.session.execute(query)).all()
    lines: list[Line] = []
    for _, amount, transfer in rows[:limit]:
        lines.append(_line(transfer, amount, balance))
        balance -= amount
    more = f"{rows[limit - 1][0]}.{balance}" if len(rows) > limit else None
    return Statement(purse_id=purse_id, unit=purse.unit, lines=tuple(lines), next=more)


async def _must_run(work: UnitOfWork, subscription_id: str) -> None:
    row = await work.session.get(Subscription, subscription_id)
    if row is None or row.state != "active":
        raise Fault(
            Code.CONFLICT,
            "The subscription that paid for this exchange is over, and its credits have lapsed.",
            field="exchange",
        )


def _read_cursor(cursor: str) -> tuple[int, int]:
    before, dot, balance = cursor.partition(".")
    numbers = before.isdecimal() and balance.isdecimal() and len(cursor) <= 40
    if not dot or not numbers or max(int(before), int(balance)) >= 2**63:
        raise Fault(Code.BAD_VALUE, "That cursor is not one of a statement's.", field="cursor")
    return int(before), int(balance)


def _line(transfer: Transfer, amount: int, balance: int) -> Line:
    return Line(
        transfer_id=transfer.id,
        source=transfer.source,
        kind=transfer.kind,
        at=transfer.at,
        amount=amount,
        balance=balance,
        memo=transfer.memo,
    )
