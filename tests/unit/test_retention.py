"""What is taken away after its time, and what stays, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select

from tests.books import usage
from tokenmill.jobs.retention import EVENTS, HOLDS, NODES, TASKS, take_away
from tokenmill.jobs.rollups import roll_up
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Hold, Purse
from tokenmill.store.tables import Base, ChangeRow, Usage
from tokenmill.store.work_tables import Event, Node, Task
from tokenmill.testing import FixedClock

SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


async def add(database: Database, table: type[Base], *rows: dict[str, Any]) -> None:
    """Rows whose other columns hold nothing."""
    columns = table.__table__.columns
    empty = {
        column.name: 0 if column.type.python_type is int else ""
        for column in columns
        if not column.nullable and column.type.python_type in (int, str)
    }
    if table is ChangeRow:
        del empty["id"]
    async with database.write() as work:
        await work.session.execute(insert(table), [empty | row for row in rows])


async def ids(database: Database, table: type[Any]) -> list[str]:
    async with database.read() as view:
        return list(await view.session.scalars(select(table.id).order_by(table.id)))


async def test_settled_holds_go_after_a_week_and_running_ones_stay(
    database: Database, clock: FixedClock
) -> None:
    old = clock.now() - HOLDS
    await add(
        database,
        Hold,
        {"id": "old", "state": "settled", "created_at": old, "closed_at": old - SECOND},
        {"id": "recent", "state": "settled", "created_at": old, "closed_at": old + SECOND},
        {"id": "running", "state": "held", "created_at": old - HOLDS, "closed_at": None},
    )
    assert 1 == (await take_away(database, clock))["holds"]
    assert ["recent", "running"] == await ids(database, Hold)


async def test_windows_that_are_over_go_unless_something_is_held_in_them(
    database: Database, clock: FixedClock
) -> None:
    past = clock.now() - SECOND
    await add(
        database,
        Purse,
        {"id": "wallet/acc_1", "balance": 5, "expires_at": None},
        {"id": "window/s/5h/0", "balance": 5, "expires_at": past},
        {"id": "window/s/5h/1", "balance": 5, "held": 1, "expires_at": past},
        {"id": "window/s/5h/2", "balance": 5, "expires_at": clock.now() + SECOND},
    )
    await take_away(database, clock)
    assert ["wallet/acc_1", "window/s/5h/1", "window/s/5h/2"] == await ids(database, Purse)


async def test_done_and_failed_tasks_go_and_open_ones_stay(database: Database, clock: FixedClock) -> None:
    old = clock.now() - TASKS - SECOND
    at: dict[str, datetime] = {"created_at": old, "run_after": old}
    await add(
        database,
        Task,
        {"id": "done", "dedupe_key": "1", "done_at": old, "failed_at": None, **at},
        {"id": "failed", "dedupe_key": "2", "done_at": None, "failed_at": old, **at},
        {"id": "just_done", "dedupe_key": "3", "done_at": old + 2 * SECOND, "failed_at": None, **at},
        {"id": "open", "dedupe_key": "4", "done_at": None, "failed_at": None, **at},
    )
    await take_away(database, clock)
    assert ["just_done", "open"] == await ids(database, Task)


async def test_the_newest_change_stays_however_old_it_is(database: Database, clock: FixedClock) -> None:
    """A node begins to read after it, and its number must not be given out again."""
    old = clock.now() - timedelta(days=400)
    await add(database, ChangeRow, *({"kind": "key", "key": str(number), "at": old} for number in range(5)))
    newest = (await ids(database, ChangeRow))[-1]
    assert 4 == (await take_away(database, clock))["changes"]
    assert [newest] == await ids(database, ChangeRow)


async def test_events_and_nodes_have_their_time(database: Database, clock: FixedClock) -> None:
    now = clock.now()
    await add(
        database,
        Event,
        {"id": "old", "dedupe_key": "1", "created_at": now - EVENTS - SECOND},
        {"id": "recent", "dedupe_key": "2", "created_at": now - EVENTS + SECOND},
    )
    started = {"started_at": now, "renewed_at": now}
    await add(
        database,
        Node,
        {"id": "ended", "ended_at": now - NODES - SECOND, **started},
        {"id": "living", "ended_at": None, **started},
    )
    await take_away(database, clock)
    assert ["recent"] == await ids(database, Event)
    assert ["living"] == await ids(database, Node)


async def test_exchanges_stay_for_ever_unless_a_setting_says_otherwise(
    database: Database, clock: FixedClock
) -> None:
    """Then for whole days; and never before their day is summed up."""
    today = clock.now().replace(hour=0)
    for number in range(6):
        row = msgspec.structs.replace(usage(f"ex_{number}"), started_at=today - timedelta(days=number))
        await add(database, Usage, msgspec.structs.asdict(row))
    assert "usage" not in await take_away(database, clock)
    assert 0 == (await take_away(database, clock, usage_days=3))["usage"]
    await roll_up(database, clock, usage_days=3)
    assert 2 == (await take_away(database, clock, usage_days=3))["usage"]
    assert ["ex_0", "ex_1", "ex_2", "ex_3"] == await ids(database, Usage)


async def test_rows_go_a_few_at_a_time_until_none_is_left(database: Database, clock: FixedClock) -> None:
    old = clock.now() - EVENTS - SECOND
    rows = [{"id": f"{number}", "dedupe_key": f"{number}", "created_at": old} for number in range(25)]
    await add(database, Event, *rows)
    assert 25 == (await take_away(database, clock, at_a_time=10))["events"]
    async with database.read() as view:
        assert 0 == await view.session.scalar(select(func.count()).select_from(Event))
