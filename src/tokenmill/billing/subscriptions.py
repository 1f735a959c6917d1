"""Begins subscriptions to Token Plans: bought from the wallet, granted, or upgraded."""

from __future__ import annotations

from sqlalchemy import func, select

from tokenmill.billing.chain import SubscriptionView, active_row, begin, close, move_keys, told, view
from tokenmill.billing.ledger import PurseState, credits_of, lock_purse, look_into
from tokenmill.billing.offers import find_offer, find_plan_to_buy
from tokenmill.billing.periods import end_after, is_over
from tokenmill.billing.plans import Period, Plan, decode_plan
from tokenmill.billing.quotes import Holding, Order, Quote, price_of, quote_purchase, quote_upgrade
from tokenmill.billing.renewals import end_now, renew_or_end
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.outbox import announce
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account


async def active_subscription(work: ReadWork | UnitOfWork, account_id: AccountId) -> SubscriptionView | None:
    """The account's running subscription; there is one at a time."""
    row = await active_row(work, account_id)
    return None if row is None else await view(work, row)


async def list_subscriptions(
    work: ReadWork | UnitOfWork, account_id: AccountId, limit: int = 100
) -> list[SubscriptionView]:
    """The account's subscriptions, the newest first."""
    rows = await work.session.scalars(
        select(Subscription)
        .where(Subscription.account_id == account_id)
        .order_by(Subscription.id.desc())
        .limit(limit)
    )
    return [await view(work, row) for row in rows]


async def quote(
    work: ReadWork | UnitOfWork,
    clock: Clock,
    *,
    account_id: AccountId,
    plan_id: str,
    period: Period = "month",
    seats: int = 1,
) -> Quote:
    """What buying this now would cost: a purchase, or an upgrade of what runs.

    Raises Fault: NOT_FOUND, BAD_VALUE, and CONFLICT for what cannot be bought now.
    """
    plan = await find_plan_to_buy(work, plan_id)
    account = await _account(work, account_id)
    order = Order(plan=plan, period=period, seats=seats, currency=account.currency)
    row = await active_row(work, account_id)
    if row is None or is_over(row.ends_at, clock.now()):
        return quote_purchase(order, clock.now(), first=not await _has_bought(work, account_id))
    return quote_upgrade(order, _holding(row, await look_into(work, credits_of(row.id))), clock.now())


async def buy(
    work: UnitOfWork,
    clock: Clock,
    *,
    account_id: AccountId,
    plan_id: str,
    period: Period = "month",
    seats: int = 1,
    renews: bool = False,
    at_most: Nano | None = None,
) -> tuple[SubscriptionView, Quote]:
    """Buys the plan from the wallet, as a first subscription or as an upgrade that takes effect at once.

    A purchase has no key yet: the caller makes one in the same unit of work. An upgrade takes over the keys
    of what it replaces. `at_most` is what the buyer has agreed to. Raises Fault: NO_FUNDS, and those of
    `quote`; CONFLICT also when it costs more than `at_most` by now.
    """
    row = await _running(work, clock, account_id)
    if row is not None:
        await lock_purse(work, credits_of(row.id))
    priced = await quote(work, clock, account_id=account_id, plan_id=plan_id, period=period, seats=seats)
    if at_most is not None and priced.due > at_most:
        raise Fault(
            Code.CONFLICT,
            f"The price is {show(priced.due)} {priced.currency} by now. Look at it again.",
            field="at_most",
        )
    if row is not None:
        await close(work, clock, row, "replaced")
    opened = await begin(
        work,
        clock,
        account_id=account_id,
        plan=await find_plan_to_buy(work, plan_id),
        period=period,
        seats=seats,
        currency=priced.currency,
        credits=priced.credits,
        due=priced.due,
        worth=priced.worth,
        anchor=priced.starts_at,
        starts_at=priced.starts_at,
        ends_at=priced.ends_at,
        renews=renews if row is None else (renews or row.renews),
        previous_id=None if row is None else row.id,
    )
    if row is not None:
        await move_keys(work, row.id, opened.id)
    kind = "plan.bought" if row is None else "plan.upgraded"
    await announce(work, clock, kind, account_id, told(opened, priced.due), f"{kind}:{opened.id}")
    return await view(work, opened), priced


