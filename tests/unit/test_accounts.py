from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tokenmill.accounts.accounts import (
    create_account,
    find_account,
    find_operator,
    list_accounts,
    set_password,
)
from tokenmill.accounts.keys import create_key, delete_key, disable_key, list_keys
from tokenmill.accounts.passwords import hash_password, password_fits
from tokenmill.billing.usage_report import usage_report
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.secrets import keyed_hash, looks_like_key
from tokenmill.store.database import Database, UnitOfWork, open_database
from tokenmill.store.migrate import migrate
from tokenmill.store.tables import ChangeRow, Key, Usage, User
from tokenmill.testing import FixedClock

SECRET = b"a secret"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    migrate(url, tmp_path / "lock")
    async with open_database(url) as database:
        yield database


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


async def make(work: UnitOfWork, clock: FixedClock, email: str = "dev@example.com") -> AccountId:
    return (await create_account(work, clock, email=email, password_hash="hash")).id


async def changes(database: Database) -> list[tuple[str, str]]:
    async with database.read() as view:
        rows = await view.session.scalars(select(ChangeRow).order_by(ChangeRow.id))
        return [(row.kind, row.key) for row in rows]


async def test_an_account_is_found_by_its_address_in_any_case(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        made = await create_account(
            work, clock, email=" Dev@Example.COM", password_hash="hash", currency="CNY"
        )
    async with database.read() as view:
        assert await find_account(view, "dEV@example.com") == made
        assert await list_accounts(view) == [made]
        assert await find_operator(view) is None
    assert (made.email, made.currency, made.role) == ("dev@example.com", "CNY", "developer")


async def test_an_address_is_used_once(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        await make(work, clock)
    with pytest.raises(Fault, match=r"already an account for dev@example\.com") as caught:
        async with database.write() as work:
            await make(work, clock, "DEV@example.com")
    assert caught.value.code is Code.CONFLICT


@pytest.mark.parametrize("email", ["", "dev", "a b@c", "@c", "a@", "a" * 300 + "@c"])
async def test_what_is_no_address_is_refused(database: Database, clock: FixedClock, email: str) -> None:
    with pytest.raises(Fault, match="not an e-mail address"):
        async with database.write() as work:
            await make(work, clock, email)


async def test_an_unknown_currency_is_refused_with_the_known_ones(
    database: Database, clock: FixedClock
) -> None:
    with pytest.raises(Fault, match="USD, CNY"):
        async with database.write() as work:
            await create_account(work, clock, email="a@b", password_hash="hash", currency="EUR")


async def test_an_unknown_account_is_told_how_to_make_one(database: Database) -> None:
    with pytest.raises(Fault, match="accounts create a@b") as caught:
        async with database.read() as view:
            await find_account(view, "a@b")
    assert caught.value.code is Code.NOT_FOUND


async def test_a_new_password_replaces_the_old_one(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        await create_account(work, clock, email="a@b", password_hash=await hash_password("first-password"))
    async with database.write() as work:
        await set_password(work, clock, "A@b", await hash_password("second-password"))
    async with database.read() as view:
        kept = (await view.session.scalars(select(User))).one().password_hash
    assert "second-password" not in kept
    assert await password_fits(kept, "second-password")
    assert not await password_fits(kept, "first-password")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025])
async def test_a_password_of_no_use_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(Fault) as caught:
        await hash_password(password)
    assert password == "" or password not in caught.value.message


async def test_an_unreadable_hash_fits_no_password() -> None:
    assert not await password_fits("not a hash", "anything")


async def test_a_key_is_given_out_whole_once_and_kept_as_a_hash(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as work:
        whole, key = await create_key(work, clock, SECRET, account_id=await make(work, clock), name=" mine ")
    async with database.read() as view:
        row = (await view.session.scalars(select(Key))).one()
        listed = await list_keys(view)
    assert looks_like_key(whole)
    assert row.hash == keyed_hash(SECRET, whole)
    assert all(whole not in str(value) for value in vars(row).values())
    assert listed == [key]
    assert (key.name, key.shown) == ("mine", f"{whole[:7]}…{whole[-4:]}")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "\x1b[31m"])
