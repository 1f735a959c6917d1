"""The plans on offer, as operators write them."""

from __future__ import annotations

from datetime import time
from typing import Final

from fastapi import APIRouter
from sqlalchemy import func, select

from tokenmill.admin.acting import acting
from tokenmill.admin.buckets import zone_of
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.plan_shapes import PlanAsked, PlanId, PlanShown, PriceAsked, plan_as, plan_shown
from tokenmill.admin.shapes import Everything
from tokenmill.billing.offers import list_offers, put_plan, retire_plan
from tokenmill.billing.plans import Name, OffPeak, Plan, PlanPrice, Window
from tokenmill.billing.presets import preset_plans
from tokenmill.kit.money import Nano
from tokenmill.store.plan_tables import Subscription

router = APIRouter(prefix="/operator/plans", tags=["operator: plans"])

_NOTHING: Final = PriceAsked()


class PlanInUse(PlanShown):
    """`holders` have it now; they keep the terms they bought until their renewal."""

    holders: int


@router.get("")
async def plans(_: Operator, desk: Desk) -> Everything[PlanInUse]:
    """All plans in their order, retired ones included."""
    async with desk.database.read() as work:
        offers = await list_offers(work)
        rows = await work.session.execute(
            select(Subscription.plan_id, func.count().label("holders"))
            .where(Subscription.state == "active")
            .group_by(Subscription.plan_id)
        )
        holders = {row.plan_id: row.holders for row in rows}
    return Everything(
        data=[PlanInUse(**dict(plan_shown(offer)), holders=holders.get(offer.plan.id, 0)) for offer in offers]
    )


@router.get("/presets")
async def presets(_: Operator) -> Everything[PlanShown]:
    """The plans that ship, the smallest first, whatever has become of them here."""
    return Everything(data=[plan_as(each) for each in preset_plans()])


@router.put("/{plan_id}")
async def write_plan(plan_id: PlanId, asked: PlanAsked, caller: ConfirmedOperator, desk: Desk) -> PlanShown:
    """Add a plan, or put it in place of the one with its id."""
    async with acting(desk, caller, "plan.write") as act:
        offer = await put_plan(act.work, desk.clock, _plan(plan_id, asked), position=asked.position)
        act.on(plan_id, credits=asked.credits)
    return plan_shown(offer)


@router.post("/{plan_id}/retire")
async def retire(plan_id: PlanId, caller: ConfirmedOperator, desk: Desk) -> PlanShown:
    """Take a plan off sale; running subscriptions go on, and are renewed."""
    async with acting(desk, caller, "plan.retire") as act:
        offer = await retire_plan(act.work, desk.clock, plan_id)
        act.on(plan_id)
    return plan_shown(offer)


@router.post("/{plan_id}/restore")
async def restore(plan_id: PlanId, caller: ConfirmedOperator, desk: Desk) -> PlanShown:
    """Put a plan back on sale."""
    async with acting(desk, caller, "plan.restore") as act:
        offer = await retire_plan(act.work, desk.clock, plan_id, retired=False)
        act.on(plan_id)
    return plan_shown(offer)


def _plan(plan_id: str, asked: PlanAsked) -> Plan:
    for hours in asked.off_peak:
        zone_of(hours.zone)
    return Plan(
        id=plan_id,
        name=Name(en=asked.name.en, zh=asked.name.zh),
        credits=asked.credits,
        usd=_price(asked.prices.get("USD", _NOTHING)),
        cny=_price(asked.prices.get("CNY", _NOTHING)),
        rank=asked.rank,
        windows=tuple(Window(each.name, each.seconds, each.credits) for each in asked.windows),
        off_peak=tuple(
            OffPeak(
                start=time.fromisoformat(each.start),
                end=time.fromisoformat(each.end),
                zone=each.zone,
                permille=each.permille,
            )
            for each in asked.off_peak
        ),
        models=None if asked.models is None else tuple(asked.models),
        web_search=asked.web_search,
        most_seats=asked.most_seats,
        first_purchase=asked.first_purchase,
    )


def _price(asked: PriceAsked) -> PlanPrice:
    return PlanPrice(
        month=None if asked.month is None else Nano(asked.month),
        year=None if asked.year is None else Nano(asked.year),
    )
