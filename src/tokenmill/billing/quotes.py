"""Says what a Token Plan costs an account before it is bought: a pure function of plan and holding."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from tokenmill.billing.periods import end_after
from tokenmill.billing.plans import Period, Plan
from tokenmill.billing.pricing import PERMILLE, share
from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import Nano

LARGEST: Final = 2**62
"""Amounts stay below it, so that sums of a few still fit the database's 64 bits."""

Rule = Literal[
    "one_plan_at_a_time",
    "shared_by_all_keys_and_tools",
    "unused_credits_lapse",
    "used_up_means_stop",
    "never_from_the_wallet",
    "no_refund",
    "upgrade_at_once",
    "downgrade_at_renewal",
    "first_purchase_discount",
    "off_peak_factor",
    "old_credits_lapse_for_their_value",
]
_ALWAYS: Final[tuple[Rule, ...]] = (
    "one_plan_at_a_time",
    "shared_by_all_keys_and_tools",
    "unused_credits_lapse",
    "used_up_means_stop",
    "never_from_the_wallet",
    "no_refund",
    "upgrade_at_once",
    "downgrade_at_renewal",
)


class Order(Value, frozen=True, kw_only=True):
    """What somebody wants to buy."""

    plan: Plan
    period: Period
    seats: int
    currency: str


class Holding(Value, frozen=True, kw_only=True):
    """A running subscription as an upgrade sees it.

    `worth` is in nano-units what its `total` milli-credits were bought for: the money paid, and the worth
    that an earlier upgrade carried over. `remaining` are the credits that are neither used nor set aside.
    """

    plan: Plan
    period: Period
    seats: int
    worth: Nano
    remaining: int
    total: int


class Quote(Value, frozen=True, kw_only=True):
    """A price with everything that leads to it; amounts in nano-units, credits in milli-credits.

    `due` = `price` − `discount` − `carried`, or 0 where `carried` is more. `credits` include `compensation`.
    """

    kind: Literal["purchase", "upgrade"]
    plan_id: str
    period: Period
    seats: int
    currency: str
    price: Nano
    discount: Nano
    carried: Nano
    due: Nano
    credits: int
    compensation: int
    worth: Nano
    starts_at: datetime
    ends_at: datetime
    rules: tuple[Rule, ...]


def price_of(order: Order) -> Nano:
    """The list price. Raises Fault: BAD_VALUE for seats that cannot be, CONFLICT where it is not sold."""
    plan = order.plan
    if not 1 <= order.seats <= plan.most_seats:
        raise Fault(
            Code.BAD_VALUE,
            f"The Token Plan {plan.name.en} has 1 to {plan.most_seats} seats, not {order.seats}.",
            field="seats",
        )
    price = plan.price(order.currency, order.period, order.seats)
    if price is None:
        raise Fault(
            Code.CONFLICT,
            f"The Token Plan {plan.name.en} is not sold by the {order.period} in {order.currency}.",
            field="period",
        )
    if max(price, plan.credits_for(order.period, order.seats)) >= LARGEST:
        raise Fault(Code.BAD_VALUE, "That many seats are more than can be counted.", field="seats")
    return price


def quote_purchase(order: Order, now: datetime, *, first: bool) -> Quote:
    """The price of a plan for an account that has none; `first` if it has never bought one."""
    price = price_of(order)
    off = order.plan.first_purchase if first and order.period == "month" else 0
    due = Nano(share(price, PERMILLE - off, PERMILLE))
    return Quote(
        kind="purchase",
        plan_id=order.plan.id,
        period=order.period,
        seats=order.seats,
        currency=order.currency,
        price=price,
        discount=Nano(price - due),
        carried=Nano(0),
        due=due,
        credits=order.plan.credits_for(order.period, order.seats),
        compensation=0,
        worth=due,
        starts_at=now,
        ends_at=end_after(now, now, order.period),
        rules=_rules(order.plan, *(("first_purchase_discount",) if off else ())),
    )


def quote_upgrade(order: Order, held: Holding, now: datetime) -> Quote:
    """The price of going up at once: new price − (remaining ÷ total) × old price.

    The old price is the old subscription's worth. Where its rest is worth more than the new plan costs,
    nothing is due, and what is over buys compensation credits at the new plan's rate:
    (rest − new price) ÷ new price × new credits. The rest's worth and the
    compensation are rounded once each, half up, from exact figures.
    Raises Fault(CONFLICT) for what is no upgrade.
    """
    price = price_of(order)
    if not goes_up(order, held):
        raise Fault(
            Code.CONFLICT,
            f"{order.plan.name.en} is no upgrade from {held.plan.name.en}. "
            "There is one plan at a time; a smaller one can begin at the renewal.",
            field="plan",
        )
    total = max(1, held.total)
    rest, asked = held.worth * held.remaining, price * total  # Both in nano-units × total.
    carried = Nano(share(rest, 1, total))
    included = order.plan.credits_for(order.period, order.seats)
    compensation = share(included, rest - asked, asked) if rest > asked > 0 else 0
    if included + compensation >= LARGEST:
        raise Fault(Code.CONFLICT, "The rest of the old plan is worth more credits than can be counted.")
    return Quote(
        kind="upgrade",
        plan_id=order.plan.id,
        period=order.period,
        seats=order.seats,
        currency=order.currency,
        price=price,
        discount=Nano(0),
        carried=carried,
        due=Nano(max(0, price - carried)),
        credits=included + compensation,
        compensation=compensation,
        worth=max(price, carried),
        starts_at=now,
        ends_at=end_after(now, now, order.period),
        rules=_rules(order.plan, "old_credits_lapse_for_their_value"),
    )


def goes_up(order: Order, held: Holding) -> bool:
    """Is it a higher rank, or the same one with more seats or by the year?"""
    if order.plan.rank != held.plan.rank:
        return order.plan.rank > held.plan.rank
    wider = order.seats > held.seats
    longer = order.period == "year" and held.period == "month"
    return (wider or longer) and order.seats >= held.seats and (order.period == held.period or longer)


def _rules(plan: Plan, *more: Rule) -> tuple[Rule, ...]:
    off_peak: tuple[Rule, ...] = ("off_peak_factor",) if plan.off_peak else ()
    return (*_ALWAYS, *off_peak, *more)
