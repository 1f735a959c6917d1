"""Token Plans as a caller with a `tp-` key meets them, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_money import books_balance, reply, wallet
from tokenmill.accounts.keys import create_key, disable_key, list_keys
from tokenmill.accounts.plan_keys import reset_plan_key
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import MILLI, Name, OffPeak, Plan, PlanPrice, Window
from tokenmill.billing.subscriptions import buy, end_subscription, grant_subscription, set_renewal
from tokenmill.billing.terms import RENEWING
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Fault
from tokenmill.kit.money import Nano
from tokenmill.settings import read_secret
from tokenmill.testing import CATALOGUE, FixedClock, ScriptedEngine, TestPlatform

ASK: dict[str, Any] = {
    "model": "mimo-v2.5-pro",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}
RATES = "credits = { input = 300, cached_input = 2.5, output = 600 }\n"
USAGE = Usage(input_fresh=50, input_cached=10, output=50)
CREDITS = 50 * 300 + 10 * 2.5 + 50 * 600
NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)


def plan(credits: int, **more: Any) -> Plan:
    return Plan(**{"id": "tiny", "name": Name("Tiny", "小"), "credits": credits * MILLI, **more})


class Subscriber:
    """A platform, and the key of the plan that its account has."""

    def __init__(
        self, platform: TestPlatform, http: aiohttp.ClientSession, key: str, clock: FixedClock
    ) -> None:
        self.platform = platform
        self.key = key
        self.clock = clock
        self._http = http

    async def ask(
        self, path: str = "/token-plan/v1/chat/completions", key: str = "", method: str = "POST"
    ) -> tuple[int, str, Any]:
        headers = {"authorization": f"Bearer {key or self.key}"}
        url = self.platform.url + path
        async with self._http.request(method, url, json=ASK, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def usage(self) -> Any:
        headers = {"authorization": f"Bearer {self.key}"}
        async with self._http.get(f"{self.platform.url}/token-plan/v1/usage", headers=headers) as answer:
            assert 200 == answer.status
            return await answer.json()


@pytest.fixture
def subscribed(database_url: str, platform_with: Opener, http: aiohttp.ClientSession) -> Callable[..., Any]:
    """Opens a platform whose account has a plan, on each database in turn."""

    async def open_one(offered: Plan) -> Subscriber:
        clock = FixedClock(NOON)
        platform = await platform_with(
            ScriptedEngine(reply(usage=USAGE)),
            catalogue=CATALOGUE + RATES,
            clock=clock,
            database_url=database_url,
        )
        secret = read_secret(platform.settings.security.secret, {})
        async with platform.database.write() as work:
            await put_plan(work, clock, offered)
            opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id=offered.id)
            key, _ = await create_key(
                work,
                clock,
                secret,
                account_id=platform.account_id,
                name="plan",
                kind="tp",
                subscription_id=opened.id,
            )
        return Subscriber(platform, http, key, clock)

    return open_one


async def test_a_plan_is_charged_in_credits_and_the_wallet_is_left_alone(
    subscribed: Callable[..., Any],
) -> None:
    caller = await subscribed(plan(1_000_000))
    before = await wallet(caller.platform)

    assert 200 == (await caller.ask())[0]

    (row,) = await usage_rows(caller.platform)
    assert ("credits", CREDITS * MILLI) == (row.unit, row.cost)
    assert before == await wallet(caller.platform)
    shown = await caller.usage()
    assert ("tiny", "45025", "954975") == tuple(shown["plan"][name] for name in ("id", "used", "left"))
    assert "2026-04-28T23:59:59Z" == shown["plan"]["ends_at"]
    assert shown["wallet"] is None
    assert "45025" == shown["exchanges"][0]["receipt"]["cost"]


async def test_off_peak_hours_cost_less(subscribed: Callable[..., Any]) -> None:
    """From 16:00 to midnight UTC, at 0.8."""
    from datetime import time

    evening = OffPeak(time(16), time(0), "UTC", 800)
    caller = await subscribed(plan(1_000_000, off_peak=(evening,)))
    caller.clock.advance(4 * 3600)

    await caller.ask()

    (row,) = await usage_rows(caller.platform)
    assert CREDITS * 800 == row.cost


async def test_a_plan_that_is_used_up_says_so_and_never_falls_back_to_the_wallet(
    subscribed: Callable[..., Any],
) -> None:
    caller = await subscribed(plan(150_000))
    before = await wallet(caller.platform)

    answers = [await caller.ask() for _ in range(3)]

    assert [200, 200, 429] == [status for status, _, _ in answers]
    _, body, headers = answers[-1]
    assert "2026-04-28T23:59:59Z" in json.loads(body)["error"]["message"]
    assert all(word in body for word in ("quota", "exhausted", "will reset"))  # Else Qwen Code repeats it.
    assert "false" == headers["x-should-retry"]
    assert "retry-after" not in headers
    assert before == await wallet(caller.platform)


async def test_a_window_is_used_up_before_the_pool_and_opens_again(subscribed: Callable[..., Any]) -> None:
    window = Window("5h", 5 * 3600, 150_000 * MILLI)
    caller = await subscribed(plan(10_000_000, windows=(window,)))

    answers = [await caller.ask() for _ in range(3)]

    assert [200, 200, 429] == [status for status, _, _ in answers]
    assert "5h window is used up. It renews at 2026-03-28T17:00:00Z" in answers[-1][1]
    (shown,) = (await caller.usage())["plan"]["windows"]
    assert ("5h", "150000", "59950") == tuple(shown[name] for name in ("name", "limit", "left"))
    caller.clock.advance(5 * 3600)
    assert 200 == (await caller.ask())[0]


async def test_an_ended_subscription_is_told_so(subscribed: Callable[..., Any]) -> None:
    """By its time, and by an operator's word, which reaches the running node within a second."""
    caller = await subscribed(plan(1_000_000))
    async with caller.platform.database.write() as work:
        await end_subscription(work, caller.clock, caller.platform.account_id, "a test")
    await asyncio.sleep(0.7)

    status, body, headers = await caller.ask()

    assert (401, "false") == (status, headers["x-should-retry"])
    assert "/v1" in body


async def test_the_last_second_of_a_period_still_counts(subscribed: Callable[..., Any]) -> None:
    caller = await subscribed(plan(1_000_000))
    until_the_end = (datetime(2026, 4, 28, 23, 59, 59, tzinfo=UTC) - NOON).total_seconds()

    caller.clock.advance(until_the_end + 0.5)
    assert 200 == (await caller.ask())[0]
    caller.clock.advance(0.6)
    status, body, _ = await caller.ask()

    assert 401 == status
    assert "2026-04-28T23:59:59Z" in body


async def test_the_two_kinds_of_key_are_never_mixed(subscribed: Callable[..., Any]) -> None:
    caller = await subscribed(plan(1_000_000))

    status, body, _ = await caller.ask("/v1/chat/completions")
    assert 401 == status
    assert "/token-plan/v1" in body
    status, body, _ = await caller.ask(key=caller.platform.key)
    assert 401 == status
    assert "/v1" in body


async def test_a_reset_ends_the_old_key_within_a_second_and_for_good(subscribed: Callable[..., Any]) -> None:
    caller = await subscribed(plan(1_000_000))
    assert 200 == (await caller.ask())[0]
    secret = read_secret(caller.platform.settings.security.secret, {})
    async with caller.platform.database.write() as work:
        new, _ = await reset_plan_key(work, caller.clock, secret, caller.platform.account_id)
    await asyncio.sleep(0.7)

    assert 401 == (await caller.ask())[0]
    assert 200 == (await caller.ask(key=new))[0]
    assert 401 == (await caller.ask())[0]