async def test_a_key_needs_a_name_that_can_be_shown(database: Database, clock: FixedClock, name: str) -> None:
    with pytest.raises(Fault, match="printable characters"):
        async with database.write() as work:
            await create_key(work, clock, SECRET, account_id=await make(work, clock), name=name)


async def test_every_change_to_a_key_is_announced(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        account = await make(work, clock)
        _, key = await create_key(work, clock, SECRET, account_id=account, name="a")
    async with database.write() as work:
        assert (await disable_key(work, clock, key.id)).disabled_at == clock.now()
    async with database.write() as work:
        await delete_key(work, clock, key.id)
    assert await changes(database) == [("account", account), *[("key", key.id)] * 3]


async def test_a_deleted_key_stays_as_a_tombstone_and_cannot_be_touched(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as work:
        _, key = await create_key(work, clock, SECRET, account_id=await make(work, clock), name="a")
        await delete_key(work, clock, key.id)
    async with database.read() as view:
        assert await list_keys(view) == []
        assert [each.id for each in await list_keys(view, deleted=True)] == [key.id]
    for touch in (disable_key, delete_key):
        with pytest.raises(Fault, match="no key with the id"):
            async with database.write() as work:
                await touch(work, clock, key.id)


async def test_disabling_twice_keeps_the_first_time(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        _, key = await create_key(work, clock, SECRET, account_id=await make(work, clock), name="a")
        first = await disable_key(work, clock, key.id)
        clock.advance(60)
        assert (await disable_key(work, clock, key.id)).disabled_at == first.disabled_at


async def test_a_key_passed_instead_of_its_id_is_not_repeated(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        whole, _ = await create_key(work, clock, SECRET, account_id=await make(work, clock), name="a")
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await disable_key(work, clock, whole)
    assert whole not in caught.value.message


async def test_keys_are_listed_by_account(database: Database, clock: FixedClock) -> None:
    async with database.write() as work:
        mine, other = await make(work, clock, "a@b"), await make(work, clock, "c@d")
        _, key = await create_key(work, clock, SECRET, account_id=mine, name="a")
        await create_key(work, clock, SECRET, account_id=other, name="b")
    async with database.read() as view:
        assert await list_keys(view, mine) == [key]


async def test_usage_sums_tokens_of_all_and_counts_what_was_answered(
    database: Database, clock: FixedClock
) -> None:
    start = clock.now()
    async with database.write() as work:
        for number, (account, status, day) in enumerate(
            [("acc_1", 200, 0), ("acc_1", 200, 1), ("acc_1", 502, 1), ("acc_2", 200, 1)]
        ):
            work.session.add(used(f"ex_{number}", account, status, start + timedelta(days=day)))
    async with database.read() as view:
        everything = await usage_report(view, AccountId("acc_1"), "CNY")
        later = await usage_report(view, AccountId("acc_1"), "CNY", start + timedelta(days=1))
        nothing = await usage_report(view, AccountId("acc_3"), "USD")
    assert (everything.requests, everything.tokens.input_fresh, everything.tokens.output_reasoning) == (
        2,
        30,
        6,
    )
    assert (later.requests, later.tokens.output) == (1, 16)
    assert (nothing.requests, nothing.tokens.output) == (0, 0)
    assert (everything.cost, everything.balance, everything.holds_open) == (
        {"CNY": "0.00"},
        {"CNY": "0.00"},
        0,
    )


def used(name: str, account: str, status: int, at: object) -> Usage:
    counts = {"input_fresh": 10, "input_cached": 0, "input_written": 0, "output": 8, "output_reasoning": 2}
    return Usage(
        id=name,
        account_id=account,
        key_id="key_1",
        model="m",
        target="t",
        upstream_model="u",
        protocol="openai_chat",
        stream=False,
        started_at=at,
        duration_ms=1,
        status="answered",
        http_status=status,
        quality="reported",
        client="",
        request_id="",
        drops="[]",
        **counts,
    )
