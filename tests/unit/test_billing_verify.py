"""What the proof of the books finds, one damage at a time, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.ledger import Side, post, wallet_of
from tokenmill.billing.verify import SILENT, Verified, verify
from tokenmill.billing.wallet import grant
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Hold, Posting, Purse, Transfer
from tokenmill.store.marks import USAGE_KEPT, set_mark
from tokenmill.store.tables import Base, Usage
from tokenmill.store.work_tables import Node
from tokenmill.testing import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
async def account(database: Database, clock: FixedClock) -> AccountId:
    """An account with 1,000 nano-units, of which an exchange has cost 300 and 100 of that were not there."""
    async with database.write() as work:
        made = (await create_account(work, clock, email="a@b", password_hash="hash")).id
        await grant(work, clock, account_id=made, amount=Nano(1000), currency="USD")
        await post(
            work,
            clock,
            source="exchange:ex_1",
            kind="exchange",
            account_id=made,
            postings=[
                Side(wallet_of(made), "USD", -200),
                Side("platform/shortfall", "USD", -100),
                Side("platform/revenue", "USD", 300),
            ],
        )
        work.session.add(usage(made, "ex_1", 300, 100))
        work.session.add(
            Node(id="node_1", name="n", started_at=clock.now(), renewed_at=clock.now(), ended_at=None)
        )
    return made


def usage(account: AccountId, name: str, cost: int, shortfall: int = 0) -> Usage:
    texts = ("key_id", "model", "target", "upstream_model", "protocol", "client", "request_id")
    counts = ("input_fresh", "input_cached", "input_written", "output", "output_reasoning")
    return Usage(
        id=name,
        account_id=account,
        stream=False,
        started_at=FixedClock().now(),
        duration_ms=1,
        status="answered",
        http_status=200,
        quality="reported",
        drops="[]",
        unit="USD",
        cost=cost,
        shortfall=shortfall,
        **dict.fromkeys(texts, "x"),
        **dict.fromkeys(counts, 0),
    )


def hold(account: AccountId, amount: int, node: str = "node_1", state: str = "held") -> Hold:
    counts = ("input_fresh", "input_cached", "input_written", "output", "output_reasoning")
    return Hold(
        id="ex_2",
        account_id=account,
        purses=f"{wallet_of(account)} cap/key_1",
        amount=amount,
        state=state,
        node=node,
        created_at=FixedClock().now(),
        draft="",
        **dict.fromkeys(counts, 0),
    )


def transfer(account: AccountId, source: str, kind: str = "x") -> Transfer:
    return Transfer(id="tr_x", source=source, kind=kind, account_id=account, at=FixedClock().now(), memo="{}")


def posting(name: str, amount: int, unit: str = "USD") -> Posting:
    return Posting(transfer_id="tr_x", ledger_account=name, unit=unit, amount=amount)


async def look(database: Database, clock: FixedClock) -> Verified:
    async with database.read() as view:
        return await verify(view, clock.now())


async def damage(database: Database, *rows: Base) -> None:
    async with database.write() as work:
        for row in rows:
            work.session.add(row)
            await work.session.flush()


async def set_purse(database: Database, account: AccountId, **values: Any) -> None:
    async with database.write() as work:
        await work.session.execute(update(Purse).where(Purse.id == wallet_of(account)).values(**values))


async def test_books_that_are_right_are_called_so(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    assert await look(database, clock) == Verified(ok=True, transfers=2, orphan_holds=0, differences=())


def made(account: AccountId) -> dict[str, tuple[Sequence[Base], str]]:
    wallet = wallet_of(account)
    return {
        "unbalanced": (
            [transfer(account, "t:1"), posting("a", 5), posting("b", -4)],
            "transfer t:1: its sides add up to 1 in USD",
        ),
        "two units": (
            [transfer(account, "t:1"), posting("a", 5), posting("b", -5, "CNY")],
            "transfer t:1: its sides add up to",
        ),
        "empty": ([transfer(account, "t:1")], "transfer t:1: it has no sides"),
        "no purse": (
            [transfer(account, "t:1"), posting("credits/none", 5), posting("b", -5)],
            "purse credits/none: it was posted to, and is not there",
        ),
        "another unit": (
            [transfer(account, "t:1"), posting(wallet, 5, "CNY"), posting("b", -5, "CNY")],
            f"purse {wallet}: postings in CNY, which is not its unit",
        ),
        "not charged": (
            [usage(account, "ex_9", 7)],
            "exchange ex_9: it cost 7 USD, and nothing was posted",
        ),
        "no usage row": (
            [
                transfer(account, "exchange:ex_9", "exchange"),
                posting("b", -5),
                posting("platform/revenue", 5),
            ],
            "exchange ex_9: it was charged, and no usage row says so",
        ),
        "another cost": (
            [
                usage(account, "ex_9", 7),
                transfer(account, "exchange:ex_9", "exchange"),
                posting("b", -5),
                posting("platform/revenue", 5),
            ],
            "exchange ex_9: its row says 7 USD, 0 of it unpaid, and its transfer 5 USD, 0 unpaid",
        ),
        "a purse that is not there": (
            [hold(account, 0), Purse(id="cap/key_1", unit="USD", balance=9, held=3, expires_at=None)],
            "purse cap/key_1: it has 3 set aside, and open holds say 0",
        ),
    }


@pytest.mark.parametrize("name", list(made(AccountId(""))))
async def test_each_damage_is_found(
    database: Database, clock: FixedClock, account: AccountId, name: str
) -> None:
    rows, difference = made(account)[name]
    await damage(database, *rows)
    verified = await look(database, clock)
    assert not verified.ok
    assert difference in "\n".join(verified.differences)
    assert len(verified.differences) <= 2


async def test_a_balance_that_was_not_posted_is_found(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await set_purse(database, account, balance=801)
    assert (await look(database, clock)).differences == (
        f"purse {wallet_of(account)}: it holds 801, and 800 was posted to it",
    )


async def test_what_is_set_aside_agrees_with_the_open_holds(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """In every purse of the hold; one that is closed counts no more."""
    await damage(
        database,
        hold(account, 50),
        Purse(id="cap/key_1", unit="USD", balance=60, held=50, expires_at=None),
    )
    assert (await look(database, clock)).differences == (
        f"purse {wallet_of(account)}: it has 0 set aside, and open holds say 50",
    )
    await set_purse(database, account, held=50)
    assert (await look(database, clock)).ok
    async with database.write() as work:
        await work.session.execute(update(Hold).values(state="settled"))
    assert len((await look(database, clock)).differences) == 2


async def test_a_hold_of_a_node_that_is_silent_or_has_ended_is_an_orphan(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """It is no difference, but the books are not closed."""
    await damage(database, hold(account, 0))
    assert (await look(database, clock)).ok
    clock.advance(SILENT.total_seconds())
    silent = await look(database, clock)
    assert (silent.ok, silent.orphan_holds, silent.differences) == (False, 1, ())
    async with database.write() as work:
        ended = clock.now() - timedelta(seconds=1)
        await work.session.execute(update(Node).values(renewed_at=clock.now(), ended_at=ended))
    assert (await look(database, clock)).orphan_holds == 1


async def test_many_pages_are_read_to_the_end(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """The damage is in the last of 2,100 transfers; a page has 2,000."""
    async with database.write() as work:
        for number in range(2_100):
            row = transfer(account, f"t:{number:05}")
            row.id = f"tr_{number:05}"
            work.session.add(row)
        await work.session.flush()
        for number in range(2_100):
            for name, amount in (("a", 5), ("b", -5 if number < 2_099 else -6)):
                work.session.add(
                    Posting(transfer_id=f"tr_{number:05}", ledger_account=name, unit="USD", amount=amount)
                )
    verified = await look(database, clock)
    assert verified.transfers == 2_102
    assert verified.differences == ("transfer t:02099: its sides add up to -1 in USD",)


@pytest.mark.parametrize(("days", "finds"), [(0, True), (1, True), (3, False)])
async def test_an_exchange_whose_row_was_taken_away_by_its_age_is_no_difference(
    database: Database, account: AccountId, clock: FixedClock, days: int, finds: bool
) -> None:
    """The retention says since when rows are kept; what was charged later still needs its row."""
    async with database.write() as work:
        await work.session.execute(delete(Usage))
        if days:
            await set_mark(work, USAGE_KEPT, clock.now() + timedelta(days=days - 2))

    async with database.read() as view:
        verified = await verify(view, clock.now())

    assert finds is bool(verified.differences)
