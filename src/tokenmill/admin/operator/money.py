"""An account's money and plan, in an operator's hands: grants, refunds, gifts, prices of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from tokenmill.accounts.accounts import get_account
from tokenmill.accounts.plan_keys import create_plan_key
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.developer.plan import SubscriptionShown, current
from tokenmill.admin.developer.wallet import Entry, entry_shown
from tokenmill.admin.model_shapes import (
    CreditsShown,
    PriceShown,
    credits_shown,
    price_shown,
)
from tokenmill.admin.plan_shapes import Period, PlanId
from tokenmill.admin.shapes import (
    Amount,
    AmountAsked,
    Asked,
    Currency,
    Cursor,
    Done,
    Everything,
    Limit,
    Line,
    Moment,
    Page,
    Shown,
)
from tokenmill.admin.usage_shapes import (
    ExchangesAsked,
    ExchangeShown,
    SeriesAsked,
    UsageShown,
    exchanges_of,
    usage_of,
)
from tokenmill.billing.ledger import wallet_of
from tokenmill.billing.subscriptions import end_subscription, grant_subscription
from tokenmill.billing.wallet import grant, refund_exchange, statement
from tokenmill.catalog.entries import Credits, Price, Prices
from tokenmill.catalog.prices import Override, OverrideView, clear_override, list_overrides, set_override
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ExchangeId
from tokenmill.kit.money import Nano
from tokenmill.store.tables import Usage

router = APIRouter(prefix="/operator/accounts/{account_id}", tags=["operator: money"])


class GrantAsked(Asked):
    """A negative amount takes back; the same `once` for an account is carried out once."""

    amount: AmountAsked
    currency: Currency
    note: Line
    once: str | None = Field(default=None, max_length=64, pattern=r"^[A-Za-z0-9_-]{1,64}$")


class Balance(Shown):
    currency: str
    balance: Amount


class RefundAsked(Asked):
    note: Line


class Refunded(Shown):
    """`first` false: it had been given back before."""

    first: bool


class PlanGift(Asked):
    plan_id: PlanId
    period: Period = "month"
    seats: int = Field(default=1, ge=1, le=10_000)


class PlanGiven(Shown):
    """`secret` is the new `tp-` key, whole for the only time."""

    secret: str
    subscription: SubscriptionShown


class PlanEnd(Asked):
    reason: Line


class MoneyRates(Asked):
    """Per million tokens; `web_search` per search."""

    input: AmountAsked = Field(ge=0, lt=10**18)
    output: AmountAsked = Field(ge=0, lt=10**18)
    cached_input: AmountAsked | None = Field(default=None, ge=0, lt=10**18)
    written_input: AmountAsked | None = Field(default=None, ge=0, lt=10**18)
    web_search: AmountAsked | None = Field(default=None, ge=0, lt=10**18)


class CreditRates(Asked):
    """Credits for one token."""

    input: AmountAsked = Field(ge=0, lt=10**18)
    cached_input: AmountAsked = Field(ge=0, lt=10**18)
    output: AmountAsked = Field(ge=0, lt=10**18)


class PricesAsked(Asked):
    """What a model costs this account; null leaves it to the catalogue."""

    price: MoneyRates | None = None
    credits: CreditRates | None = None


class SpecialPrice(Shown):
    model: str
    prices: list[PriceShown]
    credits: CreditsShown | None
    updated_at: Moment


@router.post("/grant")
async def give(account_id: str, asked: GrantAsked, caller: ConfirmedOperator, desk: Desk) -> Balance:
    """Put money into an account's wallet, or take it back."""
    async with acting(desk, caller, "wallet.grant", AccountId(account_id)) as act:
        balance = await grant(
            act.work,
            desk.clock,
            account_id=AccountId(account_id),
            amount=asked.amount,
            currency=asked.currency,
            note=asked.note,
            by=caller.who.email,
            grant_id=None if asked.once is None else f"{account_id}:{asked.once}",
        )
        act.on(account_id, amount=asked.amount, currency=asked.currency, note=asked.note)
    return Balance(currency=asked.currency, balance=balance)


@router.get("/statement")
async def entries(
    account_id: str, _: Operator, desk: Desk, limit: Limit = 50, cursor: Cursor = None
) -> Page[Entry]:
    """What came into an account's wallet and went out, the newest first."""
    async with desk.database.read() as work:
        await get_account(work, account_id)
        found = await statement(work, wallet_of(AccountId(account_id)), cursor=cursor, limit=limit)
    return Page(data=[entry_shown(line) for line in found.lines], next_cursor=found.next)


@router.get("/usage")
async def series(
    account_id: str, asked: Annotated[SeriesAsked, Query()], _: Operator, desk: Desk
) -> UsageShown:
    """An account's usage over time."""
    async with desk.database.read() as work:
        currency = (await get_account(work, account_id)).currency
        return await usage_of(work, desk, asked, AccountId(account_id), currency)


