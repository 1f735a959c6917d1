"""Stored responses: who finds them, for how long, and what lies on the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tokenmill.accounts.accounts import create_account
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.sealing import Sealer
from tokenmill.memory.responses import StoredResponse, StoredResponses
from tokenmill.store.database import Database, open_database
from tokenmill.store.migrate import migrate
from tokenmill.testing import NO_PASSWORD, FixedClock

SEALER = Sealer(b"s" * 32, purpose="responses")
CLOCK = FixedClock()


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[tuple[Database, AccountId, AccountId]]:
    url = f"sqlite:///{directory}/tokenmill.db"
    migrate(url, directory / "lock")
    async with open_database(url) as database:
        async with database.write() as work:
            mine = await create_account(work, CLOCK, email="a@x.org", password_hash=NO_PASSWORD)
            yours = await create_account(work, CLOCK, email="b@x.org", password_hash=NO_PASSWORD)
        yield database, mine.id, yours.id


def stored(account: AccountId, id_: str, previous: str | None = None, text: str = "words") -> StoredResponse:
    return StoredResponse(
        id=id_,
        account_id=account,
        previous_id=previous,
        created_at=CLOCK.now(),
        input=(f'"{text} in {id_}"'.encode(),),
        output=(f'"{text} out {id_}"'.encode(),),
        response=b'{"id":"' + id_.encode() + b'"}',
    )


async def code_of(finding: object) -> Code:
    with pytest.raises(Fault) as caught:
        await finding  # type: ignore[misc]  # Any awaitable of the store.
    return caught.value.code


async def test_only_its_own_account_finds_a_response(tmp_path: Path) -> None:
    """To everybody else it is not there, nor can they delete it or go on from it."""
    async with opened(tmp_path) as (database, mine, yours):
        store = StoredResponses(database, CLOCK, SEALER, days=30)
        response = stored(mine, "resp_1")
        assert await store.keep(response)

        assert await store.find(mine, "resp_1") == response
        for attempt in (
            store.find(yours, "resp_1"),
            store.thread(yours, "resp_1"),
            store.forget(yours, "resp_1"),
        ):
            assert await code_of(attempt) is Code.NOT_FOUND
        assert await store.find(mine, "resp_1") == response


async def test_a_thread_gives_all_items_the_oldest_first(tmp_path: Path) -> None:
    """And says which link is missing when one was deleted."""
    async with opened(tmp_path) as (database, mine, _):
        store = StoredResponses(database, CLOCK, SEALER, days=30)
        for number, previous in ((1, None), (2, "resp_1"), (3, "resp_2")):
            await store.keep(stored(mine, f"resp_{number}", previous, "w"))

        assert await store.thread(mine, "resp_3") == tuple(
            f'"w {way} resp_{number}"'.encode() for number in (1, 2, 3) for way in ("in", "out")
        )
        await store.forget(mine, "resp_2")
        with pytest.raises(Fault, match="resp_2") as caught:
            await store.thread(mine, "resp_3")
        assert caught.value.field == "previous_response_id"
        assert (await store.find(mine, "resp_3")).previous_id == "resp_2"


async def test_a_thread_that_leads_in_a_circle_ends(tmp_path: Path) -> None:
    """Ids are ours, so this takes a damaged database."""
    async with opened(tmp_path) as (database, mine, _):
        store = StoredResponses(database, CLOCK, SEALER, days=30, longest_thread=20)
        await store.keep(stored(mine, "resp_1", "resp_2"))
        await store.keep(stored(mine, "resp_2", "resp_1"))

        assert await code_of(store.thread(mine, "resp_1")) is Code.BAD_VALUE


async def test_what_has_expired_is_gone_at_once_and_swept_later(tmp_path: Path) -> None:
    """And nothing else is."""
    clock = FixedClock()
    async with opened(tmp_path) as (database, mine, _):
        store = StoredResponses(database, clock, SEALER, days=2)
        await store.keep(stored(mine, "resp_old"))
        clock.advance(timedelta(days=1).total_seconds())
        young = StoredResponse(
            id="resp_young", account_id=mine, previous_id=None, created_at=clock.now(),
            input=(), output=(), response=b"{}",
        )  # fmt: skip
        await store.keep(young)
        clock.advance(timedelta(days=1).total_seconds())

        assert await code_of(store.find(mine, "resp_old")) is Code.NOT_FOUND
        assert (await store.sweep(), await store.sweep()) == (1, 0)
        assert await store.find(mine, "resp_young") == young


async def test_nothing_that_was_said_lies_on_the_disk(tmp_path: Path) -> None:
    """The database file and its log hold sealed bytes only."""
    async with opened(tmp_path) as (database, mine, _):
        await StoredResponses(database, CLOCK, SEALER, days=30).keep(stored(mine, "resp_1", text="Geheimnis"))

        files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
        assert any(b"resp_1" in data for data in files)
        assert not any(b"Geheimnis" in data for data in files)


async def test_a_replaced_secret_opens_what_the_old_one_sealed_only_while_it_is_known(tmp_path: Path) -> None:
    """A response that does not open is not there."""
    async with opened(tmp_path) as (database, mine, _):
        await StoredResponses(database, CLOCK, SEALER, days=30).keep(stored(mine, "resp_1"))
        known = Sealer(b"n" * 32, [b"s" * 32], purpose="responses")
        unknown = Sealer(b"n" * 32, purpose="responses")

        found = await StoredResponses(database, CLOCK, known, days=30).find(mine, "resp_1")
        assert found == stored(mine, "resp_1")
        lost = StoredResponses(database, CLOCK, unknown, days=30)
        assert await code_of(lost.find(mine, "resp_1")) is Code.NOT_FOUND


async def test_storage_that_is_switched_off_keeps_nothing_and_too_much_is_refused(tmp_path: Path) -> None:
    """The caller's reply is complete all the same."""
    async with opened(tmp_path) as (database, mine, _):
        assert not await StoredResponses(database, CLOCK, SEALER, days=0).keep(stored(mine, "resp_1"))
        store = StoredResponses(database, CLOCK, SEALER, days=1, largest=1_000)
        assert not await store.keep(stored(mine, "resp_2", text="x" * 1_000))
        assert await code_of(store.find(mine, "resp_2")) is Code.NOT_FOUND
