"""Reads what an account used over time: whole days from their sums, the rest from single exchanges."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, func, literal, select

from tokenmill.conversation.parts import Value
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Rollup
from tokenmill.store.tables import Usage
from tokenmill.store.work_tables import Mark

By = Literal["model", "key", "client", "none"]
Step = Literal["hour", "day"]

ROLLUPS: Final = "rollups"
"""The mark of the job that sums up: days before it are summed up."""
SUMS: Final = (
    "requests",
    "answered",
    "input_fresh",
    "input_cached",
    "input_written",
    "output",
    "output_reasoning",
    "searches",
    "cost",
)
_DAY: Final = timedelta(days=1)


class Point(Value, frozen=True, kw_only=True):
    """What one group used in one hour or day (UTC) that begins at `start`.

    `group` is a model, a key's id or a client tool, empty where nothing is grouped. `unit` is USD, CNY or
    credits, empty for what cost nothing; `cost` is in nano-units or milli-credits, without what nobody paid.
    `answered` counts replies with a status of 2xx; `output_reasoning` is part of `output`.
    """

    start: datetime
    group: str
    unit: str
    requests: int
    answered: int
    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int
    searches: int
    cost: int


async def usage_series(
    work: ReadWork | UnitOfWork,
    account_id: AccountId,
    since: datetime,
    until: datetime,
    *,
    by: By = "none",
    step: Step = "day",
) -> list[Point]:
    """The account's usage from `since` until just before `until`, by time, then group, then unit.

    Hours and days are those of UTC; what was not used has no point. Days that are over come from the
    roll-ups, and a settlement that was late shows in them within ten minutes; today, hours, and the pieces of
    days at both ends are counted from single exchanges, so they are exact at once, for as long as those are
    kept (`[retention] usage_days`).
    """
    found: dict[tuple[datetime, str, str], list[int]] = {}
    first, last = _whole_days(since, until, await rolled_until(work)) if step == "day" else (since, since)
    if first < last:
        days = and_(Rollup.day >= first.date().isoformat(), Rollup.day < last.date().isoformat())
        group = _rolled_group(by)
        columns = [func.sum(getattr(Rollup, name)) for name in SUMS]
        query = select(Rollup.day, group, Rollup.unit, *columns).where(Rollup.account_id == account_id, days)
        grouped = query.group_by(Rollup.day, Rollup.unit, *_named(by, group))
        _add(found, (await work.session.execute(grouped)).all())
    for start, end in ((since, first), (last, until)) if first < last else ((since, until),):
        if start < end:
            start_of = day_of(work) if step == "day" else _hour_of(work)
            group = _group(by)
            live = select(start_of, group, Usage.unit, *summed()).where(
                Usage.account_id == account_id, Usage.started_at >= start, Usage.started_at < end
            )
            grouped = live.group_by(start_of, Usage.unit, *_named(by, group))
            _add(found, (await work.session.execute(grouped)).all())
    return [
        Point(start=start, group=group, unit=unit, **dict(zip(SUMS, sums, strict=True)))
        for (start, group, unit), sums in sorted(found.items())
    ]


async def rolled_until(work: ReadWork | UnitOfWork) -> datetime | None:
    """The start of the first day (UTC) that is not summed up; None when none is."""
    mark = await work.session.get(Mark, ROLLUPS)
    return None if mark is None else datetime.combine(mark.at.date(), time(), UTC)


def summed() -> list[ColumnElement[int]]:
    """The sums of `SUMS` over usage rows, in that order."""
    counts = [func.sum(getattr(Usage, name)) for name in SUMS[2:-1]]
    answered = func.count().filter(Usage.http_status.between(200, 299))
    return [func.count(), answered, *counts, func.sum(Usage.cost - Usage.shortfall)]


def day_of(work: ReadWork | UnitOfWork) -> ColumnElement[str]:
    """The day (UTC) on which a usage row began, like 2026-11-22."""
    return _formatted(work, "%Y-%m-%d", "YYYY-MM-DD")


def _hour_of(work: ReadWork | UnitOfWork) -> ColumnElement[str]:
    return _formatted(work, "%Y-%m-%dT%H:00", 'YYYY-MM-DD"T"HH24:00')


def _formatted(work: ReadWork | UnitOfWork, sqlite: str, postgres: str) -> ColumnElement[str]:
    # Written into the statement: PostgreSQL would take two parameters for two different groupings.
    if work.session.get_bind().dialect.name == "sqlite":
        return func.strftime(_text(sqlite), Usage.started_at)
    return func.to_char(func.timezone(_text("UTC"), Usage.started_at), _text(postgres))


def _text(value: str) -> ColumnElement[str]:
    return literal(value, literal_execute=True)


def _named(by: By, group: ColumnElement[str]) -> list[ColumnElement[str]]:
    """What to group by besides: PostgreSQL does not group by a constant."""
    return [] if by == "none" else [group]


def _group(by: By) -> ColumnElement[str]:
    columns = Usage.__table__.c
    match by:
        case "model":
            return columns.model
        case "key":
            return columns.key_id
        case "client":
            return columns.client
        case "none":
            return _text("")


def _rolled_group(by: By) -> ColumnElement[str]:
    columns = Rollup.__table__.c
    match by:
        case "model":
            return columns.model
        case "key":
            return columns.key_id
        case "client":
            return columns.client
        case "none":
            return _text("")


def _whole_days(since: datetime, until: datetime, rolled: datetime | None) -> tuple[datetime, datetime]:
    """From the first to just before the last start of a day between which roll-ups tell everything."""
    start = datetime.combine(since.astimezone(UTC).date(), time(), UTC)
    first = start if start == since else start + _DAY
    end = datetime.combine(until.astimezone(UTC).date(), time(), UTC)
    return first, first if rolled is None else min(end, rolled)


def _add(found: dict[tuple[datetime, str, str], list[int]], rows: Any) -> None:
    for start, group, unit, *sums in rows:
        key = (datetime.fromisoformat(start).replace(tzinfo=UTC), group, unit)
        known = found.setdefault(key, [0] * len(SUMS))
        found[key] = [old + int(new) for old, new in zip(known, sums, strict=True)]
