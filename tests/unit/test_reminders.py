"""When accounts are reminded of what, and that each is said once, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import insert, select, update

from tokenmill.accounts.accounts import create_account, suspend
from tokenmill.accounts.preferences import set_low_balance
from tokenmill.billing.offers import seed_plans
from tokenmill.billing.renewals import renew_due
from tokenmill.billing.subscriptions import buy, grant_subscription, set_renewal
from tokenmill.billing.wallet import grant
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, TargetRef
from tokenmill.jobs.reminders import Reminders
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano, parse
from tokenmill.notify.letters import LETTERS, write_letter
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Purse, Rollup
from tokenmill.store.work_tables import Event
from tokenmill.testing import FixedClock

LITE = 4_100_000_000_000
REFS = (TargetRef("gpu-1", "default"),)


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


def reminders(database: Database, clock: FixedClock, *models: Model) -> Reminders:
    return Reminders(database, clock, lambda: Catalogue((), models))


async def said(database: Database, kind: str = "") -> list[tuple[str, dict[str, str | int | None]]]:
    """Every reminder so far, the oldest first; what buying says by itself is left out."""
    async with database.read() as view:
        events = await view.session.scalars(select(Event).order_by(Event.id))
        return [
            (event.kind, msgspec.json.decode(event.payload))
            for event in events
            if event.kind.startswith(kind) and event.kind not in ("plan.bought", "plan.granted")
        ]


async def kinds(database: Database) -> list[str]:
    return [kind for kind, _ in await said(database)]


async def use(database: Database, share: float) -> None:
    """As if so much of the plan's credits were used."""
    async with database.write() as work:
        purse = update(Purse).where(Purse.id.like("credits/%"))
        await work.session.execute(purse.values(balance=LITE - int(LITE * share)))


async def lite(database: Database, clock: FixedClock, account: AccountId, *, renews: bool = False) -> None:
    async with database.write() as work:
        await buy(work, clock, account_id=account, plan_id="lite", renews=renews)


