"""How subscriptions begin, go on and end, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select, update

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.chain import SubscriptionView
from tokenmill.billing.ledger import credits_of, look_into, wallet_of
from tokenmill.billing.offers import list_offers, missing_presets, put_plan, retire_plan, seed_plans
from tokenmill.billing.plans import Period
from tokenmill.billing.presets import preset_plans
from tokenmill.billing.renewals import lapse_leftovers, renew_due, renew_or_end
from tokenmill.billing.subscriptions import (
    active_subscription,
    buy,
    end_subscription,
    grant_subscription,
    list_subscriptions,
    quote,
    set_renewal,
)
from tokenmill.billing.verify import verify
from tokenmill.billing.wallet import grant
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano, parse
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Posting, Purse
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import ChangeRow, Key
from tokenmill.store.work_tables import Event
from tokenmill.testing import FixedClock

LITE = 4_100_000_000_000
STANDARD = 11_000_000_000_000


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 28, 9, tzinfo=UTC))


@pytest.fixture
async def database(database_url: str, clock: FixedClock) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        async with database.write() as work:
            await seed_plans(work, clock)
        yield database


@pytest.fixture
async def account(database: Database, clock: FixedClock) -> AccountId:
    async with database.write() as work:
        made = (await create_account(work, clock, email="dev@example.com", password_hash="hash")).id
        await grant(work, clock, account_id=made, amount=Nano(100 * NANO), currency="USD")
    return made


async def bought(
    database: Database,
    clock: FixedClock,
    account: AccountId,
    plan: str,
    *,
    period: Period = "month",
    renews: bool = False,
    at_most: Nano | None = None,
) -> SubscriptionView:
    async with database.write() as work:
        view, _ = await buy(
            work, clock, account_id=account, plan_id=plan, period=period, renews=renews, at_most=at_most
        )
    return view


async def spend(database: Database, subscription: SubscriptionView, credits: int) -> None:
    """As the hot path does: `credits` milli-credits used."""
    from tokenmill.billing.ledger import Side, post

    async with database.write() as work:
        sides = [
            Side(credits_of(subscription.id), "credits", -credits),
            Side(f"used/{subscription.id}", "credits", credits),
        ]
        await post(
            work,
            FixedClock(),
            source=f"test:{subscription.id}:{credits}",
            kind="test",
            account_id=subscription.account_id,
            postings=sides,
        )


async def hold(database: Database, subscription: SubscriptionView, credits: int) -> None:
    async with database.write() as work:
        purse = update(Purse).where(Purse.id == credits_of(subscription.id))
        await work.session.execute(purse.values(held=credits))


async def give_key(database: Database, clock: FixedClock, subscription: SubscriptionView) -> None:
    async with database.write() as work:
        work.session.add(
            Key(
                id="key_1",
                account_id=subscription.account_id,
                kind="tp",
                name="Token Plan",
                prefix="tp-AbCd",
                last4="wxyz",
                hash=b"hash",
                created_at=clock.now(),
                subscription_id=subscription.id,
            )
        )


async def key(database: Database) -> Key:
    async with database.read() as view:
        return (await view.session.scalars(select(Key))).one()


async def wallet(database: Database, account: AccountId) -> Nano:
    async with database.read() as view:
        return Nano((await look_into(view, wallet_of(account))).balance)


async def events(database: Database) -> list[str]:
    async with database.read() as view:
        return list(await view.session.scalars(select(Event.kind).order_by(Event.created_at, Event.id)))


async def active(database: Database, account: AccountId) -> SubscriptionView | None:
    async with database.read() as view:
        return await active_subscription(view, account)


async def posted(database: Database, name: str) -> int:
    async with database.read() as view:
        rows = await view.session.scalars(select(Posting.amount).where(Posting.ledger_account == name))
        return sum(rows)


async def balanced(database: Database, clock: FixedClock) -> None:
    async with database.read() as view:
        assert (await verify(view, clock.now())).differences == ()


async def test_buying_takes_the_first_price_and_fills_the_purse(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    made = await bought(database, clock, account, "lite")
    assert (made.left, made.credits, made.paid) == (LITE, LITE, parse("5.28"))
    assert made.ends_at == datetime(2026, 4, 28, 23, 59, 59, tzinfo=UTC)
    assert await wallet(database, account) == parse("94.72")
    assert await posted(database, "platform/plans") == parse("5.28")
    assert await posted(database, f"issued/{made.id}") == -LITE
    assert await events(database) == ["plan.bought"]
    await balanced(database, clock)


async def test_too_little_money_buys_nothing(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    with pytest.raises(Fault) as caught:
        await bought(database, clock, account, "max", period="year")
    assert caught.value.code is Code.NO_FUNDS
    assert await active(database, account) is None
    assert await wallet(database, account) == 100 * NANO
    assert await events(database) == []


async def test_a_price_above_what_was_agreed_to_is_refused(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    with pytest.raises(Fault, match=r"The price is 5\.28 USD by now"):
        await bought(database, clock, account, "lite", at_most=Nano(parse("5.28") - 1))
    assert (await bought(database, clock, account, "lite", at_most=parse("5.28"))).state == "active"


async def test_there_is_one_plan_at_a_time(database: Database, clock: FixedClock, account: AccountId) -> None:
    """Of five that buy the same at once, one does."""

    async def attempt() -> bool:
        try:
            await bought(database, clock, account, "lite")
        except Fault as fault:
            return {Code.CONFLICT: False}[fault.code]
        return True

    assert sorted(await asyncio.gather(*(attempt() for _ in range(5)))) == [False] * 4 + [True]
    with pytest.raises(Fault, match="one plan at a time"):
        async with database.write() as work:
            await grant_subscription(work, clock, account_id=account, plan_id="max")
    assert await posted(database, "platform/plans") == parse("5.28")


async def test_an_upgrade_takes_effect_at_once_and_keeps_the_key(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """Lite was bought for 5.28 and three quarters are left: 16 - 3.96 = 12.04."""
    lite = await bought(database, clock, account, "lite")
    await give_key(database, clock, lite)
    await spend(database, lite, LITE // 4)
    clock.advance(3 * 86_400)
    async with database.read() as view:
        assert (await quote(view, clock, account_id=account, plan_id="standard")).due == parse("12.04")
    standard = await bought(database, clock, account, "standard")
    assert (standard.left, standard.paid, standard.previous_id) == (STANDARD, 16 * NANO, lite.id)
    assert standard.ends_at == datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC)
    assert await wallet(database, account) == parse("82.68")
    assert await posted(database, f"lapsed/{lite.id}") == LITE * 3 // 4
    assert (await key(database)).subscription_id == standard.id
    async with database.read() as view:
        assert [each.state for each in await list_subscriptions(view, account)] == ["active", "replaced"]
    assert await events(database) == ["plan.bought", "plan.upgraded"]
    await balanced(database, clock)


async def test_a_chain_of_upgrades_loses_no_money(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """Up twice without using anything costs what the last plan alone costs."""
    for plan in ("lite", "standard", "pro"):
        await bought(database, clock, account, plan)
    assert await wallet(database, account) == 50 * NANO


async def test_what_is_set_aside_counts_as_used_and_lapses_when_it_comes_back(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    lite = await bought(database, clock, account, "lite")
    await hold(database, lite, LITE // 2)
    standard = await bought(database, clock, account, "standard")
    assert await wallet(database, account) == parse("94.72") - parse("16") + parse("2.64")
    async with database.write() as work:
        assert await lapse_leftovers(work, clock) == 0
    await hold(database, lite, 0)
    for lapsed in (1, 0):
        async with database.write() as work:
            assert await lapse_leftovers(work, clock) == lapsed
    assert await posted(database, f"lapsed/{lite.id}") == LITE
    assert await posted(database, f"lapsed/{standard.id}") == 0
    await balanced(database, clock)


async def test_a_downgrade_waits_for_the_renewal(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    standard = await bought(database, clock, account, "standard")
    with pytest.raises(Fault, match="no upgrade"):
        await bought(database, clock, account, "lite")
    async with database.write() as work:
        assert (await set_renewal(work, account, renews=True, next_plan_id="lite")).next_plan_id == "lite"
    clock.advance(40 * 86_400)
    assert await renew_due(database, clock) == {"renewed": 1}
    now = await active(database, account)
    assert now is not None
    assert (now.plan.id, now.paid, now.previous_id, now.next_plan_id) == ("lite", 6 * NANO, standard.id, None)


async def test_a_renewal_is_paid_once_and_follows_without_a_gap(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """The discount was for the first purchase; what was not used lapses, and the key goes on."""
    first = await bought(database, clock, account, "lite", renews=True)
    await give_key(database, clock, first)
    await spend(database, first, 1000)
    clock.advance(31 * 86_400)
    assert await renew_due(database, clock) == {}
    clock.advance(86_400)
    assert await asyncio.gather(*(renew_due(database, clock) for _ in range(3))) != []
    second = await active(database, account)
    assert second is not None
    assert second.starts_at == datetime(2026, 4, 29, tzinfo=UTC)
    assert second.ends_at == datetime(2026, 5, 28, 23, 59, 59, tzinfo=UTC)
    assert (second.left, second.renews) == (LITE, True)
    assert await wallet(database, account) == parse("88.72")
    assert await posted(database, f"lapsed/{first.id}") == LITE - 1000
    assert (await key(database)).subscription_id == second.id
    assert (await key(database)).expires_at is None
    async with database.write() as work:
        assert await renew_or_end(work, clock, first.id) == "not_due"
    assert await events(database) == ["plan.bought", "plan.renewed"]
    await balanced(database, clock)


async def test_the_anchors_day_survives_february(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    clock.advance((datetime(2027, 1, 31, 12, tzinfo=UTC) - clock.now()).total_seconds())
    await bought(database, clock, account, "lite", renews=True)
    ends = []
    for _ in range(3):
        now = await active(database, account)
        assert now is not None
        ends.append(f"{now.ends_at:%m-%d}")
        clock.advance((now.ends_at + timedelta(seconds=1) - clock.now()).total_seconds())
        await renew_due(database, clock)
    assert ends == ["02-28", "03-31", "04-30"]


@pytest.mark.parametrize("renews", [False, True])
async def test_a_plan_that_is_not_or_cannot_be_renewed_ends_with_its_key(
    database: Database, clock: FixedClock, account: AccountId, renews: bool
) -> None:
    made = await bought(database, clock, account, "lite", renews=renews)
    await give_key(database, clock, made)
    async with database.write() as work:
        await grant(work, clock, account_id=account, amount=Nano(-90 * NANO), currency="USD")
    clock.advance(32 * 86_400)
    assert await renew_due(database, clock) == {("unpaid" if renews else "ended"): 1}
    assert await active(database, account) is None
    expires = (await key(database)).expires_at
    assert expires == datetime(2026, 4, 29, tzinfo=UTC)
    assert await posted(database, f"lapsed/{made.id}") == LITE
    assert await wallet(database, account) == parse("4.72")
    last = "plan.renewal_failed" if renews else "plan.ended"
    assert await events(database) == ["plan.bought", last]
    async with database.read() as view:
        told = (await view.session.scalars(select(Event).where(Event.kind == last))).one()
    reason = msgspec.json.decode(told.payload)["reason"]
    assert reason == ("the wallet has 4.72 USD, and the price is 6.00" if renews else "not renewed")
    await balanced(database, clock)


async def test_nobody_pays_for_a_period_that_went_by_while_the_platform_was_off(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await bought(database, clock, account, "lite", renews=True)
    clock.advance(100 * 86_400)
    assert await renew_due(database, clock) == {"ended": 1}
    assert await wallet(database, account) == parse("94.72")


async def test_buying_after_the_end_is_a_new_purchase_at_the_full_price(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """Whether or not the job has been there to end the old one."""
    old = await bought(database, clock, account, "standard")
    await give_key(database, clock, old)
    clock.advance(40 * 86_400)
    new = await bought(database, clock, account, "lite")
    assert (new.paid, new.previous_id) == (6 * NANO, None)
    assert (await key(database)).subscription_id == old.id
    assert (await key(database)).expires_at is not None


async def test_renewal_can_be_turned_off_and_on(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    made = await bought(database, clock, account, "standard", renews=True)
    async with database.write() as work:
        await set_renewal(work, account, renews=True, next_plan_id="lite")
        off = await set_renewal(work, account, renews=False)
    assert (off.renews, off.next_plan_id) == (False, None)
    async with database.write() as work:
        with pytest.raises(Fault, match="no Token Plan 'gold'"):
            await set_renewal(work, account, renews=True, next_plan_id="gold")
    async with database.read() as view:
        rows = await view.session.scalars(select(ChangeRow.key).where(ChangeRow.kind == "subscription"))
        assert list(rows) == [made.id] * 3


async def test_a_gift_costs_nothing_and_is_worth_nothing_in_an_upgrade(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async with database.write() as work:
        given = await grant_subscription(work, clock, account_id=account, plan_id="max", period="year")
    assert (given.left, given.paid) == (12 * 82_000_000_000_000, 0)
    assert given.ends_at == datetime(2027, 3, 28, 23, 59, 59, tzinfo=UTC)
    assert await wallet(database, account) == 100 * NANO
    async with database.read() as view:
        upgrade = await quote(view, clock, account_id=account, plan_id="max", period="year", seats=2)
    assert (upgrade.kind, upgrade.carried, upgrade.due) == ("upgrade", 0, 2112 * NANO)


async def test_an_operator_can_end_a_plan_before_its_time(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    made = await bought(database, clock, account, "lite")
    await give_key(database, clock, made)
    async with database.write() as work:
        await end_subscription(work, clock, account, "abuse")
    assert (await key(database)).expires_at == clock.now()
    assert await active(database, account) is None
    with pytest.raises(Fault, match="has no Token Plan"):
        async with database.write() as work:
            await end_subscription(work, clock, account, "abuse")


async def test_presets_come_once_and_an_operators_plans_stay(database: Database, clock: FixedClock) -> None:
    mine = msgspec.structs.replace(preset_plans()[0], credits=7)
    async with database.write() as work:
        await put_plan(work, clock, mine)
        await retire_plan(work, clock, "max")
        await seed_plans(work, clock)
        offers = await list_offers(work)
        assert await missing_presets(work) == ()
    assert [(offer.plan.id, offer.retired_at is None) for offer in offers] == [
        ("lite", True),
        ("standard", True),
        ("pro", True),
        ("max", False),
    ]
    assert offers[0].plan == mine


async def test_a_retired_plan_is_renewed_and_no_longer_bought(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await bought(database, clock, account, "lite", renews=True)
    async with database.write() as work:
        await retire_plan(work, clock, "lite")
        await retire_plan(work, clock, "standard")
    with pytest.raises(Fault, match="not sold any more"):
        await bought(database, clock, account, "standard")
    clock.advance(32 * 86_400)
    assert await renew_due(database, clock) == {"renewed": 1}


async def test_a_changed_plan_leaves_what_was_bought_alone_until_the_renewal(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await bought(database, clock, account, "lite", renews=True)
    async with database.write() as work:
        await put_plan(work, clock, msgspec.structs.replace(preset_plans()[0], credits=5_000))
    before = await active(database, account)
    clock.advance(32 * 86_400)
    await renew_due(database, clock)
    after = await active(database, account)
    assert before is not None
    assert after is not None
    assert (before.credits, before.plan.credits, after.credits) == (LITE, LITE, 5_000)


async def test_a_disabled_account_is_not_charged_for_a_renewal(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    from tokenmill.store.tables import Account

    await bought(database, clock, account, "lite", renews=True)
    async with database.write() as work:
        await work.session.execute(update(Account).values(disabled_at=clock.now()))
    clock.advance(32 * 86_400)
    assert await renew_due(database, clock) == {"ended": 1}
    async with database.read() as view:
        assert (await view.session.scalars(select(Subscription.state))).one() == "ended"
