"""What keys may do and how they end, and what stays of an account that is closed; on both databases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from tokenmill.accounts.accounts import create_account, find_account
from tokenmill.accounts.closing import close_account
from tokenmill.accounts.export import SECRETS, export_account
from tokenmill.accounts.keys import (
    KeyView,
    change_key,
    create_key,
    delete_key,
    disable_key,
    enable_key,
    find_key,
    list_keys,
    reset_key,
)
from tokenmill.accounts.members import list_members
from tokenmill.accounts.preferences import preferences, set_webhook, switch_web_search
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import Database, UnitOfWork, open_database
from tokenmill.store.ledger_tables import Hold, Purse
from tokenmill.store.rows import RateLimits
from tokenmill.store.tables import Account, Base, ChangeRow, Key, Usage, User
from tokenmill.testing import FixedClock

SECRET = b"a secret"
DOLLAR = 1_000_000_000


class Shop:
    """A database with an account that makes keys."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FixedClock()
        self.account = AccountId("")

    async def key(self, **options: object) -> KeyView:
        async with self.database.write() as work:
            _, view = await create_key(
                work,
                self.clock,
                SECRET,
                account_id=self.account,
                name="a key",
                **options,  # type: ignore[arg-type]  # Each option fits its own argument.
            )
        return view

    async def left(self, key: KeyView) -> int:
        """What the purse of a capped key holds."""
        async with self.database.read() as view:
            return (await view.session.get_one(Purse, f"cap/{key.id}")).balance

    async def spend(self, key: KeyView, cost: int, shortfall: int = 0) -> None:
        """An exchange that the key paid for, as the hot path leaves it."""
        async with self.database.write() as work:
            work.session.add(usage_row(self.account, key, cost, shortfall))
            purse = f"cap/{key.id}"
            spent = update(Purse).where(Purse.id == purse)
            await work.session.execute(spent.values(balance=Purse.balance - (cost - shortfall)))


def usage_row(account: AccountId, key: KeyView, cost: int, shortfall: int = 0) -> Usage:
    return Usage(
        id=f"ex_{cost}_{key.id}",
        account_id=account,
        key_id=key.id,
        model="m",
        target="t",
        upstream_model="u",
        protocol="openai_chat",
        stream=False,
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        duration_ms=1,
        first_ms=1,
        status="answered",
        http_status=200,
        stop="end",
        fault=None,
        input_fresh=1,
        input_cached=0,
        input_written=0,
        output=1,
        output_reasoning=0,
        quality="reported",
        client="",
        request_id="req_1",
        drops="[]",
        unit="USD",
        cost=cost,
        shortfall=shortfall,
    )


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_database(database_url) as database:
        made = Shop(database)
        async with database.write() as work:
            account = await create_account(work, made.clock, email="dev@example.com", password_hash="hash")
            made.account = account.id
        yield made


async def test_a_capped_key_has_a_purse_of_its_own(shop: Shop) -> None:
    """It holds the cap, in the account's currency, from the same transaction on."""
    key = await shop.key(cap=Nano(5 * DOLLAR))
    async with shop.database.read() as view:
        purse = await view.session.get_one(Purse, f"cap/{key.id}")
    assert (purse.balance, purse.held, purse.unit) == (5 * DOLLAR, 0, "USD")
    assert key.cap == 5 * DOLLAR


@pytest.mark.parametrize(("cap", "left"), [(5, 3), (2, 0), (1, 0), (100, 98)])
async def test_a_new_cap_counts_what_was_spent(shop: Shop, cap: int, left: int) -> None:
    """Left is the new cap less what was taken so far, and never less than nothing."""
    key = await shop.key(cap=Nano(4 * DOLLAR))
    await shop.spend(key, 3 * DOLLAR, shortfall=DOLLAR)
    async with shop.database.write() as work:
        await change_key(work, shop.clock, key.id, cap=Nano(cap * DOLLAR))
    assert await shop.left(key) == left * DOLLAR


async def test_a_lower_cap_leaves_running_exchanges_what_they_have_set_aside(shop: Shop) -> None:
    """A purse never has less than is held in it."""
    key = await shop.key(cap=Nano(4 * DOLLAR))
    async with shop.database.write() as work:
        await work.session.execute(update(Purse).where(Purse.id == f"cap/{key.id}").values(held=DOLLAR))
    async with shop.database.write() as work:
        await change_key(work, shop.clock, key.id, cap=Nano(1))
    assert await shop.left(key) == DOLLAR


async def test_a_cap_can_be_taken_away_and_come_back_with_what_was_spent_meanwhile(shop: Shop) -> None:
    """Also where a key had none at first."""
    key = await shop.key()
    async with shop.database.write() as work:
        work.session.add(usage_row(shop.account, key, DOLLAR))
    async with shop.database.write() as work:
        capped = await change_key(work, shop.clock, key.id, cap=Nano(3 * DOLLAR))
        assert capped.cap == 3 * DOLLAR
    assert await shop.left(key) == 2 * DOLLAR
    async with shop.database.write() as work:
        assert (await change_key(work, shop.clock, key.id, cap=None)).cap is None


async def test_what_is_not_named_stays_and_none_takes_a_limit_away(shop: Shop) -> None:
    """Each of a key's limits is changed by itself."""
    ends = shop.clock.now() + timedelta(days=1)
    key = await shop.key(
        expires_at=ends, models=["a", "b", "a"], addresses=["10.1.2.3/8", "::1"], limits=RateLimits(rpm=5)
    )
    assert (key.models, key.addresses) == (("a", "b"), ("10.0.0.0/8", "::1/128"))
    async with shop.database.write() as work:
        named = await change_key(work, shop.clock, key.id, name="another")
    assert (named.name, named.expires_at, named.models) == ("another", ends, ("a", "b"))
    assert (named.addresses, named.limits) == (key.addresses, RateLimits(rpm=5))
    async with shop.database.write() as work:
        freed = await change_key(
            work, shop.clock, key.id, expires_at=None, models=None, addresses=None, limits=None
        )
    assert (freed.expires_at, freed.models, freed.addresses) == (None, None, None)
    assert freed.limits == RateLimits()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"expires_at": datetime(2026, 11, 22, 8, tzinfo=UTC)}, "expires_at"),
        ({"models": []}, "models"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["somewhere"]}, "addresses"),
        ({"addresses": ["10.0.0.1"] * 65}, "addresses"),
        ({"cap": 0}, "cap"),
        ({"cap": -1}, "cap"),
        ({"kind": "tp", "cap": 5}, "cap"),
        ({"limits": RateLimits(rpm=0)}, "limits"),
    ],
)
async def test_limits_that_cannot_be_are_refused_by_name(
    shop: Shop, options: dict[str, object], field: str
) -> None:
    """Nothing is made, and the fault names the field."""
    with pytest.raises(Fault) as caught:
        await shop.key(**options)
    assert (caught.value.code, caught.value.field) == (Code.BAD_VALUE, field)
    async with shop.database.read() as view:
        assert await list_keys(view) == []


async def test_a_reset_key_is_dead_and_another_has_its_rights(shop: Shop) -> None:
    """The new one may do what the old one might, with what its cap had left."""
    old = await shop.key(models=["a"], addresses=["10.0.0.1"], cap=Nano(5 * DOLLAR))
    await shop.spend(old, 2 * DOLLAR)
    async with shop.database.write() as work:
        whole, new = await reset_key(work, shop.clock, SECRET, old.id, account_id=shop.account)
    assert whole.startswith("sk-")
    assert (new.name, new.models, new.addresses) == (old.name, old.models, old.addresses)
    assert (new.cap, await shop.left(new)) == (3 * DOLLAR, 3 * DOLLAR)
    with pytest.raises(Fault):
        async with shop.database.read() as view:
            await find_key(view, old.id)
    async with shop.database.read() as view:
        announced = await view.session.scalars(select(ChangeRow.key).where(ChangeRow.kind == "key"))
        assert {old.id, new.id} <= set(announced)