@router.get("/exchanges")
async def exchanges(
    account_id: str, asked: Annotated[ExchangesAsked, Query()], _: Operator, desk: Desk
) -> Page[ExchangeShown]:
    """An account's exchanges, the newest first, with the targets that answered."""
    async with desk.database.read() as work:
        await get_account(work, account_id)
        return await exchanges_of(work, asked, AccountId(account_id), targets=True)


@router.post("/exchanges/{exchange_id}/refund")
async def refund(
    account_id: str, exchange_id: str, asked: RefundAsked, caller: ConfirmedOperator, desk: Desk
) -> Refunded:
    """Give back what an exchange cost; twice is once."""
    async with acting(desk, caller, "wallet.refund", AccountId(account_id)) as act:
        row = await act.work.session.get(Usage, exchange_id)
        if row is None or row.account_id != account_id:
            raise Fault(Code.NOT_FOUND, "This account has no such exchange.", field="exchange_id")
        first = await refund_exchange(
            act.work, desk.clock, ExchangeId(exchange_id), note=asked.note, by=caller.who.email
        )
        act.on(exchange_id, note=asked.note, first=first)
    return Refunded(first=first)


@router.get("/plan")
async def plan(account_id: str, _: Operator, desk: Desk) -> Everything[SubscriptionShown]:
    """The account's running plan, if there is one."""
    async with desk.database.read() as work:
        await get_account(work, account_id)
        running = await current(work, desk, AccountId(account_id))
    return Everything(data=[] if running is None else [running])


@router.post("/plan", status_code=201)
async def give_plan(account_id: str, asked: PlanGift, caller: ConfirmedOperator, desk: Desk) -> PlanGiven:
    """Give an account a plan for a period, without payment."""
    async with acting(desk, caller, "plan.grant", AccountId(account_id)) as act:
        given = await grant_subscription(
            act.work,
            desk.clock,
            account_id=AccountId(account_id),
            plan_id=asked.plan_id,
            period=asked.period,
            seats=asked.seats,
        )
        secret, _ = await create_plan_key(
            act.work,
            desk.clock,
            desk.secret,
            account_id=AccountId(account_id),
            subscription_id=given.id,
        )
        act.on(given.id, plan=asked.plan_id, period=asked.period, seats=asked.seats)
    async with desk.database.read() as work:
        running = await current(work, desk, AccountId(account_id))
    assert running is not None
    return PlanGiven(secret=secret, subscription=running)


@router.post("/plan/end")
async def end_plan(account_id: str, asked: PlanEnd, caller: ConfirmedOperator, desk: Desk) -> Done:
    """End an account's plan before its time; unused credits lapse."""
    async with acting(desk, caller, "plan.end", AccountId(account_id)) as act:
        await end_subscription(act.work, desk.clock, AccountId(account_id), asked.reason)
        act.on(account_id, reason=asked.reason)
    return Done()


@router.get("/prices")
async def special_prices(account_id: str, _: Operator, desk: Desk) -> Everything[SpecialPrice]:
    """The models that cost this account what they cost nobody else."""
    async with desk.database.read() as work:
        await get_account(work, account_id)
        own = await list_overrides(work, AccountId(account_id))
    return Everything(data=[_special(each) for each in own])


@router.put("/prices/{model_id:path}")
async def set_special_price(
    account_id: str, model_id: str, asked: PricesAsked, caller: ConfirmedOperator, desk: Desk
) -> SpecialPrice:
    """Give an account a price of its own for a model, in its currency and in credits."""
    async with acting(desk, caller, "price.override", AccountId(account_id)) as act:
        currency = (await get_account(act.work, account_id)).currency
        own = await set_override(
            act.work, desk.clock, AccountId(account_id), model_id, _override(asked, currency)
        )
        act.on(own.model, account=account_id)
    return _special(own)


@router.delete("/prices/{model_id:path}")
async def clear_special_price(account_id: str, model_id: str, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Have the account pay the catalogue's price again."""
    async with acting(desk, caller, "price.override_cleared", AccountId(account_id)) as act:
        await get_account(act.work, account_id)
        await clear_override(act.work, AccountId(account_id), model_id)
        act.on(model_id, account=account_id)
    return Done()


def _override(asked: PricesAsked, currency: str) -> Override:
    rates = asked.price
    price = None
    if rates is not None:
        price = Price(
            input=rates.input,
            output=rates.output,
            cached_input=rates.cached_input,
            written_input=rates.written_input,
            web_search=rates.web_search,
        )
    credits = asked.credits
    return Override(
        price=None if price is None else Prices(cny=price) if currency == "CNY" else Prices(usd=price),
        credits=None
        if credits is None
        else Credits(
            input=Nano(credits.input), cached_input=Nano(credits.cached_input), output=Nano(credits.output)
        ),
    )


def _special(own: OverrideView) -> SpecialPrice:
    prices = own.override.price
    each = [] if prices is None else [("USD", prices.usd), ("CNY", prices.cny)]
    return SpecialPrice(
        model=own.model,
        prices=[price_shown(price, currency) for currency, price in each if price is not None],
        credits=None if own.override.credits is None else credits_shown(own.override.credits),
        updated_at=own.updated_at,
    )
