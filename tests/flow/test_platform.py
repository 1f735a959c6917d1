"""What the platform tells about itself, and how fast changes from outside reach it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_chat import ASK, HELLO, post
from tokenmill.accounts.keys import disable_key
from tokenmill.catalog.file import read_catalogue
from tokenmill.catalog.repository import apply
from tokenmill.conversation.request import Thinking
from tokenmill.kit.clock import SystemClock
from tokenmill.ports import ServedBy
from tokenmill.testing import ScriptedEngine, TestPlatform

SMALL = ServedBy("Small-Model-1B", context_window=4096, max_output=1024)


async def get(
    http: aiohttp.ClientSession, platform: TestPlatform, path: str, **headers: str
) -> tuple[int, object]:
    async with http.get(platform.url + path, headers=headers, allow_redirects=False) as reply:
        return reply.status, await (
            reply.json() if "json" in reply.headers.get("content-type", "") else reply.text()
        )


async def test_the_model_list_shows_what_really_answers_and_its_real_limits(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO, real=SMALL))

    status, body = await get(http, platform, "/v1/models", authorization=f"Bearer {platform.key}")

    assert status == 200
    assert isinstance(body, dict)
    (model,) = body["data"]
    assert (
        model["id"],
        model["object"],
        model["context_window"],
        model["max_output_tokens"],
    ) == ("mimo-v2.5-pro", "model", 4096, 1024)
    assert model["served_by"]["name"] == "Small-Model-1B"


async def test_a_reply_says_in_its_fingerprint_which_model_really_answered(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO, real=SMALL))

    _, body, _ = await post(http, platform, ASK)

    assert body["system_fingerprint"] == "tokenmill:Small-Model-1B"


async def test_a_wish_for_more_output_than_the_model_has_is_cut_and_recorded(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    engine = ScriptedEngine(HELLO, real=SMALL)
    platform = await platform_with(engine)

    status, _, _ = await post(http, platform, {**ASK, "max_tokens": 65536})

    assert status == 200
    assert engine.asked[0][0].max_output == 1024
    (row,) = await usage_rows(platform)
    assert "max_completion_tokens" in row.drops


async def test_thinking_is_on_by_default_and_samples_as_the_catalogue_says(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    engine = ScriptedEngine(HELLO)
    platform = await platform_with(engine)

    await post(http, platform, {**ASK, "temperature": 0.2})
    await post(http, platform, {**ASK, "temperature": 0.2, "thinking": {"type": "disabled"}})

    first, second = (request for request, _ in engine.asked)
    assert (Thinking(on=True), 1.0, 0.95) == (
        first.thinking,
        first.sampling.temperature,
        first.sampling.top_p,
    )
    assert (second.thinking.on, second.sampling.temperature) == (False, 0.2)


async def test_a_disabled_key_stops_working_without_a_restart(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    status, _, _ = await post(http, platform, ASK)
    assert status == 200

    async with platform.database.write() as work:
        await disable_key(work, SystemClock(), platform.key_id)

    for _ in range(200):
        status, body, _ = await post(http, platform, ASK)
        if status != 200:
            break
        await asyncio.sleep(0.05)
    assert status == 401
    assert "disabled" in body["error"]["message"]


async def test_an_applied_catalogue_is_served_without_a_restart(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    more = '[[models]]\nid = "newcomer"\ntargets = [{ target = "scripted", model = "m" }]'

    async with platform.database.write() as work:
        await apply(work, read_catalogue(more, "test"))

    for _ in range(200):
        status, _, _ = await post(http, platform, {**ASK, "model": "newcomer"})
        if status == 200:
            break
        await asyncio.sleep(0.05)
    assert status == 200


async def test_a_model_without_a_server_answers_503_with_the_command_and_is_not_listed(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    catalogue = """
        [[targets]]
        id = "embedded"
        engine = "embedded"
        [[models]]
        id = "mimo-v2.5-pro"
        targets = [{ target = "embedded", model = "default" }]
    """
    platform = await platform_with(ScriptedEngine(HELLO), catalogue=catalogue)

    status, body, headers = await post(http, platform, ASK)
    _, models = await get(http, platform, "/v1/models", authorization=f"Bearer {platform.key}")

    assert (status, headers["x-should-retry"]) == (503, "false")
    assert "tokenmill catalog apply" in body["error"]["message"]
    assert models == {"object": "list", "data": []}


async def test_it_lives_and_is_ready(platform_with: Opener, http: aiohttp.ClientSession) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))

    assert await get(http, platform, "/healthz") == (200, {"status": "ok"})
    assert await get(http, platform, "/readyz") == (200, {"status": "ready", "checks": {"database": "ok"}})


async def test_it_is_not_ready_when_the_database_takes_no_writes(
    platform_with: Opener, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    async with platform.database.write():  # Whoever holds the write lock keeps everybody else from writing.
        status, body = await get(http, platform, "/readyz")

    assert status == 503
    assert isinstance(body, dict)
    assert body["checks"]["database"] != "ok"


async def test_the_front_door_sends_browsers_to_the_console_and_names_itself_to_others(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))

    assert (await get(http, platform, "/", accept="text/html"))[0] == 307
    assert await get(http, platform, "/", accept="*/*") == (200, {"name": "TokenMill"})
    status, page = await get(http, platform, "/console/keys", accept="text/html")
    assert status == 200
    assert "TokenMill" in str(page)
    assert "__NONCE__" not in str(page)
    for path in ("/console/assets/none.js", "/console/keys", "/console/assets/%2e%2e/console.py"):
        status, refusal = await get(http, platform, path, accept="*/*")
        assert (status, isinstance(refusal, dict)) == (404, True)
    assert (await get(http, platform, "/console/api/v1/keys", accept="text/html"))[0] == 401
