"""Token Plans: what is offered, what the account has, how it is bought."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from tokenmill.accounts.keys import KeyView, list_keys
from tokenmill.accounts.plan_keys import create_plan_key, reset_plan_key
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Caller, ConfirmedOwner, Desk, Member, Owner
from tokenmill.admin.plan_shapes import (
    Period,
    PlanId,
    PlanShown,
    QuoteShown,
    plan_as,
    plan_shown,
    quote_shown,
)
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import AmountAsked, Asked, Credits, Everything, Moment, Shown
from tokenmill.billing.chain import SubscriptionView, active_row, view
from tokenmill.billing.offers import list_offers
from tokenmill.billing.subscriptions import buy, quote, set_renewal
from tokenmill.billing.windows import WindowState, window_states
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.plan_tables import Subscription

router = APIRouter(tags=["plan"])


class Order(Asked):
    plan_id: PlanId
    period: Period = "month"
    seats: int = Field(default=1, ge=1, le=10_000)


class Purchase(Order):
    """`at_most` is the price that was agreed to: a dearer one by now is refused."""

    renews: bool = False
    at_most: AmountAsked


class Renewal(Asked):
    """`next_plan_id` is another plan to go on with from the renewal on."""

    renews: bool
    next_plan_id: PlanId | None = None


class WindowLeft(Shown):
    name: str
    limit: Credits
    left: Credits
    used: Credits
    renews_at: Moment


class PlanKey(Shown):
    id: str
    shown: str
    created_at: Moment
    last_used_at: Moment | None


class SubscriptionShown(Shown):
    """What the account has; `plan` is as it was bought."""

    id: str
    plan: PlanShown
    period: Period
    seats: int
    state: str
    starts_at: Moment
    ends_at: Moment
    renews: bool
    next_plan_id: str | None
    credits: Credits
    used: Credits
    left: Credits
    held: Credits
    windows: list[WindowLeft]
    keys: list[PlanKey]


class BaseUrls(Shown):
    openai: str
    anthropic: str


class Plan(Shown):
    """`subscription` null: the account has no plan."""

    subscription: SubscriptionShown | None
    base_urls: BaseUrls
    history: list[PastSubscription]


class PastSubscription(Shown):
    id: str
    plan_id: str
    period: Period
    state: str
    starts_at: Moment
    ends_at: Moment


class Bought(Shown):
    """`secret` is the new `tp-` key, whole for the only time; null where the keys of before go on."""

    secret: str | None
    quote: QuoteShown
    subscription: SubscriptionShown


class PlanKeyReset(Shown):
    """`secret` is the new `tp-` key, whole for the only time."""

    secret: str
    key: PlanKey


@router.get("/plans")
async def plans(_: Member, desk: Desk) -> Everything[PlanShown]:
    """The plans on offer, in their order, with their prices, windows and hours."""
    async with desk.database.read() as work:
        offers = await list_offers(work, retired=False)
    return Everything(data=[plan_shown(offer) for offer in offers])


@router.get("/plan")
async def plan(caller: Member, desk: Desk) -> Plan:
    """The account's plan: windows, renewal, keys and the Base URLs to copy."""
    async with desk.database.read() as work:
        running = await current(work, desk, caller.account_id)
        past = await work.session.scalars(
            select(Subscription)
            .where(Subscription.account_id == caller.account_id, Subscription.state != "active")
            .order_by(Subscription.id.desc())
            .limit(20)
        )
        history = [
            PastSubscription(
                id=row.id,
                plan_id=row.plan_id,
                period="year" if row.period == "year" else "month",
                state=row.state,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
            )
            for row in past
        ]
    urls = BaseUrls(openai=f"{desk.plan_url}/v1", anthropic=f"{desk.plan_url}/anthropic")
    return Plan(subscription=running, base_urls=urls, history=history)


