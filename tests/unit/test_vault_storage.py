"""The vault's storage: who finds what, for how long, how much, and what lies on the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from tokenmill.accounts.accounts import create_account
from tokenmill.conversation.parts import Reasoning
from tokenmill.kit.ids import AccountId, KeyId, sortable
from tokenmill.memory.remembered import Remembered, Story, Thought
from tokenmill.memory.vault import Vault, forget_account, forget_key, next_batch
from tokenmill.store.database import Database, open_database
from tokenmill.store.rows import Change
from tokenmill.store.vault_tables import VaultCall, VaultTurn
from tokenmill.testing import NO_PASSWORD, FixedClock

SECRET = b"s" * 32
DAY = timedelta(days=1).total_seconds()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Database, AccountId, AccountId]]:
    async with open_database(url) as database:
        async with database.write() as work:
            mine = await create_account(work, FixedClock(), email="a@x.org", password_hash=NO_PASSWORD)
            yours = await create_account(work, FixedClock(), email="b@x.org", password_hash=NO_PASSWORD)
        yield database, mine.id, yours.id


def vault(database: Database, clock: FixedClock, *secrets: bytes, days: int = 30, most: int = 64) -> Vault:
    return Vault(database, clock, secrets or (SECRET,), days=days, max_mb_per_account=most)


def turn(
    account: AccountId,
    clock: FixedClock,
    text: str = "Gedanke",
    key: str = "key_1",
    call: bytes = b"c" * 32,
    id_: str | None = None,
) -> Remembered:
    return Remembered(
        id=id_ or sortable("vt"),
        account_id=account,
        key_id=KeyId(key),
        created_at=clock.now(),
        before=Story(b"w" * 16, b"c" * 16),
        calls=(call, b"d" * 32, call),
        thoughts=(Thought(Reasoning(text, "visible", "up", "sig+/="), 1, 2),),
    )


async def count(database: Database) -> tuple[int, int]:
    async with database.read() as view:
        turns = await view.session.scalar(select(func.count()).select_from(VaultTurn))
        calls = await view.session.scalar(select(func.count()).select_from(VaultCall))
    return turns or 0, calls or 0


async def test_what_was_written_is_found_by_its_own_account_only(database_url: str) -> None:
    """By a node that has never heard of it, as it was; by a call, and by no other."""
    clock = FixedClock()
    async with opened(database_url) as (database, mine, yours):
        kept = turn(mine, clock)
        writer = vault(database, clock)
        writer.keep(kept)
        await writer.write()

        assert await vault(database, clock).find(mine, [b"c" * 32]) == [kept]
        assert await vault(database, clock).find(mine, [b"d" * 32, b"x" * 32]) == [kept]
        assert await vault(database, clock).find(mine, [b"x" * 32]) == []
        assert await vault(database, clock).find(yours, [b"c" * 32]) == []
        assert writer.at_hand(yours, [b"c" * 32]) == []


async def test_what_is_old_is_not_found_and_then_swept(database_url: str) -> None:
    """Neither in the memory nor in the database; its calls go with it."""
    clock = FixedClock()
    async with opened(database_url) as (database, mine, _):
        store = vault(database, clock, days=2)
        store.keep(turn(mine, clock))
        await store.write()
        clock.advance(DAY)
        young = turn(mine, clock)
        store.keep(young)
        await store.write()
        clock.advance(DAY)

        assert store.at_hand(mine, [b"c" * 32]) == [young]
        assert await store.find(mine, [b"c" * 32]) == [young]
        assert (await store.sweep(), await store.sweep()) == (1, 0)
        assert await count(database) == (1, 2)


async def test_an_account_keeps_the_newest_within_its_bound(database_url: str) -> None:
    """What another account keeps does not count."""
    clock = FixedClock()
    async with opened(database_url) as (database, mine, yours):
        store = vault(database, clock, most=1)
        turns = [
            turn(mine, clock, "x" * 400_000, call=bytes([number]) * 32, id_=f"vt_{number}")
            for number in range(4)
        ]
        for each in (turn(yours, clock, "x" * 900_000), *turns):
            store.keep(each)
        await store.write()

        assert await store.sweep() == 2
        fresh = vault(database, clock, most=1)
        left = [await fresh.find(mine, each.calls[:1]) for each in turns]
        assert left == [[], [], [turns[2]], [turns[3]]]
        assert len(await fresh.find(yours, [b"c" * 32])) == 1


async def test_what_is_deleted_is_gone_everywhere(database_url: str) -> None:
    """A key's own entries, or all of the account; nodes forget it, and so does what waits to be written."""
    clock = FixedClock()
    async with opened(database_url) as (database, mine, yours):
        store = vault(database, clock)
        for each in (turn(mine, clock), turn(mine, clock, key="key_2"), turn(yours, clock)):
            store.keep(each)
        await store.write()
        store.keep(turn(mine, clock))
        async with database.write() as work:
            await forget_key(work, mine, KeyId("key_1"))
        store.take(Change(1, "vault", f"{mine} key_1"))
        await store.write()

        assert [each.key_id for each in await store.find(mine, [b"c" * 32])] == ["key_2"]
        async with database.write() as work:
            await forget_account(work, mine)
        store.take(Change(2, "vault", mine))
        assert await store.find(mine, [b"c" * 32]) == []
        assert len(await store.find(yours, [b"c" * 32])) == 1
        assert await count(database) == (1, 2)


