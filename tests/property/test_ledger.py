"""The books stay right whatever happens in whatever order: business and hot path, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.chain import SubscriptionView
from tokenmill.billing.codes import create_codes, redeem
from tokenmill.billing.ledger import credits_of, look_into, wallet_of
from tokenmill.billing.offers import seed_plans
from tokenmill.billing.plans import Period
from tokenmill.billing.renewals import lapse_leftovers, renew_due
from tokenmill.billing.subscriptions import active_subscription, buy, end_subscription, set_renewal
from tokenmill.billing.verify import verify
from tokenmill.billing.wallet import grant, refund_exchange
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId, TargetId, sortable
from tokenmill.kit.money import NANO, Nano
from tokenmill.store.database import Database, open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.ledger_tables import Posting, Purse
from tokenmill.store.rows import HoldAsked, PurseAsked, Settlement, UsageRow
from tokenmill.testing import FixedClock

SECRET = b"a secret"
DAY = 86_400
T = TypeVar("T")

people = st.sampled_from((0, 1))
plans = st.sampled_from(("lite", "standard", "pro", "max"))
periods: st.SearchStrategy[Period] = st.sampled_from(("month", "month", "year"))
START = Nano(500 * NANO)
money = st.integers(1, 300).map(lambda units: Nano(units * NANO))
shares = st.integers(0, 120)
"""Percent: of what there is, or of what was held."""


class Exchange:
    """One that runs or has ended, as the machine remembers it."""

    def __init__(self, account: AccountId, purse: str, unit: str, held: int) -> None:
        self.id = ExchangeId(sortable("ex"))
        self.account = account
        self.purse = purse
        self.unit = unit
        self.held = held
        self.taken = 0
        self.refunded = False


class Books(RuleBasedStateMachine):
    """Two accounts, in two currencies; what their wallets hold is known beforehand at every step."""

    url = ""

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = FixedClock(datetime(2027, 1, 31, 20, tzinfo=UTC))
        self.running: list[Exchange] = []
        self.ended: list[Exchange] = []
        self.codes: list[tuple[str, str, Nano]] = []
        self.used: set[str] = set()
        self.wait(self._open())

    async def _open(self) -> None:
        self.held = AsyncExitStack()
        self.database: Database = await self.held.enter_async_context(open_database(self.url))
        self.hot = await self.held.enter_async_context(HotStore(self.url))
        async with self.database.write() as work:
            await seed_plans(work, self.clock)
            made = [
                await create_account(
                    work, self.clock, email=f"{sortable('x')}@b", password_hash="hash", currency=currency
                )
                for currency in ("USD", "CNY")
            ]
        self.accounts = [(each.id, each.currency) for each in made]
        self.balances = {each.id: 0 for each in made}
        for account, currency in self.accounts:
            await self._move(account, currency, START)
            async with self.database.write() as work:
                _, priced = await buy(work, self.clock, account_id=account, plan_id="lite", renews=True)
            self.balances[account] -= priced.due

    def teardown(self) -> None:
        if hasattr(self, "held"):
            self.wait(self.held.aclose())
            self.loop.close()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def try_to(self, work: Coroutine[Any, Any, T], *expected: Code) -> T | None:
        """None when it was refused for a reason that callers have to expect."""
        try:
            return self.wait(work)
        except Fault as fault:
            if fault.code not in expected:
                raise
            return None

    @rule(person=people, amount=money)
    def give(self, person: int, amount: Nano) -> None:
        self.wait(self._move(*self.accounts[person], amount))

    @rule(person=people, share=shares)
    def take_back(self, person: int, share: int) -> None:
        """A part of the balance, which may be more than what is free."""
        account, currency = self.accounts[person]
        amount = self.balances[account] * share // 100
        if amount:
            fits = amount <= self.free(wallet_of(account))
            moved = self.try_to(self._move(account, currency, -amount), Code.NO_FUNDS)
            assert (moved is not None) is fits

    async def _move(self, account: AccountId, currency: str, amount: int) -> Nano:
        async with self.database.write() as work:
            balance = await grant(
                work, self.clock, account_id=account, amount=Nano(amount), currency=currency
            )
        self.balances[account] += amount
        assert balance == self.balances[account]
        return balance

    @rule(person=people, amount=money)
    def make_code(self, person: int, amount: Nano) -> None:
        currency = self.accounts[person][1]

        async def act() -> str:
            async with self.database.write() as work:
                _, (code,) = await create_codes(work, self.clock, SECRET, amount=amount, currency=currency)
                return code

        self.codes.append((self.wait(act()), currency, amount))

    @rule(person=people, which=st.integers(0, 100))
    def redeem(self, person: int, which: int) -> None:
        account, currency = self.accounts[person]
        mine = [code for code in self.codes if code[1] == currency]
        if not mine:
            return
        code, _, amount = mine[which % len(mine)]

        async def act() -> bool:
            async with self.database.write() as work:
                await redeem(work, self.clock, [SECRET], account_id=account, code=code)
                return True

        done = self.try_to(act(), Code.CONFLICT)
        assert bool(done) is (code not in self.used)
        if done:
            self.used.add(code)
            self.balances[account] += amount

    @rule(person=people, plan=plans, period=periods, renews=st.booleans())
    def buy(self, person: int, plan: str, period: Period, renews: bool) -> None:
        account, _ = self.accounts[person]

        async def act() -> int:
            async with self.database.write() as work:
                made, priced = await buy(
                    work, self.clock, account_id=account, plan_id=plan, period=period, renews=renews
                )
                assert made.left == priced.credits
                return priced.due

        before = self.active(account)
        free = self.free(wallet_of(account))
        if (due := self.try_to(act(), Code.NO_FUNDS, Code.CONFLICT)) is not None:
            assert due <= free
            self.balances[account] -= due
            now = self.active(account)
            assert now is not None
            assert before is None or before.id == now.previous_id

    @rule(person=people, renews=st.booleans(), plan=st.none() | plans)
    def set_renewal(self, person: int, renews: bool, plan: str | None) -> None:
        async def act() -> None:
            async with self.database.write() as work:
                await set_renewal(work, self.accounts[person][0], renews=renews, next_plan_id=plan)

        self.try_to(act(), Code.NOT_FOUND)

    @rule(person=people)
    def end(self, person: int) -> None:
        async def act() -> None:
            async with self.database.write() as work:
                await end_subscription(work, self.clock, self.accounts[person][0], "tested")

        self.try_to(act(), Code.NOT_FOUND)

    @rule(days=st.sampled_from((1, 27, 31, 70, 366)))
    def let_time_pass(self, days: int) -> None:
        """And the jobs run, twice, since they may."""
        before = [self.active(account) for account, _ in self.accounts]
        self.clock.advance(days * DAY)
        self.wait(renew_due(self.database, self.clock))
        assert self.wait(renew_due(self.database, self.clock)) == {}
        for old, (account, _) in zip(before, self.accounts, strict=True):
            new = self.active(account)
            if old is not None and new is not None and new.id != old.id:
                assert (new.previous_id, old.renews) == (old.id, True)
                self.balances[account] -= new.paid
            if new is not None:
                assert new.starts_at <= self.clock.now() <= new.ends_at

    @rule()
    def lapse(self) -> None:
        async def act() -> None:
            async with self.database.write() as work:
                await lapse_leftovers(work, self.clock)

        self.wait(act())

    @rule(person=people, from_plan=st.booleans(), share=shares)
    def hold(self, person: int, from_plan: bool, share: int) -> None:
        account, currency = self.accounts[person]
        subscription = self.active(account)
        if from_plan and subscription is None:
            return
        purse = credits_of(subscription.id) if from_plan and subscription else wallet_of(account)
        unit = "credits" if from_plan else currency
        free = self.free(purse)
        exchange = Exchange(account, purse, unit, free * share // 100)
        asked = HoldAsked(
            id=exchange.id,
            account_id=account,
            purses=(PurseAsked(id=purse),),
            unit=unit,
            want=exchange.held,
            least=exchange.held,
            node="node_1",
            at=self.clock.now(),
            draft="{}",
        )
        granted = self.wait(self.hot.hold(asked)).granted
        assert (granted is not None) is (exchange.held <= free)
        if granted is not None:
            self.running.append(exchange)

    @rule(which=st.integers(0, 100), share=shares, twice=st.booleans())
    def settle(self, which: int, share: int, twice: bool) -> None:
        """Whether the subscription still runs or not; a cost may be more than what was held."""
        if not self.running:
            return
        exchange = self.running.pop(which % len(self.running))
        cost = exchange.held * share // 100 + (share > 110)
        free = self.free(exchange.purse)
        settled = self.wait(self.hot.settle(self.settlement(exchange, cost)))
        assert settled.taken == min(cost, exchange.held + free)
        assert settled.shortfall == cost - settled.taken
        exchange.taken = settled.taken
        if exchange.unit != "credits":
            self.balances[exchange.account] -= settled.taken
        if twice:
            assert not self.wait(self.hot.settle(self.settlement(exchange, cost + 1))).first
        if cost:
            self.ended.append(exchange)

    @rule(which=st.integers(0, 100))
    def refund(self, which: int) -> None:
        """Asked for twice, as people do."""
        self._refund(which)
        self._refund(which)

    def _refund(self, which: int) -> None:
        if not self.ended:
            return
        exchange = self.ended[which % len(self.ended)]

        async def act() -> bool:
            async with self.database.write() as work:
                return await refund_exchange(work, self.clock, exchange.id)

        done = self.try_to(act(), Code.CONFLICT)
        if done is None:
            assert exchange.unit == "credits"
            return
        assert done is not exchange.refunded
        if done and exchange.unit != "credits":
            self.balances[exchange.account] += exchange.taken
        exchange.refunded = True

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "held"):
            self.wait(self._check())

    async def _check(self) -> None:
        async with self.database.read() as view:
            assert (await verify(view, self.clock.now())).differences == ()
            sums = await view.session.execute(
                select(Posting.unit, func.sum(Posting.amount)).group_by(Posting.unit)
            )
            assert all(total == 0 for _, total in sums)
            worst = await view.session.scalar(select(func.min(Purse.balance - Purse.held)))
            assert worst is not None
            assert worst >= 0
            for account, balance in self.balances.items():
                assert (await look_into(view, wallet_of(account))).balance == balance

    def active(self, account: AccountId) -> SubscriptionView | None:
        async def act() -> SubscriptionView | None:
            async with self.database.read() as view:
                return await active_subscription(view, account)

        return self.wait(act())

    def free(self, purse: str) -> int:
        async def act() -> int:
            async with self.database.read() as view:
                return (await look_into(view, purse)).free

        return self.wait(act())

    def settlement(self, exchange: Exchange, cost: int) -> Settlement:
        subscription = exchange.purse.removeprefix("credits/") if exchange.unit == "credits" else ""
        row = UsageRow(
            id=exchange.id,
            account_id=exchange.account,
            key_id=KeyId("key_1"),
            model=ModelId("m"),
            target=TargetId("t"),
            upstream_model="u",
            protocol="openai_chat",
            stream=True,
            started_at=self.clock.now(),
            duration_ms=1,
            first_ms=1,
            status="answered",
            http_status=200,
            stop="stop",
            fault=None,
            input_fresh=1,
            input_cached=0,
            input_written=0,
            output=1,
            output_reasoning=0,
            quality="reported",
            client="",
            request_id="",
            subscription_id=subscription,
            unit=exchange.unit,
            cost=cost,
        )
        return Settlement(
            id=exchange.id,
            account_id=exchange.account,
            purses=(exchange.purse,),
            unit=exchange.unit,
            cost=cost,
            charged=f"used/{subscription}" if subscription else "platform/revenue",
            unpaid=f"shortfall/{subscription}" if subscription else "platform/shortfall",
            state="settled",
            at=self.clock.now(),
            row=row,
        )


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(8, 25, id="small"),
        pytest.param(200, 50, id="full", marks=pytest.mark.proof),
    ],
)
@pytest.mark.timeout(3600)
def test_the_books_are_right_after_whatever_happened(database_url: str, examples: int, steps: int) -> None:
    """One database serves all examples; each has accounts of its own, and every check looks at all."""

    class Here(Books):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
