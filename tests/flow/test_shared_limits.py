"""A platform whose rate windows are in Valkey, with and without it."""

from __future__ import annotations

import aiohttp

from tests.flow.conftest import Opener
from tests.flow.test_chat import ASK, HELLO
from tests.servers import ValkeyServer
from tokenmill.testing import FixedClock, ScriptedEngine, TestPlatform


async def ask(http: aiohttp.ClientSession, platform: TestPlatform) -> tuple[int, str | None]:
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(f"{platform.url}/v1/chat/completions", json=ASK, headers=headers) as reply:
        await reply.read()
        return reply.status, reply.headers.get("x-ratelimit-remaining-requests")


async def ready(http: aiohttp.ClientSession, platform: TestPlatform) -> tuple[int, str]:
    async with http.get(f"{platform.url}/readyz") as reply:
        return reply.status, (await reply.json())["checks"]["cache"]


async def test_requests_go_on_without_the_cache_and_readiness_names_it(
    platform_with: Opener, http: aiohttp.ClientSession, valkey: ValkeyServer
) -> None:
    """What the node let in before counts on, since it is counted on the node as well."""
    clock = FixedClock()
    environ = {"TOKENMILL__CACHE__URL": valkey.url}
    platform = await platform_with(ScriptedEngine(HELLO), environ=environ, clock=clock)
    assert (200, "ok") == await ready(http, platform)
    assert (200, "99") == await ask(http, platform)

    valkey.kill()
    assert (200, "98") == await ask(http, platform)
    clock.advance(2)  # An answer about readiness is good for a second.
    status, said = await ready(http, platform)
    assert 503 == status
    assert "does not answer" in said
