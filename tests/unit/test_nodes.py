"""Node leases: who lives, who is found dead, and that a clock alone condemns nobody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from tokenmill.jobs.nodes import Nodes, node_lease
from tokenmill.kit.clock import SystemClock
from tokenmill.store.database import Database, open_database
from tokenmill.store.migrate import migrate
from tokenmill.store.work_tables import Node
from tokenmill.testing import FixedClock


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    migrate(url, tmp_path / "lock")
    async with open_database(url) as database:
        yield database


async def living(database: Database) -> set[str]:
    async with database.read() as work:
        return set(await work.session.scalars(select(Node.id).where(Node.ended_at.is_(None))))


async def touch(database: Database, node: str, clock: FixedClock) -> None:
    async with database.write() as work:
        await work.session.execute(update(Node).where(Node.id == node).values(renewed_at=clock.now()))


async def register(database: Database, clock: FixedClock) -> str:
    """A node that renews its lease only when the test does."""
    row = {"id": "node_1", "name": "n", "started_at": clock.now(), "renewed_at": clock.now()}
    async with database.write() as work:
        await work.session.execute(insert(Node).values(**row))
    return "node_1"


async def test_a_lease_lives_as_long_as_its_block(database: Database, tmp_path: Path) -> None:
    async with node_lease(database, FixedClock(), tmp_path) as node:
        assert {node} == await living(database)

    assert set() == await living(database)


async def test_two_nodes_of_one_directory_do_not_bury_each_other(database: Database, tmp_path: Path) -> None:
    clock = FixedClock()
    async with node_lease(database, clock, tmp_path) as one, node_lease(database, clock, tmp_path) as two:
        assert {one, two} == await living(database)


HANGS = """
import asyncio, sys
from pathlib import Path
from tokenmill.jobs.nodes import node_lease
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.clock import SystemClock
from tokenmill.store.database import open_database

async def main():
    async with open_database(sys.argv[1]) as database:
        async with node_lease(database, SystemClock(), Path(sys.argv[2])):
            print("started", flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_the_next_process_of_a_directory_knows_at_once_who_was_killed(
    database: Database, tmp_path: Path
) -> None:
    """Without waiting for its lease to run out."""
    command = [sys.executable, "-c", HANGS, f"sqlite:///{tmp_path}/tokenmill.db", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "started\n" == process.stdout.readline()
        (killed,) = await living(database)
        process.kill()

    async with node_lease(database, SystemClock(), tmp_path) as node:
        assert {node} == await living(database)
        assert node != killed


async def test_a_silent_node_is_buried_after_twenty_seconds(database: Database) -> None:
    clock = FixedClock()
    node = await register(database, clock)
    watching = Nodes(database, clock)
    for seconds, dead in ((0, []), (10, []), (9, []), (2, [node])):
        clock.advance(seconds)
        assert dead == await watching.bury()
    assert set() == await living(database)


async def test_a_node_that_renews_lives_although_our_clock_has_jumped(database: Database) -> None:
    clock, ahead = FixedClock(), FixedClock()
    ahead.advance(3600)
    node = await register(database, clock)
    watching = Nodes(database, ahead)
    for _ in range(10):
        assert [] == await watching.bury()
        ahead.advance(5)
        clock.advance(5)
        await touch(database, node, clock)


async def test_nobody_is_buried_because_the_database_was_away(database: Database) -> None:
    """Nobody could renew then; whoever lives does so as soon as it is back."""
    clock = FixedClock()
    node = await register(database, clock)
    watching = Nodes(database, clock)
    assert [] == await watching.bury()
    clock.advance(300)
    assert [] == await watching.bury()
    clock.advance(6)
    assert [] == await watching.bury()
    await touch(database, node, clock)
    clock.advance(6)
    assert [] == await watching.bury()


async def test_a_lease_that_was_stale_before_we_came_is_watched_for_two_renewals_only(
    database: Database,
) -> None:
    clock = FixedClock()
    node = await register(database, clock)
    late = FixedClock(clock.now() + timedelta(minutes=5))
    watching = Nodes(database, late)
    for seconds, dead in ((0, []), (5.6, []), (5.6, [node])):
        late.advance(seconds)
        assert dead == await watching.bury()
