from __future__ import annotations

import asyncio
import multiprocessing
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import open_database
from tokenmill.store.ledger_tables import Posting, Rollup, Transfer
from tokenmill.store.migrate import alembic_config, migrate, newest_revision, pending, require_migrated
from tokenmill.store.rows import UsageRow
from tokenmill.store.schema import METADATA
from tokenmill.store.tables import Account, ChangeRow, Key, Usage
from tokenmill.store.work_tables import AuditEntry

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


def account(number: int, created_at: datetime = NOON) -> Account:
    return Account(id=f"acc_{number}", email=f"{number}@x", currency="USD", created_at=created_at)


def key(id: str, *, account_id: str = "acc_1", **columns: Any) -> Key:
    return Key(
        id=id, account_id=account_id, kind="sk", prefix="sk-AbCd", last4="wxyz", created_at=NOON, **columns
    )


async def test_migrations_and_tables_agree(database_url: str) -> None:
    """What the revisions build is exactly what the models declare."""

    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, METADATA)

    async with open_database(database_url) as database, database.read() as view:
        assert await (await view.session.connection()).run_sync(differences) == []


def test_the_newest_revision_is_the_one_head_that_alembic_sees() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [newest_revision()]


def test_the_revisions_are_files_of_the_package() -> None:
    versions = files("tokenmill.store").joinpath("migrations/versions")
    assert [each.name for each in versions.iterdir() if each.name.startswith("0001_")]


def test_a_database_is_pending_until_it_is_migrated(bare_database_url: str, tmp_path: Path) -> None:
    assert pending(bare_database_url)
    assert migrate(bare_database_url, tmp_path / "lock") is True
    assert not pending(bare_database_url)
    assert migrate(bare_database_url, tmp_path / "lock") is False


def test_a_missing_database_says_what_to_run_and_is_not_made(bare_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="Run `tokenmill init"):
        require_migrated(bare_database_url)
    assert list(tmp_path.iterdir()) == []
    assert pending(bare_database_url)


async def test_a_database_of_another_version_is_left_alone(database_url: str, tmp_path: Path) -> None:
    async def pretend(revision: str) -> None:
        async with open_database(database_url) as database, database.write() as work:
            await work.session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})

    await pretend("9999")
    for refuse in (require_migrated, lambda url: migrate(url, tmp_path / "lock")):
        with pytest.raises(Fault, match="newer version of TokenMill"):
            refuse(database_url)
    await pretend("0000")
    with pytest.raises(Fault, match=r"older version .* Run `tokenmill migrate"):
        require_migrated(database_url)


