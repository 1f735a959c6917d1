"""Keeps the Token Plans that are offered."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import func, select

from tokenmill.billing.plans import Plan, decode_plan, encode_plan
from tokenmill.billing.presets import preset_plans
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.plan_tables import Plan as PlanRow


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A plan in its place of the list; a retired one can be renewed and no longer bought."""

    plan: Plan
    position: int
    updated_at: datetime
    retired_at: datetime | None


async def list_offers(work: ReadWork | UnitOfWork, *, retired: bool = True) -> list[Offer]:
    """All plans in the order they are shown, perhaps without the retired ones."""
    query = select(PlanRow).order_by(PlanRow.position, PlanRow.id)
    if not retired:
        query = query.where(PlanRow.retired_at.is_(None))
    return [_offer(row) for row in await work.session.scalars(query)]


async def find_offer(work: ReadWork | UnitOfWork, plan_id: str) -> Offer:
    """The plan of this id, retired or not. Raises Fault(NOT_FOUND) that names the ones there are."""
    row = await work.session.get(PlanRow, plan_id)
    if row is None:
        offered = [offer.plan.id for offer in await list_offers(work, retired=False)]
        raise Fault(
            Code.NOT_FOUND,
            f"There is no Token Plan {plan_id[:64]!r}. There are: {', '.join(offered) or 'none yet'}.",
            field="plan",
        )
    return _offer(row)


async def find_plan_to_buy(work: ReadWork | UnitOfWork, plan_id: str) -> Plan:
    """The plan of this id. Raises Fault: NOT_FOUND for an unknown one, CONFLICT for a retired one."""
    offer = await find_offer(work, plan_id)
    if offer.retired_at is not None:
        raise Fault(Code.CONFLICT, f"The Token Plan {plan_id} is not sold any more.", field="plan")
    return offer.plan


async def put_plan(work: UnitOfWork, clock: Clock, plan: Plan, *, position: int | None = None) -> Offer:
    """Adds the plan, or puts it in place of the one with its id; None leaves its place, or takes the last.

    Whoever has subscribed keeps the terms that were bought, until the renewal. A retired plan stays so.
    """
    now = clock.now()
    row = await work.session.get(PlanRow, plan.id)
    if row is None:
        last = await work.session.scalar(select(func.max(PlanRow.position)))
        place = position if position is not None else (0 if last is None else last + 1)
        row = PlanRow(id=plan.id, spec="", position=place, created_at=now, updated_at=now, retired_at=None)
        work.session.add(row)
    row.spec = encode_plan(plan)
    row.updated_at = now
    if position is not None:
        row.position = position
    await work.session.flush()
    await work.changed("plan", plan.id)
    return _offer(row)


async def retire_plan(work: UnitOfWork, clock: Clock, plan_id: str, *, retired: bool = True) -> Offer:
    """Takes the plan off sale, or puts it back; running subscriptions go on, and are renewed."""
    await find_offer(work, plan_id)
    row = (await work.session.scalars(select(PlanRow).where(PlanRow.id == plan_id))).one()
    row.retired_at = (row.retired_at or clock.now()) if retired else None
    await work.session.flush()
    await work.changed("plan", plan_id)
    return _offer(row)


async def missing_presets(work: ReadWork | UnitOfWork) -> tuple[Plan, ...]:
    """The plans that ship and have never been here."""
    known = set(await work.session.scalars(select(PlanRow.id)))
    return tuple(plan for plan in preset_plans() if plan.id not in known)


async def seed_plans(work: UnitOfWork, clock: Clock) -> None:
    """Adds each preset whose id is new; what an operator made, changed or retired is never touched."""
    for plan in await missing_presets(work):
        await put_plan(work, clock, plan)


def _offer(row: PlanRow) -> Offer:
    return Offer(
        plan=decode_plan(row.spec),
        position=row.position,
        updated_at=row.updated_at,
        retired_at=row.retired_at,
    )