async def test_a_key_of_another_account_is_not_found(shop: Shop) -> None:
    """Whatever is done with its id."""
    key = await shop.key()
    stranger = AccountId("acc_stranger")
    for act in (disable_key, delete_key):
        with pytest.raises(Fault, match="There is no key"):
            async with shop.database.write() as work:
                await act(work, shop.clock, key.id, stranger)
    with pytest.raises(Fault, match="There is no key"):
        async with shop.database.write() as work:
            await enable_key(work, key.id, stranger)
    with pytest.raises(Fault, match="There is no key"):
        async with shop.database.write() as work:
            await reset_key(work, shop.clock, SECRET, key.id, account_id=stranger)


async def test_what_an_operator_has_disabled_stays_so(shop: Shop) -> None:
    """The account's people can neither enable nor reset it, whoever disabled it first."""
    key = await shop.key()
    async with shop.database.write() as work:
        mine = await disable_key(work, shop.clock, key.id, shop.account)
        assert not mine.stopped
        theirs = await disable_key(work, shop.clock, key.id, shop.account, by_operator=True)
        assert (theirs.stopped, theirs.disabled_at) == (True, mine.disabled_at)
        assert (await disable_key(work, shop.clock, key.id, shop.account)).stopped
    for bring_back in (
        lambda work: enable_key(work, key.id, shop.account),
        lambda work: reset_key(work, shop.clock, SECRET, key.id, account_id=shop.account),
    ):
        with pytest.raises(Fault, match="only an operator") as caught:
            async with shop.database.write() as work:
                await bring_back(work)
        assert caught.value.code is Code.FORBIDDEN
    async with shop.database.write() as work:
        found = await find_key(work, key.id)
        assert (found.stopped, found.disabled_at) == (True, mine.disabled_at)
        enabled = await enable_key(work, key.id, by_operator=True)
        assert (enabled.stopped, enabled.disabled_at) == (False, None)
        await disable_key(work, shop.clock, key.id, shop.account)
        assert (await enable_key(work, key.id, shop.account)).disabled_at is None


async def close(work: UnitOfWork, shop: Shop, *, forced: bool = False) -> None:
    await close_account(work, shop.clock, shop.account, forced=forced)


async def test_a_closed_account_keeps_its_books_and_forgets_its_people(shop: Shop) -> None:
    """Keys die, users are nobody, the address is free, usage stays under the account's id."""
    key = await shop.key()
    async with shop.database.write() as work:
        await create_account(work, shop.clock, email="op@example.com", password_hash="*", role="operator")
        work.session.add(usage_row(shop.account, key, 5))
    async with shop.database.write() as work:
        await close(work, shop)
    async with shop.database.read() as view:
        assert await list_keys(view, shop.account) == []
        assert await list_members(view, shop.account) == []
        user = (await view.session.scalars(select(User).where(User.account_id == shop.account))).one()
        assert "dev@example.com" not in user.email
        assert (await view.session.scalars(select(Usage))).one().account_id == shop.account
        with pytest.raises(Fault):
            await find_account(view, "dev@example.com")
    async with shop.database.write() as work:
        await create_account(work, shop.clock, email="dev@example.com", password_hash="hash")
    with pytest.raises(Fault, match="already"):
        async with shop.database.write() as work:
            await close(work, shop)


async def test_an_account_with_money_or_running_exchanges_is_not_closed(shop: Shop) -> None:
    """Money can be given up by an operator's word; running exchanges cannot."""
    async with shop.database.write() as work:
        await create_account(work, shop.clock, email="op@example.com", password_hash="*", role="operator")
        wallet = update(Purse).where(Purse.id == f"wallet/{shop.account}")
        await work.session.execute(wallet.values(balance=DOLLAR))
    with pytest.raises(Fault, match=r"1\.00 USD in the wallet"):
        async with shop.database.write() as work:
            await close(work, shop)
    async with shop.database.write() as work:
        work.session.add(
            Hold(
                id="ex_1",
                account_id=shop.account,
                purses="",
                amount=0,
                state="held",
                node="n",
                created_at=shop.clock.now(),
                closed_at=None,
                draft="{}",
                input_fresh=0,
                input_cached=0,
                input_written=0,
                output=0,
                output_reasoning=0,
            )
        )
    with pytest.raises(Fault, match="are running"):
        async with shop.database.write() as work:
            await close(work, shop, forced=True)
    async with shop.database.write() as work:
        await work.session.delete(await work.session.get_one(Hold, "ex_1"))
        await close(work, shop, forced=True)


async def test_an_export_has_everything_but_secrets(shop: Shop) -> None:
    """It parses as JSON, names what belongs to the account, and holds no hash, password or sealed text."""
    key = await shop.key(cap=Nano(DOLLAR))
    sealer = Sealer(SECRET, purpose="webhooks")
    async with shop.database.write() as work:
        secret = await set_webhook(work, sealer, shop.account, "https://example.com/hook")
        other = await create_account(work, shop.clock, email="other@example.com", password_hash="theirs")
        for number in range(1001):
            work.session.add(usage_row(shop.account, key, number))
    text = b"".join([piece async for piece in export_account(shop.database, shop.account)]).decode()
    found = json.loads(text)
    assert found["account"]["email"] == "dev@example.com"
    assert [each["id"] for each in found["keys"]] == [key.id]
    assert len({row["id"] for row in found["usage"]}) == 1001
    assert {purse["id"] for purse in found["purses"]} == {f"wallet/{shop.account}", f"cap/{key.id}"}
    assert other.id not in text
    async with shop.database.read() as view:
        row = (await view.session.scalars(select(Key))).one()
        account = await view.session.get_one(Account, shop.account)
    assert secret is not None
    for hidden in (secret, row.hash.hex(), str(account.webhook_secret), '"hash"'):
        assert hidden not in text


def test_every_column_that_sounds_like_a_secret_is_left_out_of_exports() -> None:
    """A new column of this kind has to be judged before exports can show it."""
    suspicious = {
        column.key
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(word in column.key for word in ("hash", "secret", "sealed", "token", "password"))
    }
    assert suspicious - SECRETS == {"password_given"}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://user:pass@example.com/",
        "https://127.0.0.1/",
        "https://10.0.0.1/x",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https:///nothing",
        "ftp://example.com",
        "https://example.com/a b",
    ],
)
async def test_a_webhook_that_cannot_be_meant_is_refused(shop: Shop, url: str) -> None:
    """Only https, to a host that could be public, without credentials."""
    with pytest.raises(Fault) as caught:
        async with shop.database.write() as work:
            await set_webhook(work, Sealer(SECRET, purpose="webhooks"), shop.account, url)
    assert caught.value.field == "webhook_url"


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("http://127.0.0.1:9000/hook", True),
        ("https://localhost/hook", True),
        ("http://[::1]/", True),
        ("https://example.com/hook", True),
        ("http://example.com/", False),
        ("http://10.0.0.1/", False),
        ("http://169.254.169.254/latest", False),
    ],
)
async def test_where_this_machine_is_allowed_plain_http_to_it_is_too(
    shop: Shop, url: str, fits: bool
) -> None:
    """And only to it: that is for trying."""
    sealer = Sealer(SECRET, purpose="webhooks")
    async with shop.database.write() as work:
        if fits:
            assert await set_webhook(work, sealer, shop.account, url, loopback=True)
        else:
            with pytest.raises(Fault, match="one of this machine"):
                await set_webhook(work, sealer, shop.account, url, loopback=True)


async def test_the_plugin_switch_is_announced(shop: Shop) -> None:
    """Every node hears of it within a second."""
    async with shop.database.write() as work:
        await switch_web_search(work, shop.account, on=True)
    async with shop.database.read() as view:
        assert (await preferences(view, shop.account)).web_search
        changes = (await view.session.scalars(select(ChangeRow).order_by(ChangeRow.id.desc()).limit(1))).one()
    assert (changes.kind, changes.key) == ("account", shop.account)
