"""Tops wallets up by payments: each is begun here, and credited once when its provider says it is paid."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import CursorResult, select, update

from tokenmill.billing.ledger import Side, open_purse, post, wallet_of
from tokenmill.billing.wallet import MOST_AT_ONCE
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.kit.money import Nano, show
from tokenmill.ports import CheckoutAsked, PaymentNews, Payments
from tokenmill.store.database import Database, ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Payment
from tokenmill.store.outbox import announce
from tokenmill.store.tables import Account

Outcome = Literal["credited", "failed", "known", "unknown", "mismatch"]
TOP_UP = '{"kind":"top_up"}'


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as lists show it."""

    id: str
    account_id: AccountId
    provider: str
    amount: Nano
    currency: str
    state: str
    created_at: datetime
    closed_at: datetime | None


async def begin_top_up(
    database: Database,
    clock: Clock,
    provider: Payments,
    *,
    account_id: AccountId,
    amount: Nano,
    success_url: str,
    cancel_url: str,
) -> tuple[PaymentView, str]:
    """A payment, with the address where it is made; no transaction is open while the provider is asked.

    Raises Fault: NOT_FOUND, BAD_VALUE, and what the provider raises; then the payment has failed.
    """
    async with database.write() as work:
        account = await work.session.get(Account, account_id)
        if account is None or account.deleted_at is not None:
            raise Fault(Code.NOT_FOUND, f"There is no account {account_id}.", field="account")
        if not 0 < amount <= MOST_AT_ONCE:
            raise Fault(Code.BAD_VALUE, "Give an amount above 0, and of at most a billion.", field="amount")
        row = Payment(
            id=sortable("pay"),
            account_id=account_id,
            provider=provider.name,
            provider_ref=None,
            amount=amount,
            currency=account.currency,
            purpose=TOP_UP,
            state="open",
            created_at=clock.now(),
            closed_at=None,
        )
        asked = CheckoutAsked(
            payment_id=row.id,
            amount=amount,
            currency=account.currency,
            title=f"TokenMill {show(amount)} {account.currency}",
            email=account.email,
            success_url=success_url,
            cancel_url=cancel_url,
        )
        provider.check(asked)
        work.session.add(row)
    try:
        opened = await provider.checkout(asked)
    except Fault:
        async with database.write() as work:
            await _close(work, clock, row.id, "failed")
        raise
    async with database.write() as work:
        named = update(Payment).where(Payment.id == row.id, Payment.provider_ref.is_(None))
        await work.session.execute(named.values(provider_ref=opened.provider_ref))
    return _view(row), opened.url


async def take_news(work: UnitOfWork, clock: Clock, provider: str, news: PaymentNews) -> Outcome:
    """What became of the payment by what its provider, whose signature was checked, says of it.

    Repeated and belated news change nothing. An amount or a currency other than was asked for is credited
    to nobody: `mismatch` is for people to look at.
    """
    row = (
        await work.session.execute(
            select(Payment.account_id, Payment.amount, Payment.currency, Payment.provider_ref).where(
                Payment.id == news.payment_id, Payment.provider == provider
            )
        )
    ).first()
    if row is None or row.provider_ref not in (None, news.provider_ref):
        return "unknown"
    if not news.paid:
        return "failed" if await _close(work, clock, news.payment_id, "failed") else "known"
    if (row.amount, row.currency) != (news.amount, news.currency):
        return "mismatch"
    # Paid after it had failed: a second attempt on the same page is worth its money all the same.
    if not await _close(work, clock, news.payment_id, "paid", before=("open", "failed")):
        return "known"
    account_id = AccountId(row.account_id)
    purse = wallet_of(account_id)
    await open_purse(work, purse, row.currency)
    await post(
        work,
        clock,
        source=f"payment:{news.payment_id}",
        kind="payment",
        account_id=account_id,
        postings=[
            Side("platform/payments", row.currency, -row.amount),
            Side(purse, row.currency, row.amount),
        ],
        memo={"provider": provider, "reference": news.provider_ref},
    )
    payload = {"amount": show(Nano(row.amount)), "currency": row.currency, "payment": news.payment_id}
    await announce(work, clock, "wallet.paid", account_id, payload, f"wallet.paid:{news.payment_id}")
    return "credited"


async def list_payments(
    work: ReadWork | UnitOfWork, account_id: AccountId, limit: int = 100
) -> list[PaymentView]:
    """The account's payments, the newest first."""
    query = select(Payment).where(Payment.account_id == account_id).order_by(Payment.id.desc()).limit(limit)
    return [_view(row) for row in await work.session.scalars(query)]


async def _close(
    work: UnitOfWork, clock: Clock, payment_id: str, state: str, *, before: tuple[str, ...] = ("open",)
) -> bool:
    closed = await work.session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.state.in_(before))
        .values(state=state, closed_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(closed, CursorResult)
    return closed.rowcount > 0


def _view(row: Payment) -> PaymentView:
    return PaymentView(
        id=row.id,
        account_id=AccountId(row.account_id),
        provider=row.provider,
        amount=Nano(row.amount),
        currency=row.currency,
        state=row.state,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )
