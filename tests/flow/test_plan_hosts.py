"""Host names of the Token Plan's own: which keys are good where, and what callers are told."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener
from tokenmill.accounts.key_check import BASES
from tokenmill.kit.secrets import new_key
from tokenmill.testing import ScriptedEngine, TestPlatform

HOSTS = '["Plan.Example.com", "bücher.example"]'
PUBLIC = "https://api.example.com:8443"


@pytest.fixture
async def platform(platform_with: Opener) -> TestPlatform:
    return await platform_with(
        ScriptedEngine([]),
        environ={"TOKENMILL__TOKEN_PLAN__HOSTS": HOSTS, "TOKENMILL__SERVER__PUBLIC_URL": PUBLIC},
    )


async def refusal(
    http: aiohttp.ClientSession, platform: TestPlatform, host: str, path: str, kind: str
) -> tuple[int, str]:
    """What a stranger's key is told: that it is unknown where its kind is good, else where that is."""
    headers = {"host": host, "x-api-key": new_key("tp" if kind == "tp" else "sk")}
    async with http.get(platform.url + path, headers=headers) as answer:
        error: dict[str, Any] = (await answer.json())["error"]
        return answer.status, error["message"]


@pytest.mark.parametrize(
    "host",
    [
        *("plan.example.com", "PLAN.example.COM", "plan.example.com:8443"),
        *("plan.example.com.", "plan.example.com:", "xn--bcher-kva.example"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/anthropic/v1/models"])
async def test_a_host_of_its_own_takes_plan_keys_without_the_prefix(
    platform: TestPlatform, http: aiohttp.ClientSession, host: str, path: str
) -> None:
    """However the host is written; pay-as-you-go keys are told where they are good."""
    assert (401, True) == _known(await refusal(http, platform, host, path, "tp"))
    status, message = await refusal(http, platform, host, path, "sk")
    assert 401 == status
    assert f": {PUBLIC}/v1 (OpenAI) and {PUBLIC}/anthropic (Anthropic)." in message


@pytest.mark.parametrize("host", ["plan.example.com", "api.example.com", "192.0.2.1:80", "[::1]:80", "other"])
@pytest.mark.parametrize("path", ["/token-plan/v1/models", "/token-plan/anthropic/v1/models"])
async def test_the_prefix_works_on_every_host(
    platform: TestPlatform, http: aiohttp.ClientSession, host: str, path: str
) -> None:
    assert (401, True) == _known(await refusal(http, platform, host, path, "tp"))


@pytest.mark.parametrize(
    "host", ["api.example.com", "plan.example.com.evil.example", "xplan.example.com", "plan_example.com"]
)
async def test_a_host_that_nobody_named_is_the_main_platform(
    platform: TestPlatform, http: aiohttp.ClientSession, host: str
) -> None:
    assert (401, True) == _known(await refusal(http, platform, host, "/v1/models", "sk"))
    status, message = await refusal(http, platform, host, "/v1/models", "tp")
    assert 401 == status
    plan = "https://plan.example.com:8443"
    assert f": {plan}/v1 (OpenAI) and {plan}/anthropic (Anthropic)." in message


async def test_the_path_alone_decides_behind_the_host(
    platform: TestPlatform, http: aiohttp.ClientSession
) -> None:
    """What the console, or nothing at all, answers elsewhere is answered here too."""
    headers = {"host": "plan.example.com"}
    for path, status in (("/healthz", 200), ("/v2/models", 404), ("/v1", 404)):
        async with http.get(platform.url + path, headers=headers) as answer:
            assert status == answer.status, path


@pytest.mark.parametrize(
    "hosts",
    [
        b"Host: plan.example.com/x",
        b"Host: user@plan.example.com",
        b"Host: plan.example.com, other",
        b"Host: plan.example.com:port",
        b"Host: b\xc3\xbccher.example",
        b"Host: plan.example.com\r\nHost: api.example.com",
        b"Host:",
        b"X: y",
    ],
)
@pytest.mark.parametrize(
    ("path", "marks"), [(b"/v1/models", b'"param":'), (b"/anthropic/v1/models", b'"type":"error"')]
)
async def test_a_malformed_host_is_refused_in_the_callers_dialect(
    platform: TestPlatform, hosts: bytes, path: bytes, marks: bytes
) -> None:
    answer = await raw(platform, b"GET %b HTTP/1.1\r\n%b\r\nConnection: close\r\n\r\n" % (path, hosts))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Host header" in answer
    assert marks in answer


async def test_a_caller_of_old_need_not_name_a_host(platform: TestPlatform) -> None:
    """HTTP/1.0 has no such duty, and probes of balancers speak it."""
    assert (await raw(platform, b"GET /healthz HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_without_hosts_the_prefix_is_named(platform_with: Opener, http: aiohttp.ClientSession) -> None:
    plain = await platform_with(ScriptedEngine([]))
    _, message = await refusal(http, plain, "plan.example.com", "/v1/models", "tp")
    assert f"http://127.0.0.1:8080{BASES['tp']}/v1 (OpenAI)" in message


def _known(answer: tuple[int, str]) -> tuple[int, bool]:
    """Was the key of the right kind? Then it is only not known."""
    return answer[0], "is not known here" in answer[1]


async def raw(platform: TestPlatform, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(platform.url.rsplit(":", 1)[1]))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer
