"""What models have cost, and what they cost single accounts, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.terms import wallet_terms
from tokenmill.catalog.entries import Credits, Model, Price, Prices, Target, TargetRef
from tokenmill.catalog.file import CatalogueFile
from tokenmill.catalog.prices import Override, clear_override, list_overrides, list_versions, set_override
from tokenmill.catalog.repository import apply
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.kit.money import Nano
from tokenmill.store.database import Database, UnitOfWork, open_database
from tokenmill.store.tables import ChangeRow
from tokenmill.testing import FixedClock

GPU = Target(id="gpu-1", engine="openai", base_url="http://127.0.0.1:8000/v1")
CHEAP, DEAR = Price(Nano(1), Nano(2)), Price(Nano(10), Nano(20))
PRO = Model(
    id="mimo-pro", aliases=("pro",), targets=(TargetRef("gpu-1", "MiMo"),), price=Prices(usd=CHEAP, cny=DEAR)
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        async with database.write() as work:
            await put(work, PRO)
        yield database


async def put(work: UnitOfWork, model: Model) -> None:
    await apply(work, CatalogueFile(targets=(GPU,), models=(model,)))


async def test_a_receipt_finds_the_price_that_it_names(database: Database) -> None:
    """Also long after the price has changed."""
    terms = wallet_terms("mimo-pro", CHEAP, "USD", AccountId("acc"), KeyId("key"), capped=False)
    async with database.write() as work:
        await put(work, replace(PRO, price=Prices(usd=DEAR)))
        versions = {each.version: each.rates for each in await list_versions(work, PRO)}
    assert versions[terms.tariff.version] == CHEAP
    assert set(map(repr, versions.values())) == {repr(CHEAP), repr(DEAR), repr(Credits())}


async def test_a_change_that_leaves_the_price_makes_no_version(database: Database) -> None:
    async with database.write() as work:
        before = await list_versions(work, PRO)
        await put(work, replace(PRO, context_window=5))
        await put(work, replace(PRO, price=Prices(usd=DEAR, cny=CHEAP)))
        assert await list_versions(work, PRO) == before
        await put(work, replace(PRO, credits=Credits(input=Nano(7))))
        assert len(await list_versions(work, PRO)) == len(before) + 1


async def test_an_account_has_a_price_of_its_own_until_that_is_taken_back(
    database: Database, clock: FixedClock
) -> None:
    async with database.write() as work:
        account = (await create_account(work, clock, email="a@b", password_hash="hash")).id
    first, second = Override(price=Prices(usd=DEAR)), Override(credits=Credits(input=Nano(1)))
    async with database.write() as work:
        assert (await set_override(work, clock, account, "pro", first)).model == "mimo-pro"
    async with database.write() as work:
        await set_override(work, clock, account, "mimo-pro", second)
        assert [each.override for each in await list_overrides(work, account)] == [second]
        assert await list_overrides(work, AccountId("other")) == []
    async with database.write() as work:
        await clear_override(work, account, "mimo-pro")
        assert await list_overrides(work) == []
        with pytest.raises(Fault, match="no price of its own"):
            await clear_override(work, account, "mimo-pro")
        rows = await work.session.scalars(select(ChangeRow.key).where(ChangeRow.kind == "price_override"))
        assert list(rows) == [account] * 3


@pytest.mark.parametrize(
    ("account", "model", "override", "code"),
    [
        ("acc_none", "pro", Override(price=Prices(usd=DEAR)), Code.NOT_FOUND),
        ("", "gold", Override(price=Prices(usd=DEAR)), Code.UNKNOWN_MODEL),
        ("", "pro", Override(), Code.BAD_VALUE),
        ("", "pro", Override(price=Prices()), Code.BAD_VALUE),
    ],
)
async def test_an_override_that_cannot_be_is_refused(
    database: Database, clock: FixedClock, account: str, model: str, override: Override, code: Code
) -> None:
    async with database.write() as work:
        made = (await create_account(work, clock, email="a@b", password_hash="hash")).id
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await set_override(work, clock, AccountId(account or made), model, override)
    assert caught.value.code is code
