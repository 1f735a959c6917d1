"""The account's money: what is left, where it went, how more comes in."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from tokenmill.accounts.audit import Actor
from tokenmill.accounts.preferences import preferences
from tokenmill.accounts.throttle import Subject
from tokenmill.admin.acting import acting, acting_as
from tokenmill.admin.buckets import zone_of
from tokenmill.admin.caller import Anyone, Desk, Member, Owner, address_of
from tokenmill.admin.months import month_in, month_of, month_sheet
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import (
    Amount,
    AmountAsked,
    Asked,
    Cursor,
    Everything,
    Limit,
    Moment,
    Page,
    Secret,
    Shown,
)
from tokenmill.billing.codes import redeem
from tokenmill.billing.ledger import look_into, wallet_of
from tokenmill.billing.payments import begin_top_up, list_payments, take_news
from tokenmill.billing.wallet import Line, statement
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Payments

router = APIRouter(tags=["wallet"])

MonthName = Annotated[str, Query(max_length=7, description="As 2026-11.")]
Zone = Annotated[str, Query(max_length=64, description="A time zone, as Asia/Shanghai.")]


class Wallet(Shown):
    """`free` is what can be spent now; the rest is set aside for exchanges that run."""

    currency: str
    balance: Amount
    held: Amount
    free: Amount
    low_balance_warning: bool
    payments: bool = Field(description="Is there a payment provider to top up with?")


class Entry(Shown):
    """A movement as the wallet saw it; `balance` is what it held afterwards."""

    id: str
    kind: str
    source: str
    at: Moment
    amount: Amount
    balance: Amount
    details: dict[str, Any]


class MonthLineShown(Shown):
    """A movement, or with the kind `usage` the exchanges of `day` together; `balance` after it."""

    id: str
    kind: str
    at: Moment
    day: str | None
    count: int
    amount: Amount
    balance: Amount
    source: str
    details: dict[str, Any]


class MonthShown(Shown):
    """The newest line first; `sums` by kind add up to `closing` less `opening`, `ever` to the balance.

    `cut`: the month has lines before the last of these; the file has them all.
    """

    month: str
    zone: str
    currency: str
    since: Moment
    until: Moment
    opening: Amount
    closing: Amount
    sums: dict[str, Amount]
    ever: dict[str, Amount]
    lines: list[MonthLineShown]
    cut: bool


class CodeAsked(Asked):
    code: Secret


class CodeRedeemed(Shown):
    amount: Amount
    balance: Amount
    currency: str


class TopUpAsked(Asked):
    amount: AmountAsked


class Checkout(Shown):
    """`url` is where the payment is made."""

    payment_id: str
    url: str


class PaymentShown(Shown):
    """`state`: open, paid, failed or refunded."""

    id: str
    provider: str
    amount: Amount
    currency: str
    state: str
    created_at: Moment
    closed_at: Moment | None


class News(Shown):
    """What became of a provider's call; all but `mismatch` is as it should be."""

    outcome: str


@router.get("/wallet")
async def wallet(caller: Member, desk: Desk) -> Wallet:
    """What is left."""
    async with desk.database.read() as work:
        purse = await look_into(work, wallet_of(caller.account_id))
        threshold = (await preferences(work, caller.account_id)).low_balance
    return Wallet(
        currency=caller.who.currency,
        balance=purse.balance,
        held=purse.held,
        free=purse.free,
        low_balance_warning=threshold is not None and purse.balance < threshold,
        payments=desk.payments is not None,
    )


@router.get("/wallet/statement")
async def entries(caller: Member, desk: Desk, limit: Limit = 50, cursor: Cursor = None) -> Page[Entry]:
    """What came in and went out, the newest first, each with the balance after it."""
    async with desk.database.read() as work:
        found = await statement(work, wallet_of(caller.account_id), cursor=cursor, limit=limit)
    return Page(data=[entry_shown(line) for line in found.lines], next_cursor=found.next)