async def test_half_ninety_percent_and_all_are_said_once_each(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await lite(database, clock, account)
    looking = reminders(database, clock)
    percents = []
    for share in (0.0, 0.4999, 0.5, 0.7, 0.9, 0.95, 0.9989, 0.9995, 1.0):
        await use(database, share)
        new = [await looking.remind(), await looking.remind()]
        assert 0 == new[1]
        percents.append(new[0])
    assert [0, 0, 1, 0, 1, 0, 0, 1, 0] == percents
    assert [50, 90, 100] == [facts["percent"] for _, facts in await said(database, "plan.usage")]
    (_, facts), *_ = await said(database)
    assert ("lite", "2050000000", "4100000000") == (facts["plan"], facts["used"], facts["credits"])


async def test_a_plan_used_up_at_once_is_not_said_to_be_half_used(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await lite(database, clock, account)
    await use(database, 1.0)
    looking = reminders(database, clock)
    assert [1, 0] == [await looking.remind(), await looking.remind()]
    assert [100] == [facts["percent"] for _, facts in await said(database)]


async def test_a_renewed_plan_is_reminded_of_anew(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await lite(database, clock, account, renews=True)
    await use(database, 0.6)
    looking = reminders(database, clock)
    await looking.remind()
    clock.advance(timedelta(days=32).total_seconds())
    assert {"renewed": 1} == dict(await renew_due(database, clock))
    async with database.write() as work:
        newest = update(Purse).where(Purse.id.like("credits/%"), Purse.balance > 0)
        await work.session.execute(newest.values(balance=LITE // 3))
    await looking.remind()
    assert ["plan.usage", "plan.renewed", "plan.usage"] == await kinds(database)


async def test_a_renewal_is_announced_five_days_before_and_an_end_two_days_and_on_its_day(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    """The plan ends on 28 April, 23:59:59 UTC; the looks are five minutes apart from the borders."""
    await lite(database, clock, account, renews=True)
    looking = reminders(database, clock)
    end = datetime(2026, 4, 28, 23, 59, 59, tzinfo=UTC)

    async def at(moment: datetime) -> list[str]:
        clock.advance((moment - clock.now()).total_seconds())
        before = len(await kinds(database))
        await looking.remind()
        await looking.remind()
        return (await kinds(database))[before:]

    minutes = timedelta(minutes=5)
    assert [] == await at(end - timedelta(days=5) - minutes)
    assert ["plan.renews_soon"] == await at(end - timedelta(days=5) + minutes)
    async with database.write() as work:
        await set_renewal(work, account, renews=False)
    assert [] == await at(end - timedelta(days=2) - minutes)
    assert ["plan.ends_soon"] == await at(end - timedelta(days=2) + minutes)
    assert [] == await at(datetime(2026, 4, 27, 23, 55, tzinfo=UTC))
    assert ["plan.ends_today"] == await at(datetime(2026, 4, 28, 0, 5, tzinfo=UTC))
    assert [] == await at(end + minutes)


async def test_an_end_that_nobody_was_there_to_announce_is_announced_on_its_day_alone(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async with database.write() as work:
        await grant_subscription(work, clock, account_id=account, plan_id="lite")
    clock.advance((datetime(2026, 4, 28, 12, tzinfo=UTC) - clock.now()).total_seconds())
    await reminders(database, clock).remind()
    assert ["plan.ends_today"] == await kinds(database)


async def test_a_low_balance_is_said_once_until_it_was_enough_again(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    looking = reminders(database, clock)

    async def with_balance(amount: str) -> int:
        async with database.write() as work:
            wallet = update(Purse).where(Purse.id == f"wallet/{account}")
            await work.session.execute(wallet.values(balance=parse(amount)))
        return await looking.remind() + await looking.remind()

    assert 0 == await with_balance("0.00")  # Nobody asked to be told.
    async with database.write() as work:
        await set_low_balance(work, account, parse("5.00"))
    amounts = ("5.00", "4.99", "1.00", "5.00", "4.00", "20.00", "0.00")
    assert [0, 1, 0, 0, 1, 0, 1] == [await with_balance(amount) for amount in amounts]
    assert {"balance": "4.99", "threshold": "5.00", "currency": "USD"} == (await said(database))[0][1]


async def test_a_models_retirement_is_told_two_weeks_before_to_those_who_use_it(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    retires = clock.now() + timedelta(days=20)
    old = Model(id="old", targets=REFS, retires_at=retires, successor="new")
    looking = reminders(database, clock, old, Model(id="new", targets=REFS))
    async with database.write() as work:
        other = (await create_account(work, clock, email="other@example.com", password_hash="hash")).id
        past = (await create_account(work, clock, email="past@example.com", password_hash="hash")).id
    used = {account: ("old", 1), other: ("new", 1), past: ("old", 25)}
    async with database.write() as work:
        for who, (model, days_ago) in used.items():
            day = (clock.now() - timedelta(days=days_ago)).date().isoformat()
            names = {"account_id": who, "day": day, "model": model, "key_id": "key_1", "client": "curl"}
            counts = {column.name: 0 for column in Rollup.__table__.columns if column.name not in names}
            await work.session.execute(insert(Rollup).values(**{**counts, **names, "unit": "USD"}))

    assert 0 == await looking.remind_of_retirements()
    clock.advance(timedelta(days=6).total_seconds())
    assert [1, 0] == [await looking.remind_of_retirements() for _ in range(2)]
    ((_, facts),) = await said(database, "model")
    assert ("old", "2026-04-17T09:00:00Z", "new") == (
        facts["model"],
        facts["retires_at"],
        facts["successor"],
    )
    clock.advance(timedelta(days=20).total_seconds())
    assert 0 == await looking.remind_of_retirements()


async def test_suspended_accounts_are_not_reminded(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async with database.write() as work:
        await create_account(work, clock, email="op@example.com", password_hash="hash", role="operator")
        await set_low_balance(work, account, parse("500.00"))
    await lite(database, clock, account)
    await use(database, 0.6)
    async with database.write() as work:
        await suspend(work, clock, account)
    assert 0 == await reminders(database, clock).remind()


async def test_nodes_that_look_at_the_same_time_say_it_once(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    async with database.write() as work:
        await set_low_balance(work, account, parse("500.00"))
    nodes = [reminders(database, clock) for _ in range(4)]
    assert 1 == sum(await asyncio.gather(*(node.remind() for node in nodes)))


async def test_every_reminder_has_a_letter_that_leaves_no_fact_out(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    await lite(database, clock, account)
    await use(database, 0.6)
    async with database.write() as work:
        await set_low_balance(work, account, parse("500.00"))
    clock.advance((datetime(2026, 4, 28, 12, tzinfo=UTC) - clock.now()).total_seconds())
    await reminders(database, clock).remind()
    found = await said(database)
    assert {"plan.usage", "plan.ends_today", "wallet.low"} == {kind for kind, _ in found}
    for kind, facts in found:
        assert kind in LETTERS
        letter = write_letter(
            kind, "zh-CN", {name: str(value) for name, value in facts.items()} | {"console": "/"}
        )
        assert letter is not None
        assert "–" not in letter.subject + letter.text
