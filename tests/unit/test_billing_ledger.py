"""How transfers are posted and purses follow, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.ledger import Side, lock_purse, look_into, open_purse, post, wallet_of
from tokenmill.billing.verify import verify
from tokenmill.billing.wallet import grant, refund_exchange, statement
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ExchangeId
from tokenmill.kit.money import NANO, Nano
from tokenmill.store.database import Database, UnitOfWork, open_database
from tokenmill.store.ledger_tables import Posting, Purse, Transfer
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
    async with database.write() as work:
        return (await create_account(work, clock, email="dev@example.com", password_hash="hash")).id


async def give(work: UnitOfWork, clock: FixedClock, account: AccountId, units: int, source: str) -> bool:
    return await post(
        work,
        clock,
        source=source,
        kind="grant",
        account_id=account,
        postings=[
            Side("platform/granted", "USD", -units * NANO),
            Side(wallet_of(account), "USD", units * NANO),
        ],
    )


async def balance(database: Database, account: AccountId) -> int:
    async with database.read() as view:
        return (await look_into(view, wallet_of(account))).balance


async def ok(database: Database, clock: FixedClock) -> bool:
    async with database.read() as view:
        verified = await verify(view, clock.now())
    assert verified.differences == ()
    return verified.ok


async def test_an_account_is_made_with_an_empty_wallet(database: Database, account: AccountId) -> None:
    async with database.read() as view:
        purse = (await view.session.scalars(select(Purse))).one()
    assert (purse.id, purse.unit, purse.balance, purse.held) == (wallet_of(account), "USD", 0, 0)


async def test_a_source_posts_once(database: Database, clock: FixedClock, account: AccountId) -> None:
    async with database.write() as work:
        assert await give(work, clock, account, 5, "grant:1")
        assert not await give(work, clock, account, 7, "grant:1")
    async with database.write() as work:
        assert not await give(work, clock, account, 9, "grant:1")
    assert await balance(database, account) == 5 * NANO
    assert await ok(database, clock)


async def test_of_many_that_post_one_source_at_once_one_does(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async def once() -> bool:
        async with database.write() as work:
            return await give(work, clock, account, 5, "grant:1")

    assert sorted(await asyncio.gather(*(once() for _ in range(8)))) == [False] * 7 + [True]
    assert await balance(database, account) == 5 * NANO


async def test_sides_that_do_not_balance_in_each_unit_are_refused(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """Two units that add up to zero together do not balance."""
    for sides in (
        [Side("a", "USD", 1)],
        [Side("a", "USD", 1), Side("b", "CNY", -1)],
        [Side("a", "USD", 0), Side("b", "USD", 0)],
        [],
    ):
        with pytest.raises(ValueError, match="transfer"):
            async with database.write() as work:
                await post(work, clock, source="x", kind="x", account_id=account, postings=sides)
    async with database.read() as view:
        assert await view.session.scalar(select(func.count()).select_from(Transfer)) == 0


async def test_nothing_is_posted_to_a_purse_that_is_not_there_or_has_another_unit(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    for side in (Side("wallet/acc_none", "USD", 1), Side(wallet_of(account), "CNY", 1)):
        sides = [side, Side("platform/granted", side.unit, -1)]
        with pytest.raises(ValueError, match="there is no purse"):
            async with database.write() as work:
                await post(work, clock, source="x", kind="x", account_id=account, postings=sides)


async def test_what_is_set_aside_cannot_be_taken(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """Of 5 units 3 are held: 2 can go, and not a nano-unit more."""
    async with database.write() as work:
        await give(work, clock, account, 5, "grant:1")
        await work.session.execute(update(Purse).values(held=3 * NANO))
    with pytest.raises(Fault, match=r"has 2\.00 USD to spend, and this takes 3\.00 USD") as caught:
        async with database.write() as work:
            await give(work, clock, account, -3, "grant:2")
    assert caught.value.code is Code.NO_FUNDS
    async with database.write() as work:
        assert (await lock_purse(work, wallet_of(account))).free == 2 * NANO
        assert await give(work, clock, account, -2, "grant:2")
    assert await balance(database, account) == 3 * NANO


@pytest.mark.parametrize("table", [Transfer, Posting])
@pytest.mark.parametrize("act", ["update", "delete"])
async def test_what_was_posted_is_never_changed(
    database: Database, clock: FixedClock, account: AccountId, table: type[Transfer | Posting], act: str
) -> None:
    async with database.write() as work:
        await give(work, clock, account, 5, "grant:1")
    statement = delete(table) if act == "delete" else update(table).values(id=table.id)
    with pytest.raises((DBAPIError, Fault)):
        async with database.write() as work:
            await work.session.execute(statement)
    assert await ok(database, clock)


async def test_a_grant_is_made_and_taken_back(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async with database.write() as work:
        given = await grant(work, clock, account_id=account, amount=Nano(25 * NANO), currency="USD")
        left = await grant(work, clock, account_id=account, amount=Nano(-5 * NANO), currency="USD")
    assert (given, left) == (25 * NANO, 20 * NANO)
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await grant(work, clock, account_id=account, amount=Nano(-21 * NANO), currency="USD")
    assert caught.value.code is Code.NO_FUNDS
    assert await ok(database, clock)


async def test_a_grant_in_another_currency_or_of_nothing_is_refused(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    for amount, currency in ((1, "CNY"), (0, "USD"), (10**18 + 1, "USD")):
        with pytest.raises(Fault) as caught:
            async with database.write() as work:
                await grant(work, clock, account_id=account, amount=Nano(amount), currency=currency)
        assert caught.value.code is Code.BAD_VALUE


async def test_a_repeated_grant_changes_nothing(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    for _ in range(2):
        async with database.write() as work:
            await grant(
                work, clock, account_id=account, amount=Nano(NANO), currency="USD", grant_id="from-a-form"
            )
    assert await balance(database, account) == NANO


async def test_a_statement_runs_back_to_nothing_page_by_page(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """What is posted between two pages does not disturb the figures of the second."""
    async with database.write() as work:
        for number, units in enumerate((5, 3, -2, 4)):
            await give(work, clock, account, units, f"grant:{number}")
    async with database.read() as view:
        first = await statement(view, wallet_of(account), limit=3)
    async with database.write() as work:
        await give(work, clock, account, 100, "grant:later")
    async with database.read() as view:
        second = await statement(view, wallet_of(account), limit=3, cursor=first.next)
    lines = [(line.source, line.amount // NANO, line.balance // NANO) for line in first.lines + second.lines]
    assert lines == [("grant:3", 4, 10), ("grant:2", -2, 6), ("grant:1", 3, 8), ("grant:0", 5, 5)]
    assert second.next is None


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.", ".1", "-1.5", "1.-5", "9" * 50 + ".1"])
async def test_a_cursor_that_no_page_gave_is_refused(
    database: Database, account: AccountId, cursor: str
) -> None:
    with pytest.raises(Fault, match="cursor"):
        async with database.read() as view:
            await statement(view, wallet_of(account), cursor=cursor)


async def charge(database: Database, clock: FixedClock, account: AccountId) -> None:
    """An exchange that cost 3 units, of which the wallet had 2."""
    sides = [
        Side(wallet_of(account), "USD", -2 * NANO),
        Side("platform/shortfall", "USD", -NANO),
        Side("platform/revenue", "USD", 3 * NANO),
    ]
    async with database.write() as work:
        await give(work, clock, account, 2, "grant:1")
        await post(work, clock, source="exchange:ex_1", kind="exchange", account_id=account, postings=sides)


async def test_a_refund_undoes_exactly_what_was_taken_once(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await charge(database, clock, account)
    for new in (True, False):
        async with database.write() as work:
            assert await refund_exchange(work, clock, ExchangeId("ex_1")) is new
    assert await balance(database, account) == 2 * NANO
    async with database.read() as view:
        sums = await view.session.execute(
            select(Posting.ledger_account, func.sum(Posting.amount)).group_by(Posting.ledger_account)
        )
        assert {name: int(total) // NANO for name, total in sums} == {
            "platform/granted": -2,
            wallet_of(account): 2,
            "platform/shortfall": 0,
            "platform/revenue": 0,
        }


async def test_what_was_never_charged_cannot_be_refunded(database: Database, clock: FixedClock) -> None:
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await refund_exchange(work, clock, ExchangeId("ex_none"))
    assert caught.value.code is Code.NOT_FOUND


async def test_a_purse_is_opened_once(database: Database, account: AccountId) -> None:
    async with database.write() as work:
        assert await open_purse(work, "credits/sub_1", "credits")
        assert not await open_purse(work, "credits/sub_1", "credits")
