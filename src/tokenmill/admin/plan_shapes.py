"""Gives the shapes in which plans, quotes and subscriptions are shown and asked for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tokenmill.admin.shapes import Amount, AmountAsked, Asked, Credits, CreditsAsked, Currency, Moment, Shown
from tokenmill.billing import plans
from tokenmill.billing.offers import Offer
from tokenmill.billing.quotes import Quote, Rule

PlanId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Period = Literal["month", "year"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class NameShown(Asked, Shown):
    en: str = Field(min_length=1, max_length=100)
    zh: str = Field(min_length=1, max_length=100)


class PriceShown(Shown):
    """What a seat costs for a period; null: not sold by it."""

    month: Amount | None
    year: Amount | None


class PriceAsked(Asked):
    month: AmountAsked | None = None
    year: AmountAsked | None = None


class WindowShown(Shown):
    """At most `credits` in each `seconds`."""

    name: str
    seconds: int
    credits: Credits


class WindowAsked(Asked):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,16}$")]
    seconds: int = Field(ge=60, le=366 * 86_400)
    credits: CreditsAsked = Field(ge=1, le=10**15)


class OffPeak(Asked, Shown):
    """From `start` to `end` of the clock in `zone` everything costs `permille` thousandths."""

    start: Clock
    end: Clock
    zone: str
    permille: int = Field(ge=0, le=1000)


class PlanShown(Shown):
    """A tier; `credits` are a month's for a seat, `models` null includes all that have credit rates."""

    id: str
    name: NameShown
    credits: Credits
    prices: dict[Currency, PriceShown]
    rank: int
    windows: list[WindowShown]
    off_peak: list[OffPeak]
    models: list[str] | None
    web_search: bool
    most_seats: int
    first_purchase: int
    position: int
    retired_at: Moment | None


class PlanAsked(Asked):
    """A tier as an operator writes it."""

    name: NameShown
    credits: CreditsAsked = Field(ge=1, le=10**15)
    prices: dict[Currency, PriceAsked] = Field(default={})
    rank: int = 0
    windows: list[WindowAsked] = Field(default=[], max_length=16)
    off_peak: list[OffPeak] = Field(default=[], max_length=16)
    models: list[str] | None = None
    web_search: bool = False
    most_seats: int = Field(default=1, ge=1, le=10_000)
    first_purchase: int = Field(default=0, ge=0, le=1000)
    position: int | None = Field(default=None, ge=0)


class QuoteShown(Shown):
    """`due` = `price` − `discount` − `carried`; `rules` are what one agrees to by buying."""

    kind: Literal["purchase", "upgrade"]
    plan_id: str
    period: Period
    seats: int
    currency: str
    price: Amount
    discount: Amount
    carried: Amount
    due: Amount
    credits: Credits
    compensation: Credits
    starts_at: Moment
    ends_at: Moment
    rules: list[Rule]


def plan_shown(offer: Offer) -> PlanShown:
    """A plan in its place."""
    return plan_as(offer.plan, offer)


def plan_as(plan: plans.Plan, offer: Offer | None = None) -> PlanShown:
    """A plan, perhaps as it was once bought."""
    return PlanShown(
        id=plan.id,
        name=NameShown(en=plan.name.en, zh=plan.name.zh),
        credits=plan.credits,
        prices={
            "USD": PriceShown(month=plan.usd.month, year=plan.usd.year),
            "CNY": PriceShown(month=plan.cny.month, year=plan.cny.year),
        },
        rank=plan.rank,
        windows=[WindowShown.of(window) for window in plan.windows],
        off_peak=[
            OffPeak(
                start=f"{hours.start:%H:%M}",
                end=f"{hours.end:%H:%M}",
                zone=hours.zone,
                permille=hours.permille,
            )
            for hours in plan.off_peak
        ],
        models=None if plan.models is None else list(plan.models),
        web_search=plan.web_search,
        most_seats=plan.most_seats,
        first_purchase=plan.first_purchase,
        position=0 if offer is None else offer.position,
        retired_at=None if offer is None else offer.retired_at,
    )


def quote_shown(quote: Quote) -> QuoteShown:
    """A price with its terms."""
    return QuoteShown.of(quote)
