"""Retries of the official SDKs: an answer that did not arrive is given again, and billed once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tokenmill.conversation.events import Event, Finished, PartClosed, PartOpened, Started, Stop, TextDelta
from tokenmill.conversation.parts import Text
from tokenmill.kit.faults import Code, Fault
from tokenmill.testing import ScriptedEngine, Step, TestPlatform

ASK: dict[str, Any] = {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": "Hello"}]}
START: list[Event] = [Started("up", "m", 1), PartOpened(0, Text()), TextDelta(0, "Hel")]
END: list[Event] = [TextDelta(0, "lo"), PartClosed(0), Finished(Stop.END)]


class Gate:
    """A place in a script where the upstream waits for the test."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.open.wait()


async def send(http: aiohttp.ClientSession, platform: TestPlatform, count: int | None, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {platform.key}"}
    if count is not None:
        headers["x-stainless-retry-count"] = str(count)
    url = f"{platform.url}/v1/chat/completions"
    async with http.post(url, json=ASK | body, headers=headers) as answer:
        return answer.status, await answer.text()


async def hang_up(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.1)  # The server learns of it.


async def a_row(platform: TestPlatform) -> None:
    """Waits until the exchange is settled."""
    for _ in range(200):
        if await usage_rows(platform):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no exchange was settled")


def answered(result: tuple[int, str], text: str = "Hello") -> bool:
    status, body = result
    return status == 200 and json.loads(body)["choices"][0]["message"]["content"] == text


async def test_a_retry_joins_the_attempt_that_still_runs(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The caller gave up waiting, but the answer was on its way."""
    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END])
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)

    second = asyncio.create_task(send(http, platform, 1))
    await asyncio.sleep(0.1)
    gate.open.set()

    assert answered(await second)
    assert 1 == len(engine.asked)
    (row,) = await usage_rows(platform)
    assert "answered" == row.status


async def test_a_retry_gets_the_answer_that_nobody_took(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END])
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)
    gate.open.set()
    await a_row(platform)

    assert answered(await send(http, platform, 1))
    assert 1 == len(engine.asked)
    assert answered(await send(http, platform, 2))
    assert 2 == len(engine.asked)  # Given again once.


@pytest.mark.parametrize(
    ("count", "body"),
    [(0, {}), (None, {}), (1, {"temperature": 0.5}), (1, {"stream": True})],
    ids=["the first attempt", "no SDK", "another question", "another way of asking"],
)
async def test_what_is_no_retry_of_the_same_question_is_asked_anew(
    platform_with: Opener, http: aiohttp.ClientSession, count: int | None, body: dict[str, Any]
) -> None:
    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END], [*START, *END])
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)

    status, _ = await send(http, platform, count, **body)

    assert (200, 2) == (status, len(engine.asked))
    gate.open.set()


async def test_another_key_does_not_join(platform_with: Opener, http: aiohttp.ClientSession) -> None:
    from tokenmill.accounts.keys import create_key
    from tokenmill.kit.clock import SystemClock
    from tokenmill.settings import read_secret

    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END], [*START, *END])
    platform = await platform_with(engine)
    secret = read_secret(platform.settings.security.secret, {})
    async with platform.database.write() as work:
        other, _ = await create_key(work, SystemClock(), secret, account_id=platform.account_id, name="other")
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)

    headers = {"authorization": f"Bearer {other}", "x-stainless-retry-count": "1"}
    async with http.post(f"{platform.url}/v1/chat/completions", json=ASK, headers=headers) as answer:
        assert 200 == answer.status
    assert 2 == len(engine.asked)
    gate.open.set()


async def test_a_failed_attempt_is_never_given_again(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    gate = Gate()
    scripts: list[list[Step]] = [[gate, Fault(Code.UPSTREAM_REFUSED, "No.")], [*START, *END]]
    engine = ScriptedEngine(*scripts)
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)
    second = asyncio.create_task(send(http, platform, 1))
    await asyncio.sleep(0.1)
    gate.open.set()

    assert answered(await second)
    assert 2 == len(engine.asked)


async def test_a_retried_stream_goes_on_where_the_caller_can_read_it(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The first connection is still open, as after a time-out that only the caller has noticed."""
    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END])
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0, stream=True))
    await gate.reached.wait()

    second = asyncio.create_task(send(http, platform, 1, stream=True))
    await asyncio.sleep(0.2)
    await hang_up(first)
    gate.open.set()
    status, body = await second

    assert 200 == status
    words = [
        json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
        for line in body.split("\n\n")
        if line.startswith("data: {") and json.loads(line[6:])["choices"]
    ]
    assert "Hello" == "".join(words)
    assert body.endswith("data: [DONE]\n\n")
    assert 1 == len(engine.asked)
    (row,) = await usage_rows(platform)
    assert "answered" == row.status


async def test_when_the_second_caller_leaves_too_the_upstream_is_left(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    gate = Gate()
    engine = ScriptedEngine([*START, gate, *END])
    platform = await platform_with(engine)
    first = asyncio.create_task(send(http, platform, 0))
    await gate.reached.wait()
    await hang_up(first)
    assert not engine.closed.is_set()
    second = asyncio.create_task(send(http, platform, 1))
    await asyncio.sleep(0.1)
    await hang_up(second)

    async with asyncio.timeout(5):
        await engine.closed.wait()
    (row,) = await usage_rows(platform)
    assert "cancelled" == row.status
