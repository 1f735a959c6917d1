"""Renews subscriptions whose period is over, or ends them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import literal, select

from tokenmill.billing.chain import begin, close, end_keys, move_keys, told
from tokenmill.billing.ledger import CREDITS, Side, credits_of, lock_purse, look_into, post, wallet_of
from tokenmill.billing.offers import list_offers
from tokenmill.billing.periods import SECOND, end_after, is_over, next_start
from tokenmill.billing.plans import Period, Plan, decode_plan
from tokenmill.billing.quotes import Order, price_of
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import Database, UnitOfWork
from tokenmill.store.ledger_tables import Purse
from tokenmill.store.outbox import announce
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account

Outcome = Literal["renewed", "ended", "unpaid", "not_due"]

LEFTOVERS_FOR: Final = timedelta(days=2)
"""An exchange that outlives its subscription gives back what it had set aside long before that."""
_PAGE = 100


async def renew_due(database: Database, clock: Clock) -> Counter[Outcome]:
    """Renews or ends every subscription that is over, each in a unit of work of its own."""
    outcomes: Counter[Outcome] = Counter()
    after = ""
    while True:
        async with database.read() as view:
            query = select(Subscription.id).where(
                Subscription.state == "active",
                Subscription.ends_at <= clock.now() - SECOND,
                Subscription.id > after,
            )
            due = list(await view.session.scalars(query.order_by(Subscription.id).limit(_PAGE)))
        for subscription_id in due:
            outcomes[await _one(database, clock, subscription_id)] += 1
        if len(due) < _PAGE:
            return outcomes
        after = due[-1]


async def _one(database: Database, clock: Clock, subscription_id: str) -> Outcome:
    try:
        async with database.write() as work:
            return await renew_or_end(work, clock, subscription_id)
    except Fault as fault:
        if fault.code is not Code.NO_FUNDS:
            raise
        return "not_due"  # An exchange was quicker to the money; the next round sees that and ends it.


async def renew_or_end(work: UnitOfWork, clock: Clock, subscription_id: str) -> Outcome:
    """What became of the subscription: `not_due` if its period runs, or if this was done before.

    A renewal is paid from the wallet at today's price. With too little money there, or for a plan that is
    not sold so any more, the subscription ends instead.
    """
    row = await work.session.get(Subscription, subscription_id)
    if row is None or row.state != "active" or not is_over(row.ends_at, clock.now()):
        return "not_due"
    account = await work.session.get(Account, row.account_id)
    usable = account is not None and account.disabled_at is None and account.deleted_at is None
    if not row.renews or not usable:
        return await _end(work, clock, row, "plan.ended", "not renewed")
    period: Period = "year" if row.period == "year" else "month"
    ends_at = end_after(row.anchor, row.ends_at, period)
    if is_over(ends_at, clock.now()):
        return await _end(work, clock, row, "plan.ended", "the time for its renewal has passed")
    plan = await _plan_of(work, row)
    try:
        price = price_of(Order(plan=plan, period=period, seats=row.seats, currency=row.currency))
    except Fault as fault:
        return await _end(work, clock, row, "plan.renewal_failed", fault.message)
    account_id = AccountId(row.account_id)
    free = (await look_into(work, wallet_of(account_id))).free
    if free < price:
        why = f"the wallet has {show(Nano(free))} {row.currency}, and the price is {show(price)}"
        return await _end(work, clock, row, "plan.renewal_failed", why)
    await close(work, clock, row, "ended")
    new = await begin(
        work,
        clock,
        account_id=account_id,
        plan=plan,
        period=period,
        seats=row.seats,
        currency=row.currency,
        credits=plan.credits_for(period, row.seats),
        due=price,
        worth=price,
        anchor=row.anchor,
        starts_at=next_start(row.ends_at),
        ends_at=ends_at,
        renews=True,
        previous_id=row.id,
    )
    await move_keys(work, row.id, new.id)
    await announce(work, clock, "plan.renewed", account_id, told(new, price), f"plan.renewed:{row.id}")
    return "renewed"


async def end_now(work: UnitOfWork, clock: Clock, row: Subscription, why: str) -> None:
    """An operator's end of a running subscription, before its time."""
    await _end(work, clock, row, "plan.ended", why)


async def lapse_leftovers(work: UnitOfWork, clock: Clock, limit: int = _PAGE) -> int:
    """Lapses what exchanges that outlived their subscription have given back; how many purses it was.

    Nothing comes into the purse of a closed subscription, so this happens once to each.
    """
    purse = literal("credits/") + Subscription.id
    query = (
        select(Subscription.id, Subscription.account_id)
        .join(Purse, Purse.id == purse)
        .where(
            Subscription.state != "active",
            Subscription.ends_at >= clock.now() - LEFTOVERS_FOR,
            Purse.balance > 0,
            Purse.held == 0,
        )
        .order_by(Subscription.id)
        .limit(limit)
    )
    found = (await work.session.execute(query)).all()
    for subscription_id, account_id in found:
        left = (await lock_purse(work, credits_of(subscription_id))).free
        await post(
            work,
            clock,
            source=f"lapse:{subscription_id}:rest",
            kind="lapse",
            account_id=AccountId(account_id),
            postings=[
                Side(credits_of(subscription_id), CREDITS, -left),
                Side(f"lapsed/{subscription_id}", CREDITS, left),
            ],
        )
    return len(found)


async def _end(work: UnitOfWork, clock: Clock, row: Subscription, kind: str, why: str) -> Outcome:
    await close(work, clock, row, "ended")
    await end_keys(work, row.id, min(row.ends_at + SECOND, clock.now()))
    payload = {**told(row, Nano(0)), "reason": why}
    await announce(work, clock, kind, AccountId(row.account_id), payload, f"{kind}:{row.id}")
    return "unpaid" if kind == "plan.renewal_failed" else "ended"


async def _plan_of(work: UnitOfWork, row: Subscription) -> Plan:
    """The plan to go on with, as it is offered today; as it was bought where it is gone altogether."""
    offers = {offer.plan.id: offer.plan for offer in await list_offers(work)}
    wanted = offers.get(row.next_plan_id or "") or offers.get(row.plan_id)
    return wanted or decode_plan(row.spec)
