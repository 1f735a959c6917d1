"""Every path tells of its faults in the dialect of its callers."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener
from tests.flow.test_chat import HELLO
from tokenmill.testing import ScriptedEngine

OPENAI = ("/v1/chat/completions", "/v1/responses", "/token-plan/v1/chat/completions")
ANTHROPIC = (
    "/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens", "/token-plan/anthropic/v1/messages"
)  # fmt: skip


def is_openai(said: Any) -> bool:
    error = said["error"]
    return {"message", "type", "param", "code"} <= set(error) and "type" not in said


def is_anthropic(said: Any) -> bool:
    return said["type"] == "error" and set(said["error"]) == {"type", "message"} and said["request_id"]


@pytest.mark.parametrize(
    ("path", "shape"), [(p, is_openai) for p in OPENAI] + [(p, is_anthropic) for p in ANTHROPIC]
)
async def test_faults_on_every_path(
    platform_with: Opener, http: aiohttp.ClientSession, path: str, shape: Any
) -> None:
    """No key, no JSON, wrong method, too large, nothing there: the shape and the ids are the dialect's."""
    platform = await platform_with(ScriptedEngine(HELLO))
    key = {"x-api-key": platform.key}
    plan = path.startswith("/token-plan")
    cases: list[tuple[str, str, bytes, dict[str, str], int]] = [
        ("POST", path, b"{}", {}, 401),
        ("POST", path, b"{}", {"x-api-key": "sk-nonsense"}, 401),
        ("PUT", path, b"", key, 405),
        ("POST", path + "/nothing/at/all", b"", key, 404),
        ("POST", path, b"{", key, 401 if plan else 400),
        (
            "POST",
            path,
            json.dumps({"model": "nope", "messages": [], "input": "x"}).encode(),
            key,
            401 if plan else 0,
        ),
    ]
    for method, at, body, headers, status in cases:
        async with http.request(method, platform.url + at, data=body, headers=headers) as reply:
            said = await reply.json()
            assert shape(said), said
            assert reply.status == status or (status == 0 and reply.status in (400, 404))
            names = ("request-id", "x-request-id") if shape is is_anthropic else ("x-request-id",)
            for name in names:
                assert reply.headers[name].startswith("req_")
            assert "None" not in json.dumps(said)
            if reply.status == 401:
                assert reply.headers["x-should-retry"] == "false"


async def test_a_key_of_the_wrong_kind_is_told_the_right_address(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """On the Anthropic side as on the OpenAI side."""
    platform = await platform_with(ScriptedEngine(HELLO))
    async with http.get(
        f"{platform.url}/token-plan/anthropic/v1/models", headers={"x-api-key": platform.key}
    ) as reply:
        assert reply.status == 401
        assert "/anthropic (Anthropic)" in (await reply.json())["error"]["message"]


async def test_a_good_key_counts_beside_a_strange_one(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Tools send a left-over token of another service together with the key they were given."""
    platform = await platform_with(ScriptedEngine(HELLO))
    headers = {"authorization": "Bearer left-over", "x-api-key": platform.key}
    async with http.get(f"{platform.url}/anthropic/v1/models", headers=headers) as reply:
        assert reply.status == 200
        assert [model["id"] for model in (await reply.json())["data"]] == ["mimo-v2.5-pro"]