@router.post("/plan/quote")
async def quote_plan(asked: Order, caller: Member, desk: Desk) -> QuoteShown:
    """What buying this now would cost, or upgrading to it, and what one agrees to."""
    async with desk.database.read() as work:
        priced = await quote(
            work,
            desk.clock,
            account_id=caller.account_id,
            plan_id=asked.plan_id,
            period=asked.period,
            seats=asked.seats,
        )
    return quote_shown(priced)


@router.post("/plan/buy", status_code=201)
async def buy_plan(asked: Purchase, caller: Owner, desk: Desk) -> Bought:
    """Buy a plan from the wallet, or go up to a larger one at once."""
    secret = None
    async with acting(desk, caller, "plan.buy") as act:
        bought, priced = await buy(
            act.work,
            desk.clock,
            account_id=caller.account_id,
            plan_id=asked.plan_id,
            period=asked.period,
            seats=asked.seats,
            renews=asked.renews,
            at_most=asked.at_most,
        )
        if not await _plan_keys(act.work, bought):
            secret, _ = await create_plan_key(
                act.work,
                desk.clock,
                desk.secret,
                account_id=caller.account_id,
                subscription_id=bought.id,
            )
        act.on(bought.id, plan=asked.plan_id, period=asked.period, due=priced.due)
    return Bought(secret=secret, quote=quote_shown(priced), subscription=await _must_have(desk, caller))


@router.post("/plan/renewal")
async def change_renewal(asked: Renewal, caller: Owner, desk: Desk) -> SubscriptionShown:
    """Turn the renewal on or off, or go on with another plan from then on."""
    async with acting(desk, caller, "plan.renewal") as act:
        changed = await set_renewal(
            act.work, caller.account_id, renews=asked.renews, next_plan_id=asked.next_plan_id
        )
        act.on(changed.id, renews=asked.renews, next_plan=asked.next_plan_id)
    return await _must_have(desk, caller)


@router.post("/plan/key/reset", status_code=201)
async def reset_key(caller: ConfirmedOwner, desk: Desk) -> PlanKeyReset:
    """Replace the plan's key: the old one is dead for ever on every node within a second."""
    async with acting(desk, caller, "plan.key_reset") as act:
        secret, made = await reset_plan_key(act.work, desk.clock, desk.secret, caller.account_id)
        act.on(made.id, subscription=made.subscription_id, key=made.shown)
    return PlanKeyReset(secret=secret, key=_key(made))


async def current(work: ReadWork, desk: Services, account_id: AccountId) -> SubscriptionShown | None:
    """The running subscription of an account."""
    row = await active_row(work, account_id)
    if row is None:
        return None
    running = await view(work, row)
    states = await window_states(work, running.id, running.plan, running.starts_at, desk.clock.now())
    keys = await _plan_keys(work, running)
    return SubscriptionShown(
        id=running.id,
        plan=plan_as(running.plan),
        period=running.period,
        seats=running.seats,
        state=running.state,
        starts_at=running.starts_at,
        ends_at=running.ends_at,
        renews=running.renews,
        next_plan_id=running.next_plan_id,
        credits=running.credits,
        used=running.credits - running.left,
        left=running.left,
        held=running.held,
        windows=[_window(state) for state in states],
        keys=[_key(key) for key in keys],
    )


async def _must_have(desk: Services, caller: Caller) -> SubscriptionShown:
    async with desk.database.read() as work:
        running = await current(work, desk, caller.account_id)
    if running is None:
        raise Fault(Code.NOT_FOUND, "This account has no Token Plan.")
    return running


async def _plan_keys(work: ReadWork | UnitOfWork, running: SubscriptionView) -> list[KeyView]:
    keys = await list_keys(work, running.account_id)
    return [key for key in keys if key.kind == "tp" and key.subscription_id == running.id]


def _window(state: WindowState) -> WindowLeft:
    return WindowLeft(
        name=state.name,
        limit=state.limit,
        left=state.left,
        used=state.limit - state.left,
        renews_at=state.renews_at,
    )


def _key(key: KeyView) -> PlanKey:
    return PlanKey(id=key.id, shown=key.shown, created_at=key.created_at, last_used_at=key.last_used_at)