def test_two_processes_migrate_once(bare_database_url: str, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [(bare_database_url, tmp_path / "lock")] * 2
        assert sorted(pool.starmap(migrate, jobs)) == [False, True]


@pytest.mark.parametrize("table", ["transfers", "postings", "audit"])
@pytest.mark.parametrize("act", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
async def test_what_only_grows_refuses_changes(database_url: str, table: str, act: str) -> None:
    async with open_database(database_url) as database:
        async with database.write() as work:
            work.session.add(Transfer(id="t", source="s", kind="k", account_id="a", at=NOON, memo="{}"))
            work.session.add(
                AuditEntry(id="a", at=NOON, actor="cli", action="key.create", subject="k", details="{}")
            )
            await work.session.flush()
            work.session.add(Posting(id=1, transfer_id="t", ledger_account="w", unit="USD", amount=1))
        with pytest.raises(IntegrityError, match=f"{table} only grows"):
            async with database.write() as work:
                await work.session.execute(text(act.format(table)))


async def test_a_unit_of_work_keeps_all_or_nothing(database_url: str) -> None:
    async with open_database(database_url) as database:
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


async def test_what_a_reader_writes_is_not_kept(database_url: str) -> None:
    """PostgreSQL refuses it at once."""
    async with open_database(database_url) as database:
        with suppress(Fault):
            async with database.read() as view:
                await view.session.execute(insert(ChangeRow).values(kind="a", key="b", at=NOON))
        async with database.read() as view:
            assert (await view.session.scalars(select(ChangeRow))).all() == []


async def test_a_view_does_not_move_while_it_is_read(database_url: str) -> None:
    async with open_database(database_url) as database, database.read() as view:
        assert (await view.session.scalars(select(Account.id))).all() == []
        async with database.write() as work:
            work.session.add(account(1))
        assert (await view.session.scalars(select(Account.id))).all() == []


async def test_forty_writers_at_once_lose_no_increment(database_url: str) -> None:
    """Each reads, then writes: had the lock come later, some would fail or overwrite others."""
    async with open_database(database_url) as database:
        async with database.write() as work:
            work.session.add(account(0))

        async def rename() -> None:
            async with database.write() as work:
                row = await work.session.get_one(Account, "acc_0")
                row.currency += "x"

        await asyncio.gather(*(rename() for _ in range(40)))
        async with database.read() as view:
            assert (await view.session.get_one(Account, "acc_0")).currency == "USD" + "x" * 40


async def test_a_reader_does_not_wait_for_a_writer(database_url: str) -> None:
    async with open_database(database_url) as database, database.write() as work:
        work.session.add(account(1))
        await work.session.flush()
        async with database.read() as view:
            assert (await view.session.scalars(select(Account))).all() == []


async def test_sqlite_speaks_wal(sqlite_url: str) -> None:
    async with open_database(sqlite_url) as database, database.read() as view:
        pragmas = [
            await view.session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]
    assert pragmas == ["wal", 1, 5000, 1]


async def test_the_database_checks_references(database_url: str) -> None:
    async with open_database(database_url) as database:
        orphan = key("a", account_id="nobody", name="", hash=b"")
        with pytest.raises(IntegrityError):
            async with database.write() as work:
                work.session.add(orphan)


async def test_what_a_failed_statement_was_given_is_not_told(database_url: str) -> None:
    """Such errors are bugs and go to the log whole, where hashes and addresses have no place."""
    async with open_database(database_url) as database:
        with pytest.raises(IntegrityError) as caught:
            async with database.write() as work:
                work.session.add(key("key_1", account_id="acc_canary", name="canary", hash=b"canary"))
    assert "INSERT INTO keys" in str(caught.value)
    told = str(caught.value).replace("(account_id)=(acc_canary)", "")  # What PostgreSQL itself says.
    assert "canary" not in told


async def test_times_come_back_aware_in_utc_and_naive_ones_are_refused(database_url: str) -> None:
    shanghai = timezone(timedelta(hours=8))
    async with open_database(database_url) as database:
        async with database.write() as work:
            work.session.add(account(1, NOON.astimezone(shanghai)))
        async with database.read() as view:
            stored = await view.session.scalar(select(Account.created_at))
        assert stored == NOON
        assert stored.tzinfo is UTC
        with pytest.raises(Exception, match="has no time zone"):
            async with database.write() as work:
                work.session.add(account(2, NOON.replace(tzinfo=None)))


async def test_bytes_lists_and_big_numbers_come_back_as_they_were(database_url: str) -> None:
    everything, name = bytes(range(256)), "Schlüssel 钥匙 🔑"
    async with open_database(database_url) as database:
        async with database.write() as work:
            work.session.add(account(1))
            await work.session.flush()
            work.session.add(key("a", name=name, hash=everything, models=["m", "模型"], cap=2**62))
            work.session.add(key("b", name="", hash=b"", models=None))
        async with database.read() as view:
            first, second = await view.session.scalars(select(Key).order_by(Key.id))
            nothing = await view.session.scalar(select(Key.id).where(Key.models.is_(None)))
    assert (first.hash, first.models) == (everything, ["m", "模型"])
    assert (first.cap, first.name) == (2**62, name)
    assert (second.hash, second.models, second.cap, nothing) == (b"", None, None, "b")


async def test_a_lost_table_surfaces_as_unavailable_without_the_statement(database_url: str) -> None:
    async with open_database(database_url) as database:
        async with database.write() as work:
            await work.session.execute(text("DROP TABLE rollups"))
        with pytest.raises(Fault) as caught:
            async with database.read() as view:
                await view.session.scalars(select(Rollup.day).where(Rollup.client == "private"))
    assert caught.value.code is Code.UNAVAILABLE
    assert "private" not in caught.value.message


def test_a_usage_row_has_the_tables_columns() -> None:
    assert list(UsageRow.__struct_fields__) == [column.name for column in Usage.__table__.columns]


async def test_damaged_pages_are_called_so_and_tell_no_statement(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    async with open_database(sqlite_url) as database, database.read() as work:
        page = (
            await work.session.execute(text("SELECT rootpage FROM sqlite_master WHERE name = 'accounts'"))
        ).scalar_one()
        size = (await work.session.execute(text("PRAGMA page_size"))).scalar_one()
    with file.open("r+b") as pages:
        pages.seek((page - 1) * size)
        pages.write(b"\xff" * size)
    with pytest.raises(Fault) as caught:
        async with open_database(sqlite_url) as database, database.read() as work:
            await work.session.execute(select(Account))
    assert caught.value.code is Code.MISCONFIGURED
    assert "damaged" in caught.value.message
    assert "SELECT" not in caught.value.message


async def test_cancelled_units_of_work_leave_no_lock(sqlite_url: str) -> None:
    """Wherever they were, and as long as somebody looks at their errors: the next writer waits for nobody."""
    insertion = insert(ChangeRow).values(kind="key", key="k", at=datetime.now(UTC)).returning(ChangeRow.id)

    async def write_on_and_on() -> None:
        while True:
            async with database.write() as work:
                await work.session.execute(insertion)

    kept = []
    async with open_database(sqlite_url) as database, asyncio.timeout(60):
        for number in range(60):
            writing = [asyncio.create_task(write_on_and_on()) for _ in range(3)]
            await asyncio.sleep(number % 20 / 2_000)
            for each in writing:
                each.cancel()
            kept.append(await asyncio.gather(*writing, return_exceptions=True))
            async with database.write() as work:  # It would give up after five seconds.
                await work.session.execute(insertion)
