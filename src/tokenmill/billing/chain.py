"""Begins and ends the rows of subscriptions, with their purses and keys; prices are others' matter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import select, update

from tokenmill.billing.ledger import (
    CREDITS,
    Side,
    credits_of,
    lock_purse,
    look_into,
    open_purse,
    post,
    wallet_of,
)
from tokenmill.billing.plans import Period, Plan, decode_plan, encode_plan
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Key


class SubscriptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription as lists show it; credits in milli-credits, `paid` is its worth in nano-units.

    `left` is what the purse holds, `held` how much of that running exchanges have set aside.
    """

    id: str
    account_id: AccountId
    plan: Plan
    period: Period
    seats: int
    credits: int
    left: int
    held: int
    paid: Nano
    currency: str
    state: str
    starts_at: datetime
    ends_at: datetime
    renews: bool
    next_plan_id: str | None
    previous_id: str | None


async def active_row(work: ReadWork | UnitOfWork, account_id: AccountId) -> Subscription | None:
    """The account's running subscription, even if its last second has gone by; there is one at a time."""
    query = select(Subscription).where(Subscription.account_id == account_id, Subscription.state == "active")
    return (await work.session.scalars(query)).one_or_none()


async def begin(
    work: UnitOfWork,
    clock: Clock,
    *,
    account_id: AccountId,
    plan: Plan,
    period: Period,
    seats: int,
    currency: str,
    credits: int,
    due: Nano,
    worth: Nano,
    anchor: datetime,
    starts_at: datetime,
    ends_at: datetime,
    renews: bool,
    previous_id: str | None,
) -> Subscription:
    """A new row with its purse filled, paid from the wallet. Raises Fault(NO_FUNDS)."""
    row = Subscription(
        id=sortable("sub"),
        account_id=account_id,
        plan_id=plan.id,
        spec=encode_plan(plan),
        period=period,
        seats=seats,
        credits=credits,
        paid=worth,
        currency=currency,
        state="active",
        anchor=anchor,
        starts_at=starts_at,
        ends_at=ends_at,
        renews=renews,
        next_plan_id=None,
        previous_id=previous_id,
        closed_at=None,
    )
    work.session.add(row)
    await work.session.flush()
    purse = credits_of(row.id)
    await open_purse(work, purse, CREDITS)
    memo: dict[str, str | int | None] = {"subscription": row.id, "plan": plan.id, "period": period}
    await post(
        work,
        clock,
        source=f"credits:{row.id}",
        kind="credits",
        account_id=account_id,
        postings=[Side(f"issued/{row.id}", CREDITS, -credits), Side(purse, CREDITS, credits)],
        memo=memo,
    )
    if due:
        await post(
            work,
            clock,
            source=f"plan:{row.id}",
            kind="plan",
            account_id=account_id,
            postings=[Side(wallet_of(account_id), currency, -due), Side("platform/plans", currency, due)],
            memo=memo,
        )
    await work.changed("subscription", row.id)
    return row


async def close(work: UnitOfWork, clock: Clock, row: Subscription, state: str) -> None:
    """Ends a running subscription, as `ended` or `replaced`; credits that nobody has set aside lapse."""
    purse = credits_of(row.id)
    unused = (await lock_purse(work, purse)).free
    if unused:
        await post(
            work,
            clock,
            source=f"lapse:{row.id}",
            kind="lapse",
            account_id=AccountId(row.account_id),
            postings=[Side(purse, CREDITS, -unused), Side(f"lapsed/{row.id}", CREDITS, unused)],
        )
    row.state = state
    row.closed_at = clock.now()
    await work.session.flush()
    await work.changed("subscription", row.id)


async def move_keys(work: UnitOfWork, old_id: str, new_id: str) -> None:
    """The keys of the old subscription belong to the new one; their secrets stay."""
    for key_id in await _keys_of(work, old_id):
        await work.session.execute(update(Key).where(Key.id == key_id).values(subscription_id=new_id))
        await work.changed("key", key_id)


async def end_keys(work: UnitOfWork, subscription_id: str, at: datetime) -> None:
    """The subscription's keys expire with it."""
    for key_id in await _keys_of(work, subscription_id):
        await work.session.execute(update(Key).where(Key.id == key_id).values(expires_at=at))
        await work.changed("key", key_id)


def told(row: Subscription, paid: Nano) -> Mapping[str, str | int | None]:
    """What an event says of a subscription."""
    return {
        "subscription": row.id,
        "plan": row.plan_id,
        "period": row.period,
        "seats": row.seats,
        "ends_at": rfc3339(row.ends_at),
        "paid": show(paid),
        "currency": row.currency,
        "renews": "yes" if row.renews else "no",
    }


async def view(work: ReadWork | UnitOfWork, row: Subscription) -> SubscriptionView:
    """The row as others see it."""
    purse = await look_into(work, credits_of(row.id))
    return SubscriptionView(
        id=row.id,
        account_id=AccountId(row.account_id),
        plan=decode_plan(row.spec),
        period="year" if row.period == "year" else "month",
        seats=row.seats,
        credits=row.credits,
        left=purse.balance,
        held=purse.held,
        paid=Nano(row.paid),
        currency=row.currency,
        state=row.state,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        renews=row.renews,
        next_plan_id=row.next_plan_id,
        previous_id=row.previous_id,
    )


async def _keys_of(work: UnitOfWork, subscription_id: str) -> list[str]:
    query = select(Key.id).where(Key.subscription_id == subscription_id, Key.deleted_at.is_(None))
    return list(await work.session.scalars(query.order_by(Key.id)))
