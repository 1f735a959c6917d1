"""Values that no database can keep are the caller's fault, on both databases."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.flow.admin_client import API, browser
from tests.flow.conftest import Opener
from tests.flow.test_chat import ASK, HELLO
from tokenmill.testing import OPERATOR, ScriptedEngine, TestPlatform

READS = [
    "/keys/%00",
    "/exchanges/a%00b",
    "/exchanges?model=a%00b",
    "/exchanges?cursor=WyJcdTAwMDAiXQ",  # ["\u0000"]
    "/exchanges?cursor=WyJcdWQ4MDAiXQ",  # ["\ud800"]
    "/usage/series?until=0001-01-01T00:00:00Z",
    "/usage/series?until=9999-12-31T23:59:59Z",
    "/wallet/statement?cursor=9999999999999999999.1",
    "/wallet/statement?cursor=1.9999999999999999999",
    "/operator/accounts?q=%00",
]
WRITES: list[tuple[str, Any]] = [
    ("/keys", {"name": "a\0b"}),
    ("/keys", {"name": "a", "cap": "1e999999"}),
    ("/session", {"email": "a\0@example.com", "password": "x"}),
    ("/wallet/redeem", {"code": "\0"}),
]


@pytest.fixture
async def platform(database_url: str, platform_with: Opener) -> TestPlatform:
    return await platform_with(ScriptedEngine(HELLO), database_url=database_url, operator=True)


async def test_the_admin_api_refuses_what_cannot_be_kept_or_looked_for(platform: TestPlatform) -> None:
    """With 400, not with an error of its own."""
    async with browser(platform, OPERATOR) as one:
        await one.confirm()
        for path in READS:
            url = URL(f"{platform.url}{API}{path}", encoded=True)
            async with one.http.get(url) as reply:
                assert (reply.status, (await reply.json())["error"]["code"]) == (400, "bad_value"), path
        for path, body in WRITES:
            assert await one.refused("POST", path, body) == (400, "bad_value"), (path, body)
        made = await one.do("POST", "/keys", {"name": r"a\u0000b"})
        assert made["key"]["name"] == r"a\u0000b"  # Six characters, which are like any others.


async def test_the_model_api_refuses_ids_that_cannot_be_looked_for(
    platform: TestPlatform, http: aiohttp.ClientSession
) -> None:
    headers = {"authorization": f"Bearer {platform.key}"}
    body = {"model": ASK["model"], "input": "Hello", "previous_response_id": "resp_\0"}
    async with http.post(f"{platform.url}/v1/responses", json=body, headers=headers) as reply:
        assert 400 <= reply.status < 500
    for path in ("/v1/responses/resp_%00", "/v1/usage/%00"):
        async with http.get(URL(platform.url + path, encoded=True), headers=headers) as reply:
            assert 400 <= reply.status < 500, path


async def test_a_retry_count_of_any_length_is_a_retry(
    platform: TestPlatform, http: aiohttp.ClientSession
) -> None:
    """Python reads no number of more than 4,300 digits."""
    headers = {"authorization": f"Bearer {platform.key}", "x-stainless-retry-count": "9" * 5_000}
    url = f"{platform.url}/v1/chat/completions"
    async with http.post(url, json=ASK, headers=headers) as reply:
        assert reply.status == 200
