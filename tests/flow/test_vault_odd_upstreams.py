"""The vault with upstreams that stop at nothing: the same id twice, calls by the hundred, huge signatures."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.forgetful import Agent, DemandingUpstream, Rewrite, Wire, thought, without_reasoning
from tests.flow.test_vault import WIRES, all_back, demanding
from tests.flow.upstreams import chat_events, listening


class Repeating(DemandingUpstream):
    """Gives all the calls of a turn, which are as many as there are paths, one id."""

    def __init__(self, *paths: str) -> None:
        super().__init__("openai")
        self._paths = paths

    def _events(self, number: int) -> list[bytes]:
        calls = [
            {
                "index": at,
                "id": "call_0",
                "type": "function",
                "function": {"name": "read", "arguments": json.dumps({"path": path})},
            }
            for at, path in enumerate(self._paths)
        ]
        tools = [{"tool_calls": [call]} for call in calls]
        return chat_events({"reasoning_content": thought(number)}, *tools, finish="tool_calls")


@pytest.mark.parametrize("paths", [("a", "b", "a"), tuple(map(str, range(300)))], ids=["three", "many"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_turn_whose_calls_share_an_id(
    paths: tuple[str, ...], wire: Wire, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """In every turn, equal calls among them; each turn gets its own reasoning, and every call its result."""
    async with listening(Repeating(*paths)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, wire, without_reasoning)
        for _ in range(4):
            await agent.turn()

    assert upstream.back == all_back(4)
    assert {row.status for row in await usage_rows(platform)} == {"answered"}
    results = [message for message in upstream.asked[-1]["messages"] if message["role"] == "tool"]
    assert len(results) == 3 * len(paths)


@pytest.mark.parametrize("rewrite", [without_reasoning, lambda said: said], ids=["dropped", "kept"])
async def test_signatures_of_a_million_characters(
    rewrite: Rewrite, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """They go back to their issuer byte for byte."""
    signature = "s+/" * 350_000
    async with listening(DemandingUpstream("anthropic", signature=signature)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream, reasoning_back='"accepted"'))
        agent = Agent(http, platform.url, platform.key, "chat", rewrite)
        for _ in range(3):
            await agent.turn()

    said = [
        message["content"] for message in upstream.asked[-1]["messages"] if message["role"] == "assistant"
    ]
    thoughts = [block for content in said for block in content if block["type"] == "thinking"]
    assert [block["thinking"] for block in thoughts] == [thought(0), thought(1)]
    assert [block["signature"] == f"{signature}{at}" for at, block in enumerate(thoughts)] == [True, True]
