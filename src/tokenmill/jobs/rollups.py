"""Sums up usage by the day, so that charts and reminders need not read every exchange."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select

from tokenmill.billing.charts import ROLLUPS, SUMS, day_of, summed
from tokenmill.kit.clock import Clock
from tokenmill.store.database import Database, ReadWork
from tokenmill.store.ledger_tables import Hold, Rollup
from tokenmill.store.marks import set_mark
from tokenmill.store.tables import Usage
from tokenmill.store.work_tables import Mark

EVERY: Final = 600.0
OVERLAP: Final = timedelta(hours=1)
"""A settlement bears the time at which it was tried: it may be seen later, and nodes' clocks differ."""
_ACCOUNTS: Final = 50
"""Accounts whose rows are replaced in one transaction; the hot path waits for it."""
_KEYS: Final = ("account_id", "model", "key_id", "client", "unit")

Row = tuple[Any, ...]


async def roll_up(database: Database, clock: Clock, *, usage_days: int = 0) -> int:
    """Makes the sums of every day that has ended or changed since the last time; how many days it were.

    `usage_days` is for how long exchanges are kept (0: for ever): days before that stay as they were summed
    up, since their exchanges are not all there any more.
    """
    now = clock.now()
    async with database.read() as view:
        days = await _days(view, now)
    oldest = first_kept_day(now, usage_days)
    days = [day for day in days if day >= oldest]
    for day in days:
        await _roll(database, day)
    async with database.write() as work:
        await set_mark(work, ROLLUPS, now)
    return len(days)


def first_kept_day(now: datetime, usage_days: int) -> date:
    """The first day whose exchanges are all kept."""
    return (now - timedelta(days=usage_days)).date() if usage_days else date.min


async def _days(view: ReadWork, now: datetime) -> list[date]:
    """Days before today whose sums may not be what their exchanges say."""
    today = datetime.combine(now.date(), time(), UTC)
    day = day_of(view)
    mark = await view.session.get(Mark, ROLLUPS)
    query = select(day).where(Usage.started_at < today).distinct()
    if mark is None:
        return sorted(date.fromisoformat(text) for text in await view.session.scalars(query))
    late = query.join(Hold, Hold.id == Usage.id).where(Hold.closed_at >= mark.at - OVERLAP)
    days = {date.fromisoformat(text) for text in await view.session.scalars(late)}
    ended = (today.date() - mark.at.date()).days
    days.update(mark.at.date() + timedelta(days=number) for number in range(ended))
    return sorted(days)


async def _roll(database: Database, day: date) -> None:
    """Replaces the rows of every account whose sums have changed."""
    start = datetime.combine(day, time(), UTC)
    async with database.read() as view:
        keys = [getattr(Usage, name) for name in _KEYS]
        query = select(*keys, *summed()).group_by(*keys)
        query = query.where(Usage.started_at >= start, Usage.started_at < start + timedelta(days=1))
        fresh = _by_account((await view.session.execute(query)).all())
        columns = [getattr(Rollup, name) for name in (*_KEYS, *SUMS)]
        old = select(*columns).where(Rollup.day == day.isoformat())
        known = _by_account((await view.session.execute(old)).all())
    changed = sorted(
        account for account in fresh.keys() | known.keys() if fresh.get(account) != known.get(account)
    )
    for accounts in _chunks(changed):
        async with database.write() as work:
            stale = delete(Rollup).where(Rollup.day == day.isoformat(), Rollup.account_id.in_(accounts))
            await work.session.execute(stale)
            rows = [
                {"day": day.isoformat(), **dict(zip((*_KEYS, *SUMS), row, strict=True))}
                for account in accounts
                for row in fresh.get(account, ())
            ]
            if rows:
                await work.session.execute(insert(Rollup), rows)


def _by_account(rows: Any) -> dict[str, set[Row]]:
    found: dict[str, set[Row]] = {}
    for row in rows:
        counts = (int(count) for count in row[len(_KEYS) :])  # PostgreSQL's sums are decimals.
        found.setdefault(row[0], set()).add((*row[: len(_KEYS)], *counts))
    return found


def _chunks(accounts: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(accounts), _ACCOUNTS):
        yield accounts[at : at + _ACCOUNTS]
