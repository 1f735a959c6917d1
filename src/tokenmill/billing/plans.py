"""Says what a Token Plan is: its credits, its prices, its windows and its cheaper hours."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from tokenmill.billing.pricing import PERMILLE
from tokenmill.conversation.parts import Value
from tokenmill.kit.money import Nano

Period = Literal["month", "year"]
MILLI: Final = 1000
"""Milli-credits in a credit."""

_ALL_DAY = time(0)  # As an end it means midnight to come.
Count = Annotated[int, Meta(ge=1, le=10**15)]
Amount = Annotated[Nano, Meta(ge=0, le=10**18)]


class Window(Value, frozen=True):
    """A limit beside the pool: at most `credits` milli-credits in each `seconds` from the start on."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}\Z")]
    seconds: Annotated[int, Meta(ge=60, le=366 * 86_400)]
    credits: Count

    def number(self, starts_at: datetime, now: datetime) -> int:
        """Which window of a subscription `now` falls into, from 0."""
        return max(0, int((now - starts_at).total_seconds())) // self.seconds

    def ends_at(self, starts_at: datetime, now: datetime) -> datetime:
        """When the window that `now` falls into is over, and a fresh one begins."""
        return starts_at + timedelta(seconds=self.seconds * (self.number(starts_at, now) + 1))


class OffPeak(Value, frozen=True):
    """Hours of the clock, in a time zone, in which everything costs `permille` thousandths."""

    start: time
    end: time  # 00:00 is midnight to come; an end before the start is on the next day.
    zone: str
    permille: Annotated[int, Meta(ge=0, le=1000)]

    def holds(self, moment: datetime) -> bool:
        """Is it that time?"""
        clock = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.end == _ALL_DAY:
            return clock >= self.start
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class PlanPrice(Value, frozen=True):
    """What a seat costs in one currency, in nano-units; a period without a price is not sold in it."""

    month: Amount | None = None
    year: Amount | None = None


class Name(Value, frozen=True):
    """What people call it."""

    en: str
    zh: str


class Plan(Value, frozen=True, kw_only=True):
    """A tier. `credits` are milli-credits a month and seat; a year brings twelve times as many at once.

    `models` None includes every model that has credit rates. `first_purchase` is in permille off the price.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}\Z")]
    name: Name
    credits: Count
    usd: PlanPrice = PlanPrice()
    cny: PlanPrice = PlanPrice()
    rank: int = 0  # Upgrades go to a higher rank, downgrades to a lower one.
    windows: tuple[Window, ...] = ()
    off_peak: tuple[OffPeak, ...] = ()
    models: tuple[str, ...] | None = None
    web_search: bool = False
    most_seats: Annotated[int, Meta(ge=1, le=10_000)] = 1
    first_purchase: Annotated[int, Meta(ge=0, le=1000)] = 0

    def credits_for(self, period: Period, seats: int) -> int:
        """Milli-credits of a whole period."""
        return self.credits * seats * (12 if period == "year" else 1)

    def price(self, currency: str, period: Period, seats: int) -> Nano | None:
        """Nano-units for a whole period; None where it is not sold."""
        prices = self.usd if currency == "USD" else self.cny
        seat = prices.year if period == "year" else prices.month
        return None if seat is None else Nano(seat * seats)

    def permille(self, moment: datetime) -> int:
        """The factor on credits at this time; of several cheaper hours the cheapest counts."""
        return min((hours.permille for hours in self.off_peak if hours.holds(moment)), default=PERMILLE)


def encode_plan(plan: Plan) -> str:
    """As the database keeps it."""
    return msgspec.json.encode(plan, order="deterministic").decode()


def decode_plan(spec: str) -> Plan:
    """The inverse; fields that this version does not know are passed over."""
    return msgspec.json.decode(spec, type=Plan)
