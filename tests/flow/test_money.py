"""What an exchange costs, who pays, and what happens when they cannot, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select, update

from tests.flow.conftest import Opener, usage_rows
from tokenmill.billing.ledger import Side, post
from tokenmill.conversation.events import (
    Event,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import Text
from tokenmill.conversation.usage import Usage
from tokenmill.jobs.nodes import RENEW
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.ledger_tables import Hold, Posting, Purse, Transfer
from tokenmill.store.tables import Account
from tokenmill.store.work_tables import Node
from tokenmill.testing import CATALOGUE, ScriptedEngine, Step, TestPlatform

ASK: dict[str, Any] = {
    "model": "mimo-v2.5-pro",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1000,
}
PRICE = "price.USD = { input = 1, cached_input = 0.1, output = 10 }\n"
USAGE = Usage(input_fresh=1000, input_cached=500, output=200)
COST = 1000 * 1_000 + 500 * 100 + 200 * 10_000
"""Nano-dollars: at 1, 0.1 and 10 dollars per million."""


def reply(*words: str, usage: Usage | None = USAGE) -> list[Event]:
    said = [TextDelta(0, word) for word in words or ("Hi",)]
    told = [UsageSeen(usage)] if usage is not None else []
    return [Started("up", "m", 1), PartOpened(0, Text()), *said, PartClosed(0), *told, Finished(Stop.END)]


def essay(tokens: int) -> list[str]:
    """Words without a loop in them, which the repetition guard would cut."""
    numbers = " ".join(map(str, range(tokens)))[: tokens * 4]
    return [numbers[at : at + 200] for at in range(0, len(numbers), 200)]


@pytest.fixture
def paid(database_url: str, platform_with: Opener) -> Callable[..., Any]:
    """Opens a platform whose model costs money, on each database in turn."""

    def open_one(*scripts: Iterable[Step] | Fault, **options: Any) -> Any:
        engine = ScriptedEngine(*scripts)
        return platform_with(
            engine, **{"catalogue": CATALOGUE + PRICE, "database_url": database_url, **options}
        )

    return open_one


async def ask(
    http: aiohttp.ClientSession, platform: TestPlatform, **changes: Any
) -> tuple[int, str, Mapping[str, str]]:
    headers = {"authorization": f"Bearer {platform.key}"}
    url = f"{platform.url}/v1/chat/completions"
    async with http.post(url, json=ASK | changes, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


async def wallet(platform: TestPlatform) -> tuple[int, int]:
    """Balance and what is set aside of it."""
    async with platform.database.read() as work:
        purse = await work.session.get(Purse, f"wallet/{platform.account_id}")
        assert purse is not None
        return purse.balance, purse.held


async def books_balance(platform: TestPlatform) -> None:
    """Every transfer adds up to zero, no hold is open, the wallet is what was posted to it."""
    async with platform.database.read() as work:
        sums = await work.session.scalars(select(func.sum(Posting.amount)).group_by(Posting.transfer_id))
        assert set(map(int, sums)) <= {0}
        assert 0 == await work.session.scalar(select(func.count()).where(Hold.state == "held"))
        posted = await work.session.scalar(
            select(func.sum(Posting.amount)).where(Posting.ledger_account == f"wallet/{platform.account_id}")
        )
    assert (int(posted or 0), 0) == await wallet(platform)


async def test_an_exchange_costs_what_its_tokens_cost(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """Exactly, with the price's version on its row, and in one balanced transfer."""
    platform = await paid(reply(), balance="1.00")

    status, _, _ = await ask(http, platform)

    assert 200 == status
    (row,) = await usage_rows(platform)
    assert ("USD", COST, 0) == (row.unit, row.cost, row.shortfall)
    assert json.loads(row.tariff)["output"] == 10_000_000_000
    assert (1_000_000_000 - COST, 0) == await wallet(platform)
    await books_balance(platform)


