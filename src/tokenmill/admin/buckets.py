"""Cuts usage into hours and days of a time zone, and sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, cast, func, literal, select

from tokenmill.billing.charts import Point
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import ReadWork
from tokenmill.store.tables import Usage

Step = Literal["hour", "day"]
Group = Literal["none", "model", "key", "client"]

QUARTER: Final = 900
"""Seconds; every time zone's days begin on a quarter of an hour of UTC."""
LONGEST: Final[dict[Step, timedelta]] = {"hour": timedelta(days=31), "day": timedelta(days=400)}

_COUNTS: Final = ("input_fresh", "input_cached", "input_written", "output", "output_reasoning", "searches")


@dataclass(slots=True)
class Sums:
    """What exchanges used; `cost` in nano-units, `credits` in milli-credits, without what nobody paid."""

    requests: int = 0
    answered: int = 0
    input_fresh: int = 0
    input_cached: int = 0
    input_written: int = 0
    output: int = 0
    output_reasoning: int = 0
    searches: int = 0
    cost: int = 0
    credits: int = 0
    first_ms: int = 0
    first_count: int = 0

    def add(self, other: Sums) -> None:
        """Both together."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Series:
    """One group's sums, by the start of their buckets."""

    group: str
    buckets: dict[datetime, Sums] = field(default_factory=dict)


def check_range(since: datetime, until: datetime, step: Step) -> None:
    """Raises Fault(BAD_VALUE) for what is no range, or too long a one."""
    if not since < until:
        raise Fault(Code.BAD_VALUE, "The range ends before it begins.", field="until")
    if until - since > LONGEST[step]:
        raise Fault(
            Code.BAD_VALUE, f"By the {step}, at most {LONGEST[step].days} days can be shown.", field="since"
        )


def zone_of(name: str) -> ZoneInfo:
    """The time zone. Raises Fault(BAD_VALUE)."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # Not found, a directory, or a path out of the data.
        raise Fault(Code.BAD_VALUE, "Name a time zone like Asia/Shanghai or UTC.", field="zone") from error


async def series_of(
    work: ReadWork, where: Sequence[ColumnElement[bool]], *, step: Step, zone: ZoneInfo, group: Group
) -> list[Series]:
    """Sums of the usage rows for which `where` holds, the group that is dearest first."""
    grouped = _column(group)
    quarter = quarter_of(work, Usage.__table__.c.started_at).label("quarter")
    rows = await work.session.execute(
        select(
            quarter,
            grouped.label("grouped"),
            func.count().label("requests"),
            func.count().filter(Usage.http_status.between(200, 299)).label("answered"),
            *(func.sum(getattr(Usage, name)).label(name) for name in _COUNTS),
            _paid(Usage.unit.in_(("USD", "CNY"))).label("cost"),
            _paid(Usage.unit == "credits").label("credits"),
            func.coalesce(func.sum(Usage.first_ms), 0).label("first_ms"),
            func.count(Usage.first_ms).label("first_count"),
        )
        .where(*where)
        .group_by(quarter, grouped)
    )
    found: dict[str, Series] = {}
    for row in rows:
        one = found.setdefault(row.grouped, Series(row.grouped))
        start = _start(int(row.quarter), step, zone)
        sums = Sums(**{name: int(getattr(row, name)) for name in Sums.__slots__})
        one.buckets.setdefault(start, Sums()).add(sums)
    return sorted(found.values(), key=_weight, reverse=True)


def rolled(points: Sequence[Point]) -> list[Series]:
    """Points of UTC's days as series, the dearest group first; they do not know the time to a token."""
    found: dict[str, Series] = {}
    for point in points:
        sums = Sums(
            requests=point.requests,
            answered=point.answered,
            cost=0 if point.unit == "credits" else point.cost,
            credits=point.cost if point.unit == "credits" else 0,
            **{name: getattr(point, name) for name in _COUNTS},
        )
        series = found.setdefault(point.group, Series(point.group))
        series.buckets.setdefault(_floor(point.start, "day", ZoneInfo("UTC")), Sums()).add(sums)
    return sorted(found.values(), key=_weight, reverse=True)


def starts(since: datetime, until: datetime, step: Step, zone: ZoneInfo) -> list[datetime]:
    """The start of every bucket of the range, used or not."""
    found: dict[datetime, None] = {}
    at = since
    while at < until:
        found[_floor(at, step, zone)] = None
        at += timedelta(seconds=QUARTER)
    return list(found)


def quarter_of(work: ReadWork, moment: ColumnElement[datetime]) -> ColumnElement[int]:
    """Which quarter of an hour since 1970 a moment is in."""
    if work.session.get_bind().dialect.name == "sqlite":
        seconds = cast(func.strftime("%s", moment), Integer)
    else:
        seconds = cast(func.floor(func.extract("epoch", moment)), Integer)
    return seconds.op("/")(QUARTER)


def _weight(series: Series) -> tuple[int, int, str]:
    whole = Sums()
    for sums in series.buckets.values():
        whole.add(sums)
    return whole.cost + whole.credits, whole.requests, series.group


def _paid(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(Usage.cost - Usage.shortfall).filter(which), 0)


def _column(group: Group) -> ColumnElement[str]:
    match group:
        case "none":
            return literal("")
        case "model":
            return Usage.__table__.c.model
        case "key":
            return Usage.__table__.c.key_id
        case "client":
            return Usage.__table__.c.client


def _start(quarter: int, step: Step, zone: ZoneInfo) -> datetime:
    return _floor(datetime.fromtimestamp(quarter * QUARTER, UTC), step, zone)


def _floor(moment: datetime, step: Step, zone: ZoneInfo) -> datetime:
    """The start of the hour or day of `zone` that `moment` is in; where the clock goes back, the first."""
    local = moment.astimezone(zone)
    if step == "hour":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return _fixed((moment - past).astimezone(zone))
    return _fixed(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def _fixed(local: datetime) -> datetime:
    """The same moment with its offset alone: in one zone, both hours of a clock that goes back are equal."""
    offset = local.utcoffset()
    assert offset is not None
    return local.replace(tzinfo=timezone(offset), fold=0)
