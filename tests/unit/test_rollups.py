"""Daily sums and the charts that are read from them, on both databases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from sqlalchemy import delete, func, insert, select, update

from tests.books import usage
from tokenmill.billing.charts import SUMS, By, Step, usage_series
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Hold, Rollup
from tokenmill.store.rows import UsageRow
from tokenmill.store.tables import Usage
from tokenmill.testing import FixedClock

ME = AccountId("acc_1")
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
Totals = dict[tuple[datetime, str, str], list[int]]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MONDAY + timedelta(days=4, hours=8))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


def exchanges(count: int, until: datetime, seed: int = 1) -> list[UsageRow]:
    """Exchanges of two accounts from Monday on, with a share at the very edges of days."""
    chance = Random(seed)
    whole = int((until - MONDAY).total_seconds() * 1_000_000)
    rows = []
    for number in range(count):
        started = MONDAY + timedelta(microseconds=chance.randrange(whole))
        if number % 7 == 0:
            started = started.replace(hour=0, minute=0, second=0, microsecond=0)
        elif number % 7 == 1:
            started = started.replace(hour=23, minute=59, second=59, microsecond=999_999)
        row = usage(
            f"ex_{seed}_{number}",
            client=chance.choice(["curl", "codex", "opencode"]),
            unit=chance.choice(["USD", "credits", ""]),
            cost=chance.randrange(10**12),
        )
        rows.append(
            msgspec.structs.replace(
                row,
                id=ExchangeId(f"ex_{seed}_{number}"),
                account_id=chance.choice([ME, AccountId("acc_2")]),
                key_id=KeyId(chance.choice(["key_1", "key_2"])),
                model=ModelId(chance.choice(["a", "b", "c"])),
                started_at=min(started, until - timedelta(microseconds=1)),
                http_status=chance.choice([200, 200, 500]),
                output=chance.randrange(10_000),
                shortfall=chance.choice([0, 5]),
            )
        )
    return rows


async def settle(database: Database, rows: list[UsageRow], at: datetime | None = None) -> None:
    """As the hot store would; `at` is when, else as soon as they began."""
    holds = [
        {
            **dict.fromkeys(("amount", "input_fresh", "input_cached", "input_written", "output"), 0),
            **dict.fromkeys(("purses", "draft"), ""),
            "output_reasoning": 0,
            "id": row.id,
            "account_id": row.account_id,
            "state": "settled",
            "node": "node_1",
            "created_at": row.started_at,
            "closed_at": at or row.started_at,
        }
        for row in rows
    ]
    async with database.write() as work:
        await work.session.execute(insert(Usage), [msgspec.structs.asdict(row) for row in rows])
        await work.session.execute(insert(Hold), holds)


def expected(rows: list[UsageRow], since: datetime, until: datetime, by: By, step: Step) -> Totals:
    """The same, counted here."""
    sums: Totals = defaultdict(lambda: [0] * len(SUMS))
    for row in rows:
        if row.account_id != ME or not since <= row.started_at < until:
            continue
        start = row.started_at.replace(minute=0, second=0, microsecond=0)
        start = start.replace(hour=0) if step == "day" else start
        group = {"model": row.model, "key": row.key_id, "client": row.client, "none": ""}[by]
        counts = [getattr(row, name) for name in SUMS[2:-1]]
        new = [1, 200 <= row.http_status < 300, *counts, row.cost - row.shortfall]
        key = (start, group, row.unit)
        sums[key] = [old + more for old, more in zip(sums[key], new, strict=True)]
    return dict(sums)


async def charted(database: Database, since: datetime, until: datetime, by: By, step: Step) -> Totals:
    async with database.read() as view:
        points = await usage_series(view, ME, since, until, by=by, step=step)
    assert points == sorted(points, key=lambda point: (point.start, point.group, point.unit))
    return {
        (point.start, point.group, point.unit): [getattr(point, name) for name in SUMS] for point in points
    }


async def test_charts_say_what_the_exchanges_say_summed_up_or_not(
    database: Database, clock: FixedClock
) -> None:
    rows = exchanges(400, clock.now())
    await settle(database, rows)
    ranges = [
        (MONDAY, clock.now()),
        (MONDAY + timedelta(hours=5), clock.now() - timedelta(days=1, minutes=7)),
        (MONDAY + timedelta(days=1), MONDAY + timedelta(days=3)),
        (MONDAY + timedelta(days=1, hours=1), MONDAY + timedelta(days=1, hours=2)),
        (MONDAY + timedelta(hours=23), MONDAY + timedelta(days=1, hours=1)),
    ]
    groups: tuple[By, ...] = ("none", "model", "key", "client")
    steps: tuple[Step, ...] = ("hour", "day")
    for rolled in (False, True):
        if rolled:
            assert 4 == await roll_up(database, clock)
        for since, until in ranges:
            for by in groups:
                for step in steps:
                    assert expected(rows, since, until, by, step) == await charted(
                        database, since, until, by, step
                    )


async def test_whole_days_that_are_summed_up_outlive_their_exchanges(
    database: Database, clock: FixedClock
) -> None:
    """So the roll-ups are what is read, and they are whole."""
    rows = exchanges(200, clock.now())
    await settle(database, rows)
    await roll_up(database, clock)
    today = MONDAY + timedelta(days=4)
    async with database.write() as work:
        await work.session.execute(delete(Usage).where(Usage.started_at < today))
    assert expected(rows, MONDAY, clock.now(), "model", "day") == await charted(
        database, MONDAY, clock.now(), "model", "day"
    )


async def test_a_late_settlement_shows_after_the_next_roll_up(database: Database, clock: FixedClock) -> None:
    rows = exchanges(50, clock.now())
    await settle(database, rows)
    await roll_up(database, clock)
    clock.advance(600)
    late = [row for row in exchanges(20, MONDAY + timedelta(days=1), seed=2) if row.account_id == ME]
    await settle(database, late, at=clock.now())

    assert 1 == await roll_up(database, clock)
    until = clock.now()
    assert expected(rows + late, MONDAY, until, "key", "day") == await charted(
        database, MONDAY, until, "key", "day"
    )


async def test_days_that_end_are_summed_up_and_others_are_left_alone(
    database: Database, clock: FixedClock
) -> None:
    rows = exchanges(100, clock.now())
    await settle(database, rows)
    assert 4 == await roll_up(database, clock)
    clock.advance(7200)
    assert 0 == await roll_up(database, clock)
    clock.advance(86_400)
    assert 1 == await roll_up(database, clock)
    until = clock.now()
    assert expected(rows, MONDAY, until, "model", "day") == await charted(
        database, MONDAY, until, "model", "day"
    )


async def test_summing_up_again_changes_nothing_and_mends_what_was_wrong(
    database: Database, clock: FixedClock
) -> None:
    await settle(database, exchanges(100, clock.now()))
    await roll_up(database, clock)
    count = select(func.count(), func.sum(Rollup.cost)).select_from(Rollup)
    async with database.read() as view:
        before = (await view.session.execute(count)).one()
    async with database.write() as work:
        await work.session.execute(update(Rollup).where(Rollup.day == "2026-11-19").values(cost=1))
        await work.session.execute(update(Hold).values(closed_at=clock.now()))
    assert 4 == await roll_up(database, clock)
    async with database.read() as view:
        assert before == (await view.session.execute(count)).one()


async def test_days_whose_exchanges_are_partly_gone_stay_as_they_were_summed_up(
    database: Database, clock: FixedClock
) -> None:
    rows = exchanges(100, clock.now())
    await settle(database, rows)
    await roll_up(database, clock)
    async with database.write() as work:
        await work.session.execute(update(Hold).values(closed_at=clock.now()))
        await work.session.execute(delete(Usage).where(Usage.started_at < MONDAY + timedelta(days=1)))
    assert 3 == await roll_up(database, clock, usage_days=3)
    until = clock.now()
    assert expected(rows, MONDAY, until, "none", "day") == await charted(
        database, MONDAY, until, "none", "day"
    )
