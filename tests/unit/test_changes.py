from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.servers import PostgresServer
from tokenmill.kit.faults import Code, Fault
from tokenmill.store import postgres as how
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import Database, open_database
from tokenmill.store.listening import change_bell
from tokenmill.store.rows import Change
from tokenmill.store.tables import ChangeRow


class FakeSource:
    """Changes in memory; `broken` is raised by the next read."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.broken: Exception | None = None

    def add(self, key: str) -> None:
        self.changes.append(Change(len(self.changes) + 1, "key", key))

    async def changes_since(self, last_id: int, limit: int) -> list[Change]:
        if self.broken is not None:
            broken, self.broken = self.broken, None
            raise broken
        return self.changes[last_id : last_id + limit]

    async def latest_change(self) -> int:
        return len(self.changes)


async def test_the_feed_passes_on_only_what_came_after_it_was_opened_in_order() -> None:
    source = FakeSource()
    source.add("before")
    seen: list[str] = []
    async with ChangeFeed(source, every=3600) as feed:
        feed.subscribe(lambda change: seen.append(change.key))
        for key in "abc":
            source.add(key)
        await feed.catch_up()
    assert seen == ["a", "b", "c"]


async def test_a_subscriber_that_fails_gets_the_change_again_and_others_do_not_wait() -> None:
    source = FakeSource()
    failures = [RuntimeError("not yet"), RuntimeError("still not")]
    slow: list[str] = []
    quick: list[str] = []

    async def fragile(change: Change) -> None:
        if failures:
            raise failures.pop()
        slow.append(change.key)

    async with ChangeFeed(source, every=3600) as feed:
        feed.subscribe(fragile)
        feed.subscribe(lambda change: quick.append(change.key))
        source.add("a")
        source.add("b")
        await feed.catch_up()
        assert (slow, quick) == ([], ["a", "b"])
        await feed.catch_up()
        await feed.catch_up()
    assert (slow, quick) == (["a", "b"], ["a", "b"])


async def test_the_feed_goes_on_after_the_database_was_away() -> None:
    source = FakeSource()
    arrived = asyncio.Event()
    async with ChangeFeed(source, every=0.01) as feed:
        feed.subscribe(lambda _: arrived.set())
        source.broken = Fault(Code.UNAVAILABLE, "away")
        source.add("a")
        await asyncio.wait_for(arrived.wait(), timeout=10)


async def test_a_page_that_fails_holds_back_the_pages_after_it() -> None:
    """Else the change would be skipped for good when more than one page waits."""
    source = FakeSource()
    refused: list[Any] = [RuntimeError("not yet")]
    seen: list[int] = []

    def fragile(change: Change) -> None:
        if refused:
            raise refused.pop()
        seen.append(change.id)

    async with ChangeFeed(source, every=3600) as feed:
        feed.subscribe(fragile)
        for number in range(1500):
            source.add(str(number))
        await feed.catch_up()
        assert seen == []
        await feed.catch_up()
    assert seen == list(range(1, 1501))


class Table:
    """Changes as they are in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes_since(self, last_id: int, limit: int) -> list[Change]:
        chosen = select(ChangeRow).where(ChangeRow.id > last_id).order_by(ChangeRow.id).limit(limit)
        async with self._database.read() as view:
            return [Change(row.id, row.kind, row.key) for row in await view.session.scalars(chosen)]

    async def latest_change(self) -> int:
        async with self._database.read() as view:
            return await view.session.scalar(select(func.coalesce(func.max(ChangeRow.id), 0))) or 0


INSERT = "INSERT INTO changes (kind, key, at) VALUES ('key', $1, now())"


@asynccontextmanager
async def writing(url: str, key: str) -> AsyncIterator[None]:
    """Writes a change by hand, past every unit of work, and commits it on leaving."""
    connection = await how.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(INSERT, key)
            yield
    finally:
        await connection.close()


async def test_a_change_that_is_committed_late_is_not_missed(postgres_url: str) -> None:
    """Whoever writes second commits second, although it would have been ready first."""
    seen: list[str] = []
    async with open_database(postgres_url) as database, ChangeFeed(Table(database), every=3600) as feed:
        feed.subscribe(lambda change: seen.append(change.key))

        async def second() -> None:
            async with writing(postgres_url, "second"):
                pass

        async with writing(postgres_url, "first"):
            waiting = asyncio.create_task(second())
            await asyncio.wait([waiting], timeout=0.3)
            await feed.catch_up()
            assert (waiting.done(), seen) == (False, [])
        await waiting
        await feed.catch_up()
    assert seen == ["first", "second"]


@pytest.mark.parametrize("seed", range(3))
async def test_every_change_of_many_nodes_arrives_once_while_they_commit_in_any_order(
    postgres_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    seen: list[str] = []

    async def node(name: int) -> None:
        connection = await how.connect(postgres_url)
        try:
            for number in range(10):
                async with connection.transaction():
                    await connection.execute("SELECT pg_sleep($1)", chance.random() / 200)
                    await connection.execute(INSERT, f"{name}.{number}")
                    await connection.execute("SELECT pg_sleep($1)", chance.random() / 200)
        finally:
            await connection.close()

    async with open_database(postgres_url) as database, ChangeFeed(Table(database), every=0.001) as feed:
        feed.subscribe(lambda change: seen.append(change.key))
        await asyncio.gather(*map(node, range(8)))
        await feed.catch_up()
    assert sorted(seen) == sorted(f"{name}.{number}" for name in range(8) for number in range(10))


async def test_the_bell_tells_of_a_change_before_the_feed_would_look(postgres_url: str) -> None:
    arrived = asyncio.Event()
    async with (
        open_database(postgres_url) as database,
        change_bell(postgres_url) as bell,
        ChangeFeed(Table(database), every=3600, bell=bell) as feed,
    ):
        feed.subscribe(lambda _: arrived.set())
        async with database.write() as work:
            await work.changed("key", "key_1")
        await asyncio.wait_for(arrived.wait(), timeout=10)


async def test_the_bell_rings_again_after_the_server_was_away(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with change_bell(postgres_url) as bell:
        await asyncio.wait_for(bell.wait(), timeout=10)
        postgres.kill()
        bell.clear()
        postgres.start()
        await asyncio.wait_for(bell.wait(), timeout=10)  # It listens again.
        bell.clear()
        async with writing(postgres_url, "key_1"):
            pass
        await asyncio.wait_for(bell.wait(), timeout=10)


async def test_without_a_bell_or_a_server_the_feed_goes_on_looking(
    postgres: PostgresServer, postgres_url: str
) -> None:
    arrived = asyncio.Event()
    async with open_database(postgres_url) as database, ChangeFeed(Table(database), every=0.05) as feed:
        feed.subscribe(lambda _: arrived.set())
        postgres.kill()
        with pytest.raises(Fault):
            await feed.catch_up()
        postgres.start()
        async with writing(postgres_url, "key_1"):
            pass
        await asyncio.wait_for(arrived.wait(), timeout=10)


async def test_on_sqlite_the_bell_never_rings(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as database, change_bell(sqlite_url) as bell:
        async with database.write() as work:
            await work.changed("key", "key_1")
        assert not bell.is_set()