@router.get("/wallet/month")
async def statement_of_month(month: MonthName, caller: Member, desk: Desk, zone: Zone = "UTC") -> MonthShown:
    """What a month of a time zone began and ended with, and what changed it; exchanges by the day."""
    place = zone_of(zone)
    since, until = month_of(month, place)
    async with desk.database.read() as work:
        found = await month_in(work, wallet_of(caller.account_id), since, until, place)
    return MonthShown(
        month=month,
        zone=zone,
        currency=caller.who.currency,
        since=since,
        until=until,
        opening=found.opening,
        closing=found.closing,
        sums=dict(found.sums),
        ever=dict(found.ever),
        lines=[MonthLineShown.of(line) for line in found.lines],
        cut=found.cut,
    )


@router.get("/wallet/statement.csv", response_class=StreamingResponse)
async def statement_csv(
    month: MonthName, caller: Member, desk: Desk, zone: Zone = "UTC"
) -> StreamingResponse:
    """The same as a file for spreadsheets, with each exchange by itself."""
    place = zone_of(zone)
    since, until = month_of(month, place)
    purse = wallet_of(caller.account_id)
    return StreamingResponse(
        month_sheet(desk.database, purse, caller.who.currency, since, until, place),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="statement-{month}.csv"'},
    )


@router.post("/wallet/redeem")
async def redeem_code(asked: CodeAsked, caller: Owner, desk: Desk) -> CodeRedeemed:
    """Put a code's money into the wallet; who guesses has to wait."""
    guesser = Subject("code", caller.account_id)
    await desk.throttle.admit(guesser)
    async with acting(desk, caller, "wallet.redeem") as act:
        done = await redeem(
            act.work,
            desk.clock,
            [desk.secret, *desk.secrets_old],
            account_id=caller.account_id,
            code=asked.code,
        )
        await desk.throttle.forgive(act.work, guesser)
        act.on(caller.account_id, amount=done.amount, currency=done.currency)
    return CodeRedeemed.of(done)


@router.post("/wallet/checkout", status_code=201)
async def check_out(asked: TopUpAsked, caller: Owner, desk: Desk) -> Checkout:
    """Begin a payment that tops the wallet up; it is credited when the provider says that it is paid."""
    provider = _provider(desk)
    async with acting(desk, caller, "wallet.checkout") as act:
        act.on(caller.account_id, amount=asked.amount, provider=provider.name)
    page = f"{desk.public_url}/console/wallet"
    payment, url = await begin_top_up(
        desk.database,
        desk.clock,
        provider,
        account_id=caller.account_id,
        amount=asked.amount,
        success_url=f"{page}?paid=yes",
        cancel_url=f"{page}?paid=no",
    )
    return Checkout(payment_id=payment.id, url=url)


@router.get("/wallet/payments")
async def payments(caller: Member, desk: Desk) -> Everything[PaymentShown]:
    """The account's last hundred payments, the newest first."""
    async with desk.database.read() as work:
        rows = await list_payments(work, caller.account_id)
    return Everything(data=[PaymentShown.of(row) for row in rows])


@router.post("/payments/news")
async def take_payment_news(_: Anyone, desk: Desk, request: Request) -> News:
    """What the payment provider calls; it proves itself by its signature."""
    provider = _provider(desk)
    news = provider.read_news(await request.body(), request.headers.get("stripe-signature"))
    if news is None:
        return News(outcome="ignored")
    actor = Actor(provider.name, None, address_of(request))
    async with acting_as(desk, actor, "payment.news") as act:
        outcome = await take_news(act.work, desk.clock, provider.name, news)
        act.on(news.payment_id, outcome=outcome)
    return News(outcome=outcome)


def _provider(desk: Services) -> Payments:
    if desk.payments is None:
        raise Fault(Code.CONFLICT, "No payment provider is set up. Redeem a code, or ask the operator.")
    return desk.payments


def entry_shown(line: Line) -> Entry:
    """A movement as it is shown."""
    return Entry(
        id=line.transfer_id,
        kind=line.kind,
        source=line.source,
        at=line.at,
        amount=line.amount,
        balance=line.balance,
        details=json.loads(line.memo or "{}"),
    )