async def test_nothing_that_was_thought_lies_on_the_disk(sqlite_url: str, tmp_path: Path) -> None:
    """Neither the words nor the signature, nor the digest of a call as others could make it."""
    clock = FixedClock()
    async with opened(sqlite_url) as (database, mine, _):
        store = vault(database, clock)
        store.keep(turn(mine, clock))
        await store.write()

        files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert mine.encode() in files
    for secret in (b"Gedanke", b"sig+/=", b"c" * 32):
        assert secret not in files


async def test_a_replaced_secret_finds_what_the_old_one_sealed_only_while_it_is_known(
    sqlite_url: str,
) -> None:
    """Its calls are found, and its words open, under either."""
    clock = FixedClock()
    async with opened(sqlite_url) as (database, mine, _):
        store = vault(database, clock)
        kept = turn(mine, clock)
        store.keep(kept)
        await store.write()

        assert await vault(database, clock, b"n" * 32, SECRET).find(mine, [b"c" * 32]) == [kept]
        assert await vault(database, clock, b"n" * 32).find(mine, [b"c" * 32]) == []


async def test_what_waits_for_too_long_is_given_up_from_the_oldest(sqlite_url: str) -> None:
    """A database that stays away does not fill the memory."""
    clock = FixedClock()
    async with opened(sqlite_url) as (database, mine, _):
        size = turn(mine, clock).size
        store = Vault(database, clock, (SECRET,), days=1, max_mb_per_account=1, most_waiting=size * 2)
        turns = [turn(mine, clock, call=bytes([number]) * 32) for number in range(3)]
        for each in turns:
            store.keep(each)
        await store.write()

        fresh = vault(database, clock)
        assert [len(await fresh.find(mine, each.calls[:1])) for each in turns] == [0, 1, 1]


async def test_what_is_kept_is_written_by_itself_and_the_rest_on_leaving(sqlite_url: str) -> None:
    """Nobody waits for it."""
    clock = FixedClock()
    async with opened(sqlite_url) as (database, mine, _):
        store = vault(database, clock)
        async with store.running():
            store.keep(turn(mine, clock))
            store.keep(turn(mine, clock))
        assert await count(database) == (2, 4)


@pytest.mark.parametrize("many", [1, 499, 1200])
async def test_many_calls_are_asked_for_at_once(many: int, sqlite_url: str) -> None:
    """A long conversation has more of them than a statement takes."""
    clock = FixedClock()
    async with opened(sqlite_url) as (database, mine, _):
        store = vault(database, clock)
        kept = turn(mine, clock)
        store.keep(kept)
        await store.write()

        asked = [number.to_bytes(32, "big") for number in range(many)]
        assert await vault(database, clock).find(mine, [*asked, b"c" * 32]) == [kept]


async def test_of_what_is_much_the_newest_is_read(database_url: str) -> None:
    """A request whose calls thousands of long turns made does not hold up the node."""
    async with opened(database_url) as (database, mine, _):
        clock = FixedClock()
        kept = vault(database, clock)
        turns = [turn(mine, clock, "x" * 10_000, id_=f"vt_{number}") for number in range(5)]
        for each in turns:
            kept.keep(each)
        await kept.write()
        other = Vault(database, clock, (SECRET,), days=30, max_mb_per_account=64, most_read=25_000)

        found = await other.find(mine, {b"c" * 32})
    assert {each.id for each in found} == {each.id for each in turns[-2:]}


def test_what_is_much_is_written_in_pieces() -> None:
    """So that exchanges which settle meanwhile wait for one long turn at most; none is left out."""
    clock, mine = FixedClock(), AccountId("acc_1")
    calls = tuple(number.to_bytes(32) for number in range(3_000))
    many = msgspec.structs.replace(turn(mine, clock), calls=calls)
    waiting = [turn(mine, clock), many, turn(mine, clock, "x" * 5 * 2**20), *[turn(mine, clock)] * 250]
    sizes: list[int] = []
    while batch := next_batch(waiting):
        sizes.append(len(batch))
        waiting = waiting[len(batch) :]

    assert sizes == [1, 1, 1, 200, 50]
