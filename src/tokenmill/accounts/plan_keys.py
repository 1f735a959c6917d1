"""Makes the `tp-` key of a Token Plan, and makes it anew."""

from __future__ import annotations

from sqlalchemy import select

from tokenmill.accounts.keys import KeyView, create_key, must_not_be_stopped
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import UnitOfWork
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Key

PLAN_KEY = "Token Plan"


async def create_plan_key(
    work: UnitOfWork, clock: Clock, secret: bytes, *, account_id: AccountId, subscription_id: str
) -> tuple[str, KeyView]:
    """The key of a subscription that has just begun, whole for the only time."""
    return await create_key(
        work,
        clock,
        secret,
        account_id=account_id,
        name=PLAN_KEY,
        kind="tp",
        subscription_id=subscription_id,
    )


async def reset_plan_key(
    work: UnitOfWork, clock: Clock, secret: bytes, account_id: AccountId, *, by_operator: bool = False
) -> tuple[str, KeyView]:
    """A new key for the account's Token Plan; every older one of the plan is dead for ever.

    Raises Fault(NOT_FOUND) when no plan runs, Fault(FORBIDDEN) where an operator disabled the plan's key and
    none asks.
    """
    query = select(Subscription.id).where(
        Subscription.account_id == account_id, Subscription.state == "active"
    )
    subscription_id = await work.session.scalar(query)
    if subscription_id is None:
        raise Fault(
            Code.NOT_FOUND,
            "This account has no Token Plan that runs, and so no key of one to reset.",
            field="account",
        )
    old = select(Key).where(Key.subscription_id == subscription_id, Key.deleted_at.is_(None))
    for key in await work.session.scalars(old.order_by(Key.id)):
        if not by_operator:
            must_not_be_stopped(key)
        key.deleted_at = clock.now()
        await work.changed("key", key.id)
    await work.session.flush()
    return await create_plan_key(work, clock, secret, account_id=account_id, subscription_id=subscription_id)
