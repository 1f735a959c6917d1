"""How codes are made and redeemed, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.codes import create_codes, disable_codes, list_codes, looks_like_code, redeem
from tokenmill.billing.ledger import look_into, wallet_of
from tokenmill.billing.verify import verify
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import RedeemCode
from tokenmill.testing import FixedClock

SECRET = b"a secret"
TEN = Nano(10 * NANO)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


async def account(
    database: Database, clock: FixedClock, email: str = "a@example.com", currency: str = "USD"
) -> AccountId:
    async with database.write() as work:
        made = await create_account(work, clock, email=email, password_hash="hash", currency=currency)
        return made.id


async def make(
    database: Database, clock: FixedClock, *, count: int = 1, days: int | None = None
) -> list[str]:
    expires = None if days is None else clock.now() + timedelta(days=days)
    async with database.write() as work:
        _, codes = await create_codes(
            work, clock, SECRET, amount=TEN, currency="USD", count=count, expires_at=expires
        )
        return codes


async def use(database: Database, clock: FixedClock, who: AccountId, code: str) -> Nano:
    async with database.write() as work:
        return (await redeem(work, clock, [SECRET], account_id=who, code=code)).balance


async def test_a_wallet_holds_no_more_than_the_database_can_keep(
    database: Database, clock: FixedClock
) -> None:
    """One more code is refused, stays good, and the books balance."""
    who = await account(database, clock)
    async with database.write() as work:
        _, codes = await create_codes(
            work, clock, SECRET, amount=Nano(10**18), currency="USD", count=10, expires_at=None
        )
    for code in codes[:9]:
        await use(database, clock, who, code)
    assert (await refusal(database, clock, who, codes[9])).code is Code.CONFLICT

    async with database.read() as work:
        assert (await look_into(work, wallet_of(who))).balance == 9 * 10**18
        assert (await verify(work, clock.now())).ok
        assert [row.redeemed_at is None for row in await list_codes(work)].count(True) == 1


async def refusal(database: Database, clock: FixedClock, who: AccountId, code: str) -> Fault:
    with pytest.raises(Fault) as caught:
        await use(database, clock, who, code)
    return caught.value


async def test_codes_bring_their_money_once(database: Database, clock: FixedClock) -> None:
    who = await account(database, clock)
    first, second = await make(database, clock, count=2)
    assert await use(database, clock, who, first) == TEN
    assert await use(database, clock, who, second) == 2 * TEN
    assert (await refusal(database, clock, who, first)).message == "This code has been redeemed already."
    async with database.read() as view:
        assert (await verify(view, clock.now())).ok
        assert [each.redeemed_by for each in await list_codes(view)] == [who, who]


async def test_of_ten_that_redeem_a_code_at_once_one_has_it(database: Database, clock: FixedClock) -> None:
    people = [await account(database, clock, f"{number}@example.com") for number in range(10)]
    (code,) = await make(database, clock)

    async def attempt(who: AccountId) -> int:
        try:
            return await use(database, clock, who, code)
        except Fault as fault:
            return {Code.CONFLICT: 0}[fault.code]

    assert sorted(await asyncio.gather(*map(attempt, people))) == [0] * 9 + [TEN]
    async with database.read() as view:
        balances = [(await look_into(view, wallet_of(who))).balance for who in people]
    assert sum(balances) == TEN


async def test_a_code_is_read_as_people_write_it(database: Database, clock: FixedClock) -> None:
    who = await account(database, clock)
    (code,) = await make(database, clock)
    written = f" {code.lower().replace('0', 'o').replace('1', 'l').replace('-', ' ')}\n"
    assert await use(database, clock, who, written) == TEN


async def test_a_code_ends_with_its_last_second(database: Database, clock: FixedClock) -> None:
    who = await account(database, clock)
    first, second = await make(database, clock, count=2, days=1)
    clock.advance(86_399)
    assert await use(database, clock, who, first) == TEN
    clock.advance(1)
    assert "expired at" in (await refusal(database, clock, who, second)).message


async def test_a_batch_is_taken_out_of_use_but_for_what_was_redeemed(
    database: Database, clock: FixedClock
) -> None:
    who = await account(database, clock)
    first, second, third = await make(database, clock, count=3)
    await use(database, clock, who, first)
    async with database.write() as work:
        listed = await list_codes(work)
        assert await disable_codes(work, clock, listed[1].id) == 1
        assert await disable_codes(work, clock, listed[0].batch) == 1
    for code in (second, third):
        assert "out of use" in (await refusal(database, clock, who, code)).message
    with pytest.raises(Fault, match="no batch"):
        async with database.write() as work:
            await disable_codes(work, clock, "batch_none")


async def test_another_currency_is_refused_and_the_code_stays_good(
    database: Database, clock: FixedClock
) -> None:
    chinese, american = (
        await account(database, clock, "cn@example.com", "CNY"),
        await account(database, clock, "us@example.com"),
    )
    (code,) = await make(database, clock)
    message = "This code is for a wallet in USD, and yours is in CNY."
    assert (await refusal(database, clock, chinese, code)).message == message
    assert await use(database, clock, american, code) == TEN


async def test_a_code_outlives_a_change_of_the_secret(database: Database, clock: FixedClock) -> None:
    who = await account(database, clock)
    (code,) = await make(database, clock)
    async with database.write() as work:
        redeemed = await redeem(work, clock, [b"new", SECRET], account_id=who, code=code)
    assert redeemed.amount == TEN


async def test_the_database_does_not_hold_the_code(database: Database, clock: FixedClock) -> None:
    (code,) = await make(database, clock)
    async with database.read() as view:
        row = (await view.session.scalars(select(RedeemCode))).one()
    plain = code.replace("-", "")
    assert all(plain[5:-2] not in str(value) and code[5:-2] not in str(value) for value in vars(row).values())


async def test_a_stranger_and_a_typing_error_are_told_apart(database: Database, clock: FixedClock) -> None:
    """The checksum finds the error without asking the database."""
    who = await account(database, clock)
    (code,) = await make(database, clock)
    async with database.write() as work:
        _, (stranger,) = await create_codes(work, clock, b"other", amount=TEN, currency="USD")
    assert (await refusal(database, clock, who, stranger)).code is Code.NOT_FOUND
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert (await refusal(database, clock, who, wrong)).code is Code.BAD_VALUE


@pytest.mark.parametrize(
    ("amount", "currency", "count"),
    [(0, "USD", 1), (-1, "USD", 1), (1, "EUR", 1), (1, "USD", 0), (1, "USD", 10_001)],
)
async def test_a_batch_that_cannot_be_is_refused(
    database: Database, clock: FixedClock, amount: int, currency: str, count: int
) -> None:
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await create_codes(work, clock, SECRET, amount=Nano(amount), currency=currency, count=count)
    assert caught.value.code is Code.BAD_VALUE


@settings(deadline=None)
@given(st.text(max_size=40))
def test_hardly_any_text_looks_like_a_code(text: str) -> None:
    """Most is refused by length and letters; the checksum is looked at elsewhere."""
    assert not looks_like_code(text) or len(text.replace("-", "").strip()) >= 20