async def grant_subscription(
    work: UnitOfWork,
    clock: Clock,
    *,
    account_id: AccountId,
    plan_id: str,
    period: Period = "month",
    seats: int = 1,
) -> SubscriptionView:
    """An operator's gift: the plan for a period, without payment. Its key is the caller's to make.

    Raises Fault: NOT_FOUND, BAD_VALUE, and CONFLICT while the account has a plan.
    """
    plan = await find_plan_to_buy(work, plan_id)
    account = await _account(work, account_id)
    running = await _running(work, clock, account_id)
    if running is not None:
        raise Fault(
            Code.CONFLICT,
            f"{account.email} has the Token Plan {running.plan_id} until {rfc3339(running.ends_at)}, and "
            "there is one plan at a time.",
            field="account",
        )
    check_seats(plan, seats)
    now = clock.now()
    opened = await begin(
        work,
        clock,
        account_id=account_id,
        plan=plan,
        period=period,
        seats=seats,
        currency=account.currency,
        credits=plan.credits_for(period, seats),
        due=Nano(0),
        worth=Nano(0),
        anchor=now,
        starts_at=now,
        ends_at=end_after(now, now, period),
        renews=False,
        previous_id=None,
    )
    await announce(
        work, clock, "plan.granted", account_id, told(opened, Nano(0)), f"plan.granted:{opened.id}"
    )
    return await view(work, opened)


async def set_renewal(
    work: UnitOfWork, account_id: AccountId, *, renews: bool, next_plan_id: str | None = None
) -> SubscriptionView:
    """Turns the renewal of the running subscription on or off, perhaps to another plan from then on.

    `next_plan_id` None goes on with the plan as it is; turning it off forgets another plan. Raises Fault:
    NOT_FOUND without a subscription, CONFLICT for a plan that is not sold for its period, seats, currency.
    """
    row = await _must_be_active(work, account_id)
    if renews:
        offer = await find_offer(work, next_plan_id or row.plan_id)
        other = next_plan_id is not None and next_plan_id != row.plan_id
        if other and offer.retired_at is not None:
            raise Fault(Code.CONFLICT, f"The Token Plan {next_plan_id} is not sold any more.", field="plan")
        period: Period = "year" if row.period == "year" else "month"
        price_of(Order(plan=offer.plan, period=period, seats=row.seats, currency=row.currency))
        row.next_plan_id = next_plan_id if other else None
    else:
        row.next_plan_id = None
    row.renews = renews
    await work.session.flush()
    await work.changed("subscription", row.id)
    return await view(work, row)


async def end_subscription(work: UnitOfWork, clock: Clock, account_id: AccountId, why: str) -> None:
    """Ends the running subscription before its time, an operator's act. Raises Fault(NOT_FOUND)."""
    await end_now(work, clock, await _must_be_active(work, account_id), why)


def check_seats(plan: Plan, seats: int) -> None:
    """Raises Fault(BAD_VALUE) for a number of seats that the plan does not have."""
    if not 1 <= seats <= plan.most_seats:
        raise Fault(
            Code.BAD_VALUE,
            f"The Token Plan {plan.name.en} has 1 to {plan.most_seats} seats, not {seats}.",
            field="seats",
        )


async def _running(work: UnitOfWork, clock: Clock, account_id: AccountId) -> Subscription | None:
    """The subscription whose period runs; one that is over is renewed or ended first."""
    row = await active_row(work, account_id)
    if row is not None and await renew_or_end(work, clock, row.id) != "not_due":
        row = await active_row(work, account_id)
    return row


async def _must_be_active(work: UnitOfWork, account_id: AccountId) -> Subscription:
    row = await active_row(work, account_id)
    if row is None:
        raise Fault(Code.NOT_FOUND, "This account has no Token Plan.", field="account")
    return row


async def _account(work: ReadWork | UnitOfWork, account_id: AccountId) -> Account:
    account = await work.session.get(Account, account_id)
    if account is None or account.deleted_at is not None:
        raise Fault(Code.NOT_FOUND, f"There is no account {account_id}.", field="account")
    return account


async def _has_bought(work: ReadWork | UnitOfWork, account_id: AccountId) -> bool:
    query = select(func.count()).where(Subscription.account_id == account_id, Subscription.paid > 0)
    return bool(await work.session.scalar(query))


def _holding(row: Subscription, purse: PurseState) -> Holding:
    return Holding(
        plan=decode_plan(row.spec),
        period="year" if row.period == "year" else "month",
        seats=row.seats,
        worth=Nano(row.paid),
        remaining=purse.free,
        total=row.credits,
    )