async def test_a_target_that_is_free_costs_nothing_and_needs_no_balance(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    catalogue = CATALOGUE.replace("[[models]]", "free = true\n\n[[models]]") + PRICE
    platform = await paid(reply(), balance="0", catalogue=catalogue)

    assert 200 == (await ask(http, platform))[0]

    (row,) = await usage_rows(platform)
    assert ("", 0, "reported") == (row.unit, row.cost, row.quality)
    await books_balance(platform)


async def test_an_empty_wallet_is_refused_and_the_caller_is_not_told_to_wait(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    platform = await paid(reply(), balance="0")

    status, body, headers = await ask(http, platform)

    assert 402 == status
    assert "balance" in json.loads(body)["error"]["message"]
    assert "false" == headers["x-should-retry"]
    assert "retry-after" not in headers
    assert [] == await usage_rows(platform)


async def test_a_model_without_a_price_in_the_accounts_currency_is_not_for_sale(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    platform = await paid(reply(), catalogue=CATALOGUE + "price.CNY = { input = 1, output = 1 }\n")

    status, body, _ = await ask(http, platform)

    assert 403 == status
    assert "not for sale in USD" in body
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.get(f"{platform.url}/v1/models", headers=headers) as listed:
        assert [] == (await listed.json())["data"]
    counting = f"{platform.url}/anthropic/v1/messages/count_tokens"
    async with http.post(counting, json=ASK, headers=headers) as counted:
        assert 403 == counted.status


async def test_a_request_that_fails_before_its_first_word_costs_nothing(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    platform = await paid(Fault(Code.UPSTREAM_REFUSED, "No."), balance="1.00")

    assert 400 == (await ask(http, platform))[0]

    (row,) = await usage_rows(platform)
    assert ("failed", 0) == (row.status, row.cost)
    assert (1_000_000_000, 0) == await wallet(platform)
    await books_balance(platform)


async def test_a_reply_that_breaks_off_is_charged_for_what_was_said(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """By counting, since the upstream did not report; never nothing."""
    platform = await paid([*reply("one two three four")[:3], Fault(Code.UPSTREAM_BROKE, "Gone.")])

    status, body, _ = await ask(http, platform, stream=True)

    assert 200 == status
    assert "Gone." in body
    (row,) = await usage_rows(platform)
    assert ("failed", "counted") == (row.status, row.quality)
    assert row.cost == row.input_fresh * 1_000 + row.output * 10_000 > 0
    await books_balance(platform)


async def test_a_whole_reply_that_breaks_off_costs_nothing(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """Its caller is told of an error only."""
    platform = await paid([*reply("one two three four")[:3], Fault(Code.UPSTREAM_BROKE, "Gone.")])

    status, _, _ = await ask(http, platform)

    assert 503 == status
    (row,) = await usage_rows(platform)
    assert ("failed", 0) == (row.status, row.cost)
    await books_balance(platform)


async def test_what_nobody_can_pay_is_posted_as_a_shortfall(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """The upstream reports far more than the balance covers: the wallet ends at zero, visibly short."""
    platform = await paid(reply(usage=Usage(input_fresh=1000, output=100_000)), balance="0.02")

    assert 200 == (await ask(http, platform))[0]

    (row,) = await usage_rows(platform)
    assert (1_001_000_000, 981_000_000) == (row.cost, row.shortfall)
    assert (0, 0) == await wallet(platform)
    async with platform.database.read() as work:
        short = select(Posting.amount).where(Posting.ledger_account == "platform/shortfall")
        assert -981_000_000 == await work.session.scalar(short)
    await books_balance(platform)


async def test_a_reply_that_outgrows_the_balance_ends_legally(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """With `length`, and with the reason on its record."""
    words = essay(20_000)  # The balance pays for about 5,000.
    platform = await paid(reply(*words, usage=None), balance="0.05")

    status, body, _ = await ask(http, platform, stream=True, max_tokens=50_000)

    assert 200 == status
    assert '"finish_reason":"length"' in body
    assert body.endswith("data: [DONE]\n\n")
    (row,) = await usage_rows(platform)
    assert ("answered", "length", 0) == (row.status, row.stop, row.shortfall)
    assert 3_500 < row.output < 5_100
    assert "the balance" in row.drops
    await books_balance(platform)


async def test_a_long_reply_is_paid_for_in_slices(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    words = essay(20_000)
    platform = await paid(reply(*words, usage=None), balance="1.00")

    status, body, _ = await ask(http, platform, stream=True, max_tokens=50_000)

    assert 200 == status
    assert '"finish_reason":"stop"' in body
    (row,) = await usage_rows(platform)
    assert ("stop", 0) == ("stop" if row.stop == "end" else row.stop, row.shortfall)
    await books_balance(platform)


async def test_all_choices_of_a_reply_are_paid_for(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """With a balance for 250 tokens nobody gets eight times as many by asking for eight choices."""
    script: list[Step] = [Started("up", "m", 1), *(PartOpened(at, Text(), choice=at) for at in range(8))]
    for at in range(8):
        script += [TextDelta(at, words) for words in essay(250)]
    script += [*(PartClosed(at) for at in range(8)), UsageSeen(Usage(input_fresh=5, output=2_000))]
    platform = await paid([*script, *(Finished(Stop.LENGTH, choice=at) for at in range(8))], balance="0.0028")

    assert 200 == (await ask(http, platform, n=8, max_tokens=250))[0]

    (row,) = await usage_rows(platform)
    assert ("counted", 0) == (row.quality, row.shortfall)
    assert row.output <= 280
    await books_balance(platform)


async def test_an_upstream_that_says_far_more_than_it_was_asked_for_is_paid_or_left(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """Some do not know `max_tokens`: beyond twice as much, each slice has to be there before it is read."""
    platform = await paid(reply(*essay(20_000)), balance="0.0027")

    status, _, _ = await ask(http, platform, max_tokens=250)

    assert 200 == status
    (row,) = await usage_rows(platform)
    assert row.output < 700
    assert row.shortfall < 5_000_000
    await books_balance(platform)


async def test_parallel_requests_share_a_small_balance_and_wait_for_each_other(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """Twenty at once on a balance whose holds cover two: all are served, since each uses little of it."""
    platform = await paid(reply(usage=Usage(input_fresh=10, output=10)), balance="0.03")

    answers = await asyncio.gather(*(ask(http, platform) for _ in range(20)))

    assert [200] * 20 == [status for status, _, _ in answers]
    assert (30_000_000 - 20 * (10 * 1_000 + 10 * 10_000), 0) == await wallet(platform)
    await books_balance(platform)


async def test_a_hundred_parallel_requests_never_overdraw_a_balance_for_ten(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    usage = Usage(input_fresh=100, output=100)
    cost = 100 * 1_000 + 100 * 10_000
    platform = await paid(reply(usage=usage), balance="0.0115")

    answers = await asyncio.gather(*(ask(http, platform, max_tokens=100) for _ in range(100)))

    statuses = [status for status, _, _ in answers]
    assert {200, 402} == set(statuses)
    rows = [row for row in await usage_rows(platform) if row.cost]
    left, held = await wallet(platform)
    assert held == 0
    assert 11_500_000 - sum(row.cost - row.shortfall for row in rows) == left >= 0
    assert left < cost + 1_000_000  # Within one hold of full use.
    await books_balance(platform)


async def test_a_key_spends_no_more_than_its_cap(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    from sqlalchemy import insert

    from tokenmill.store.tables import Key

    platform = await paid(reply(), balance="10.00")
    cap = f"cap/{platform.key_id}"
    async with platform.database.write() as work:
        await work.session.execute(update(Key).where(Key.id == platform.key_id).values(cap=20_000_000))
        await work.session.execute(
            insert(Purse).values(id=cap, unit="USD", balance=20_000_000, held=0, expires_at=None)
        )
        await work.changed("key", platform.key_id)
    await asyncio.sleep(0.6)

    statuses = [(await ask(http, platform))[0] for _ in range(8)]

    assert [200] * 4 == statuses[:4]
    assert 402 == statuses[-1]
    async with platform.database.read() as work:
        spent = await work.session.scalar(select(Purse.balance).where(Purse.id == cap))
    assert spent == 20_000_000 - statuses.count(200) * COST
    await books_balance(platform)


@pytest.mark.parametrize("words", range(6))
async def test_a_caller_who_leaves_anywhere_is_settled_once(
    paid: Callable[..., Any], http: aiohttp.ClientSession, words: int
) -> None:
    """After so many words of a stream that goes on."""
    goes_on = asyncio.Event()

    async def wait() -> None:
        goes_on.set()
        await asyncio.sleep(30)

    script: list[Step] = [*reply(*["word "] * 6)[: 2 + words], wait, *reply()[-2:]]
    platform = await paid(script, balance="1.00")
    headers = {"authorization": f"Bearer {platform.key}"}

    async with (
        http.post(f"{platform.url}/v1/chat/completions", json=ASK | {"stream": True}, headers=headers)
        if words
        else http.post(
            f"{platform.url}/v1/chat/completions",
            json=ASK | {"stream": True},
            headers=headers,
            timeout=aiohttp.ClientTimeout(sock_read=0.5),
        ) as answer
    ):
        await goes_on.wait()
        answer.close()

    row = await eventually_one_row(platform)
    assert "cancelled" == row.status
    assert (row.cost > 0) == (words > 0)
    await books_balance(platform)


async def eventually_one_row(platform: TestPlatform) -> Any:
    for _ in range(100):
        rows = await usage_rows(platform)
        if rows:
            assert len(rows) == 1
            return rows[0]
        await asyncio.sleep(0.05)
    raise AssertionError("no usage row")


async def test_a_settlement_is_posted_under_the_exchanges_own_source(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    platform = await paid(reply())
    await ask(http, platform)

    (row,) = await usage_rows(platform)
    async with platform.database.read() as work:
        sources = set(await work.session.scalars(select(Transfer.source)))
    assert f"exchange:{row.id}" in sources


async def test_the_first_operators_account_pays_nothing_until_its_wallet_is_filled(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """So that a fresh platform can be tried with any target; from the first grant on it is one like all."""
    platform = await paid(reply(), balance="0")
    async with platform.database.write() as work:
        await work.session.execute(
            update(Account).where(Account.id == platform.account_id).values(unbilled=True)
        )
        await work.changed("account", platform.account_id)
    await asyncio.sleep(0.6)
    assert 200 == (await ask(http, platform))[0]
    async with platform.database.write() as work:
        wallet_id = f"wallet/{platform.account_id}"
        sides = [Side(wallet_id, "USD", 2 * COST), Side("platform/granted", "USD", -2 * COST)]
        await post(
            work,
            SystemClock(),
            source="grant:1",
            kind="grant",
            account_id=platform.account_id,
            postings=sides,
        )
    await asyncio.sleep(0.6)

    assert [200, 402] == [(await ask(http, platform))[0] for _ in range(2)]

    assert [("", 0), ("USD", COST)] == [(row.unit, row.cost) for row in await usage_rows(platform)]
    await books_balance(platform)


@pytest.mark.parametrize("stream", [True, False])
async def test_usage_that_cannot_be_is_replaced_by_a_count_and_flagged(
    paid: Callable[..., Any], http: aiohttp.ClientSession, stream: bool
) -> None:
    """A slip of the upstream does not empty a wallet, and the caller is told what is charged."""
    platform = await paid(reply("one two three", usage=Usage(input_fresh=10, output=10**9)), balance="900.00")

    status, body, _ = await ask(http, platform, stream=stream)

    assert 200 == status
    (row,) = await usage_rows(platform)
    assert ("suspect", 0) == (row.quality, row.shortfall)
    assert 0 < row.output < 50
    assert row.cost == row.input_fresh * 1_000 + row.output * 10_000
    assert f'"completion_tokens":{row.output},' in body.replace(" ", "")
    await books_balance(platform)


async def test_nothing_is_on_the_receipt_of_a_reply_that_broke_before_its_caller_had_any_of_it(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """It cost nothing, so it does not show tokens that would have cost something."""
    broken = [*reply("one two three four")[:3], UsageSeen(USAGE), Fault(Code.UPSTREAM_BROKE, "Gone.")]
    platform = await paid(broken, balance="1.00")

    assert 503 == (await ask(http, platform))[0]

    (row,) = await usage_rows(platform)
    assert ("failed", "none", 0, 0, 0) == (row.status, row.quality, row.cost, row.input_fresh, row.output)
    await books_balance(platform)


@pytest.mark.parametrize("address", ["/v1/chat/completions", "/anthropic/v1/messages"])
async def test_a_caller_who_is_too_fast_is_told_its_limits(
    paid: Callable[..., Any], http: aiohttp.ClientSession, address: str
) -> None:
    """In the headers of its dialect, beside the seconds to wait."""
    platform = await paid(reply(), catalogue=CATALOGUE + PRICE + "limits = { rpm = 1 }\n")
    headers = {"authorization": f"Bearer {platform.key}"}
    for expected in (200, 429):
        async with http.post(platform.url + address, json=ASK, headers=headers) as answer:
            assert expected == answer.status

    name = "x-ratelimit-{}-requests" if "chat" in address else "anthropic-ratelimit-requests-{}"
    assert ("1", "0") == (answer.headers[name.format("limit")], answer.headers[name.format("remaining")])
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_requests_whose_prompts_grow_upstream_are_held_for_what_they_cost(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """Servers put instructions of their own before a prompt; once they have, nobody is let in on credit."""
    platform = await paid(reply(usage=Usage(input_fresh=1000, output=20)), balance="0.0132")  # For eleven.
    assert 200 == (await ask(http, platform, max_tokens=20))[0]

    answers = await asyncio.gather(*(ask(http, platform, max_tokens=20) for _ in range(30)))

    assert 10 == [status for status, _, _ in answers].count(200)
    assert 20 == [status for status, _, _ in answers].count(402)
    assert {0} == {row.shortfall for row in await usage_rows(platform)}
    assert (0, 0) == await wallet(platform)
    await books_balance(platform)


async def test_a_node_that_was_taken_for_dead_ends_the_replies_that_others_have_settled(
    paid: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    """As after a pause of half a minute: what it says from then on, nobody would pay."""
    paused, goes_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        paused.set()
        await goes_on.wait()

    begun = reply("Hello", usage=None)[:3]
    platform = await paid([*begun, pause, *(TextDelta(0, word) for word in essay(2_000)), *reply()[-3:]])
    asking = asyncio.create_task(ask(http, platform, stream=True))
    await paused.wait()
    async with platform.database.write() as work:
        await work.session.execute(update(Node).values(ended_at=SystemClock().now()))
    await asyncio.sleep(RENEW + 1.5)
    goes_on.set()

    status, body, _ = await asking

    assert 200 == status
    assert '"finish_reason":"length"' in body
    assert body.count('"content":') < 5