async def test_a_plan_key_that_an_operator_stopped_is_reset_by_operators_alone(
    subscribed: Callable[..., Any],
) -> None:
    """Else its people would have a new one with a click."""
    caller = await subscribed(plan(1_000_000))
    account, clock = caller.platform.account_id, caller.clock
    secret = read_secret(caller.platform.settings.security.secret, {})
    async with caller.platform.database.write() as work:
        (key,) = [each for each in await list_keys(work, account) if each.kind == "tp"]
        await disable_key(work, clock, key.id, by_operator=True)
    with pytest.raises(Fault, match="only an operator"):
        async with caller.platform.database.write() as work:
            await reset_plan_key(work, clock, secret, account)
    async with caller.platform.database.write() as work:
        new, _ = await reset_plan_key(work, clock, secret, account, by_operator=True)

    assert 200 == (await caller.ask(key=new))[0]


async def test_two_keys_of_a_plan_share_its_pool(subscribed: Callable[..., Any]) -> None:
    caller = await subscribed(plan(150_000))
    secret = read_secret(caller.platform.settings.security.secret, {})
    (first,) = [row async for row in _subscription_ids(caller.platform)]
    async with caller.platform.database.write() as work:
        other, _ = await create_key(
            work,
            caller.clock,
            secret,
            account_id=caller.platform.account_id,
            name="other",
            kind="tp",
            subscription_id=first,
        )

    answers = [(await caller.ask(key=key))[0] for key in (caller.key, other, caller.key)]

    assert [200, 200, 429] == answers
    await books_balance(caller.platform)


async def _subscription_ids(platform: TestPlatform) -> Any:
    from sqlalchemy import select

    from tokenmill.store.plan_tables import Subscription

    async with platform.database.read() as work:
        for row in await work.session.scalars(select(Subscription.id)):
            yield row


async def test_a_plan_that_renews_goes_on_until_somebody_has_renewed_it(
    subscribed: Callable[..., Any],
) -> None:
    """Nobody is turned away at midnight; but when nobody renews it for minutes, it has ended."""
    caller = await subscribed(plan(1_000_000, usd=PlanPrice(month=Nano(1))))
    async with caller.platform.database.write() as work:
        await set_renewal(work, caller.platform.account_id, renews=True)
    end = datetime(2026, 4, 29, tzinfo=UTC)
    await asyncio.sleep(0.7)

    caller.clock.advance((end - NOON + RENEWING).total_seconds() - 1)
    assert 200 == (await caller.ask())[0]
    caller.clock.advance(1)
    assert 401 == (await caller.ask())[0]


async def test_the_key_of_a_plan_that_is_over_lists_no_models(subscribed: Callable[..., Any]) -> None:
    """It is told that the plan has ended, even before anybody has closed it."""
    caller = await subscribed(plan(1_000_000))
    caller.clock.advance(40 * 86_400)

    status, body, _ = await caller.ask("/token-plan/v1/models", method="GET")

    assert 401 == status
    assert "2026-04-28T23:59:59Z" in body


async def test_nobody_is_turned_away_while_a_plan_is_being_upgraded(subscribed: Callable[..., Any]) -> None:
    """Not even before the node has heard of it: the key goes on with the new plan's credits."""
    caller = await subscribed(plan(100_000))
    async with caller.platform.database.write() as work:
        await put_plan(work, caller.clock, plan(1_000_000, id="big", rank=1, usd=PlanPrice(month=Nano(1))))
    assert [200, 429] == [(await caller.ask())[0] for _ in range(2)]

    async with caller.platform.database.write() as work:
        await buy(work, caller.clock, account_id=caller.platform.account_id, plan_id="big")
    answers = []
    for _ in range(8):  # Before the change is heard of, and after.
        answers.append((await caller.ask())[0])
        await asyncio.sleep(0.06)

    assert [200] * 8 == answers
    assert "big" == (await caller.usage())["plan"]["id"]
    assert "360200" == (await caller.usage())["plan"]["used"]
