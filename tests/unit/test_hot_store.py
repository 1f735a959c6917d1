from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from tests.books import NOON, usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId
from tokenmill.store.database import open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.rows import Change, KeyRow, UsageRow
from tokenmill.store.sqlite import sqlite_file
from tokenmill.store.tables import Account, Key, Usage


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return sqlite_file(sqlite_url)


@pytest.fixture
async def either(database_url: str) -> AsyncIterator[HotStore]:
    """A hot store on each kind of database in turn."""
    async with HotStore(database_url) as hot:
        yield hot


@pytest.fixture
async def hot(file: Path) -> AsyncIterator[HotStore]:
    async with HotStore(f"sqlite:///{file}") as hot:
        yield hot


def stored(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM usage ORDER BY id")]


async def test_a_usage_row_reads_back_through_the_business_side_as_it_was_written(
    either: HotStore, database_url: str
) -> None:
    await either.add_usage(usage("ex_1"))
    async with open_database(database_url) as database, database.read() as view:
        row = await view.session.scalar(select(Usage).where(Usage.started_at >= NOON))
    assert {name: getattr(row, name) for name in UsageRow.__struct_fields__} == msgspec.structs.asdict(
        usage("ex_1")
    )


async def test_the_same_exchange_is_written_once(hot: HotStore, file: Path) -> None:
    await asyncio.gather(*(hot.add_usage(usage("ex_1")) for _ in range(5)))
    assert stored(file) == ["ex_1"]


async def test_a_row_is_committed_when_its_writer_hears_back(hot: HotStore, file: Path) -> None:
    for number in range(3):
        await hot.add_usage(usage(f"ex_{number}"))
        assert len(stored(file)) == number + 1


async def test_operations_of_one_turn_share_a_transaction(hot: HotStore, file: Path) -> None:
    """The file's WAL grows once: 50 rows fit into fewer pages than 50 commits would write."""
    await hot.probe_write()
    wal = file.with_name(file.name + "-wal")
    before = wal.stat().st_size
    await asyncio.gather(*(hot.add_usage(usage(f"ex_{number:02}")) for number in range(50)))
    frame = 4096 + 24
    assert len(stored(file)) == 50
    assert (wal.stat().st_size - before) / frame < 50


async def test_one_bad_operation_does_not_roll_back_its_neighbours(hot: HotStore, file: Path) -> None:
    bad = usage("ex_bad", client="\ud800")  # Half a surrogate pair, which no database text can hold.
    rows = [usage("ex_1"), bad, usage("ex_2")]
    results = await asyncio.gather(*map(hot.add_usage, rows), return_exceptions=True)
    assert stored(file) == ["ex_1", "ex_2"]
    assert [type(result) for result in results] == [type(None), Fault, type(None)]
    assert isinstance(results[1], Fault)
    assert results[1].code is Code.INTERNAL


async def test_a_cancelled_writer_has_its_row_written_all_the_same(hot: HotStore, file: Path) -> None:
    writing = asyncio.create_task(hot.add_usage(usage("ex_1")))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    assert writing.cancelled()
    await hot.probe_write()
    assert stored(file) == ["ex_1"]


async def test_closing_writes_what_waits(file: Path) -> None:
    async with HotStore(f"sqlite:///{file}") as hot:
        waiting = [asyncio.create_task(hot.add_usage(usage(f"ex_{number:03}"))) for number in range(200)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert len(stored(file)) == 200
    with pytest.raises(Fault) as caught:
        await hot.add_usage(usage("late"))
    assert caught.value.code is Code.STOPPING


async def test_a_database_locked_for_a_moment_is_waited_for(hot: HotStore, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        await hot.add_usage(usage("ex_1"))
        release.join()
    assert stored(file) == ["ex_1"]


async def test_a_lost_table_is_unavailable_and_recovers_without_a_restart(hot: HotStore, file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("ALTER TABLE usage RENAME TO elsewhere")
    with pytest.raises(Fault) as caught:
        await hot.add_usage(usage("ex_1"))
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after is not None
    with closing(sqlite3.connect(file)) as other:
        other.execute("ALTER TABLE elsewhere RENAME TO usage")
    await hot.add_usage(usage("ex_1"))
    assert stored(file) == ["ex_1"]


async def test_a_file_that_vanished_is_unavailable_and_never_made_anew(file: Path) -> None:
    async with HotStore(f"sqlite:///{file}") as hot:
        for each in file.parent.glob("tokenmill.db*"):
            each.unlink()
        with pytest.raises(Fault) as caught:
            await hot.probe_write()
        assert caught.value.code is Code.UNAVAILABLE
    assert list(file.parent.glob("tokenmill.db*")) == []


async def test_opening_without_a_database_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="tokenmill init"):
        async with HotStore(f"sqlite:///{tmp_path}/none.db"):
            pass


async def test_the_probe_writes_but_changes_nothing(hot: HotStore, file: Path) -> None:
    await hot.probe_write()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM alembic_version").fetchone() == (1,)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT COUNT(*) FROM changes").fetchone() == (0,)


async def test_a_key_is_found_by_its_hash_with_its_accounts_state(
    either: HotStore, database_url: str
) -> None:
    async with open_database(database_url) as database, database.write() as work:
        work.session.add(
            Account(
                id="acc_1", email="a@x", currency="CNY", created_at=NOON, disabled_at=NOON, limits='{"rpm":9}'
            )
        )
        await work.session.flush()
        work.session.add(
            Key(
                id="key_1",
                account_id="acc_1",
                kind="tp",
                name="mine",
                prefix="tp-AbCd",
                last4="wxyz",
                hash=b"\x00\xff",
                created_at=NOON,
                expires_at=NOON,
                models=["a", "b"],
                subscription_id="sub_1",
                cap=2**40,
                addresses=["10.0.0.0/8", "::1/128"],
                limits='{"rpm":3}',
            )
        )
    assert await either.key_by_hash(b"\x00\xff") == KeyRow(
        id=KeyId("key_1"),
        account_id=AccountId("acc_1"),
        kind="tp",
        name="mine",
        models=frozenset({ModelId("a"), ModelId("b")}),
        expires_at=NOON,
        disabled_at=None,
        deleted_at=None,
        subscription_id="sub_1",
        cap=2**40,
        addresses=("10.0.0.0/8", "::1/128"),
        limits='{"rpm":3}',
        currency="CNY",
        account_disabled_at=NOON,
        account_deleted_at=None,
        account_limits='{"rpm":9}',
    )
    assert await either.key_by_hash(b"other") is None


async def test_changes_are_read_in_order_from_where_one_left_off(either: HotStore, database_url: str) -> None:
    assert await either.latest_change() == 0
    async with open_database(database_url) as database, database.write() as work:
        for key in "abc":
            await work.changed("key", key)
    assert await either.latest_change() == 3
    assert await either.changes_since(1, 1) == [Change(2, "key", "b")]
    assert [change.key for change in await either.changes_since(0)] == ["a", "b", "c"]
