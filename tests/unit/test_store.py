from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import open_database
from tokenmill.store.migrate import alembic_config, migrate, newest_revision, pending, require_migrated
from tokenmill.store.rows import Change, UsageRow
from tokenmill.store.schema import METADATA
from tokenmill.store.tables import Account, ChangeRow, Key, Usage

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    migrate(url, tmp_path / "lock")
    return url


def account(number: int, created_at: datetime = NOON) -> Account:
    return Account(id=f"acc_{number}", email=f"{number}@x", currency="USD", created_at=created_at)


def test_migrations_and_tables_agree(url: str) -> None:
    """What the revisions build is exactly what the models declare."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_revision_is_the_one_head_that_alembic_sees() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [newest_revision()]


def test_the_revisions_are_files_of_the_package() -> None:
    versions = files("tokenmill.store").joinpath("migrations/versions")
    assert [each.name for each in versions.iterdir() if each.name.startswith("0001_")]


def test_a_database_is_pending_until_it_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    assert pending(url)
    assert migrate(url, tmp_path / "lock") is True
    assert not pending(url)
    assert migrate(url, tmp_path / "lock") is False


def test_a_missing_database_says_what_to_run_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="Run `tokenmill init --data"):
        require_migrated(f"sqlite:///{tmp_path}/tokenmill.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_left_alone(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tokenmill.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for refuse in (require_migrated, lambda url: migrate(url, tmp_path / "lock")):
        with pytest.raises(Fault, match="newer version of TokenMill"):
            refuse(url)


def test_two_processes_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sorted(pool.starmap(migrate, [(url, tmp_path / "lock")] * 2)) == [False, True]


async def test_postgresql_is_refused_without_its_password() -> None:
    with pytest.raises(Fault, match="SQLite only") as caught:
        async with open_database("postgresql://user:hunter2@host/db"):
            pass
    assert "hunter2" not in caught.value.message


async def test_a_unit_of_work_keeps_all_or_nothing(url: str) -> None:
    async with open_database(url) as database:
        async with database.write() as work:
            work.session.add(account(1))
            await work.changed("account", "acc_1")
        with suppress(RuntimeError):
            async with database.write() as work:
                work.session.add(account(2))
                await work.changed("account", "acc_2")
                raise RuntimeError
        async with database.read() as view:
            assert list(await view.session.scalars(select(Account.id))) == ["acc_1"]
            assert list(await view.session.scalars(select(ChangeRow.key))) == ["acc_1"]


async def test_what_a_reader_writes_is_not_kept(url: str) -> None:
    async with open_database(url) as database:
        async with database.read() as view:
            await view.session.execute(insert(ChangeRow).values(kind="a", key="b", at=NOON))
        async with database.read() as view:
            assert (await view.session.scalars(select(ChangeRow))).all() == []


async def test_forty_writers_at_once_lose_no_increment(url: str) -> None:
    """Each reads, then writes: had the lock come later, some would fail or overwrite others."""
    async with open_database(url) as database:
        async with database.write() as work:
            work.session.add(account(0))

        async def rename() -> None:
            async with database.write() as work:
                row = await work.session.get_one(Account, "acc_0")
                row.currency += "x"

        await asyncio.gather(*(rename() for _ in range(40)))
        async with database.read() as view:
            assert (await view.session.get_one(Account, "acc_0")).currency == "USD" + "x" * 40


async def test_a_reader_does_not_wait_for_a_writer(url: str) -> None:
    async with open_database(url) as database, database.write() as work:
        work.session.add(account(1))
        await work.session.flush()
        async with database.read() as view:
            assert (await view.session.scalars(select(Account))).all() == []


async def test_the_database_speaks_wal_and_checks_references(url: str) -> None:
    async with open_database(url) as database:
        async with database.read() as view:
            pragmas = [
                await view.session.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            ]
        assert pragmas == ["wal", 1, 5000, 1]
        orphan = Key(
            id="key_1",
            account_id="nobody",
            kind="sk",
            name="",
            prefix="",
            last4="",
            hash=b"",
            created_at=NOON,
        )
        with pytest.raises(IntegrityError):
            async with database.write() as work:
                work.session.add(orphan)


async def test_times_come_back_aware_in_utc_and_naive_ones_are_refused(url: str) -> None:
    shanghai = timezone(timedelta(hours=8))
    async with open_database(url) as database:
        async with database.write() as work:
            work.session.add(account(1, NOON.astimezone(shanghai)))
        async with database.read() as view:
            stored = await view.session.scalar(select(Account.created_at))
        assert stored == NOON
        assert stored.tzinfo is UTC
        with pytest.raises(Exception, match="has no time zone"):
            async with database.write() as work:
                work.session.add(account(2, NOON.replace(tzinfo=None)))


async def test_a_lost_table_surfaces_as_unavailable_without_the_statement(url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tokenmill.db")) as connection:
        connection.execute("DROP TABLE accounts")
    async with open_database(url) as database:
        with pytest.raises(Fault) as caught:
            async with database.read() as view:
                await view.session.scalars(select(Account.id).where(Account.email == "private@x"))
    assert caught.value.code is Code.UNAVAILABLE
    assert "private@x" not in caught.value.message


def test_a_usage_row_has_the_tables_columns() -> None:
    assert list(UsageRow.__struct_fields__) == [column.name for column in Usage.__table__.columns]


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
