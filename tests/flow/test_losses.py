"""What does not fit between two protocols is turned, recorded, or refused under the caller's own name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.upstreams import ScriptedUpstream, catalogue, chat_events, listening, messages_events, stream
from tokenmill.testing import TestPlatform

PATCH = '*** Begin Patch\n"é" \\ 😀'
ARGUMENTS = json.dumps({"input": PATCH})
PIECES = [ARGUMENTS[i : i + 5] for i in range(0, len(ARGUMENTS), 5)]
CALLED = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "apply_patch", "arguments": ""},
}
CHAT_CALL = chat_events(
    {"tool_calls": [CALLED]},
    *({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in PIECES),
    finish="stop",
)
MESSAGES_CALL = messages_events(
    (
        {"type": "tool_use", "id": "toolu_1", "name": "apply_patch", "input": {}},
        [{"type": "input_json_delta", "partial_json": piece} for piece in PIECES],
    ),
    stop="tool_use",
)
UPSTREAMS = {"openai": ("/v1", CHAT_CALL), "anthropic": ("", MESSAGES_CALL)}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
TOOLS = {
    "/v1/responses": {"type": "custom", "name": "apply_patch", "format": GRAMMAR},
    "/v1/chat/completions": {
        "type": "custom",
        "custom": {"name": "apply_patch", "format": {"type": "grammar", "grammar": GRAMMAR}},
    },
}
ASKED: dict[str, dict[str, Any]] = {
    "/v1/responses": {"input": "Patch"},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Patch"}]},
    "/anthropic/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4000},
}


@pytest.fixture
def behind(platform_with: Opener) -> Callable[..., Any]:
    """Opens a platform before an upstream of one kind that answers with some events."""

    @asynccontextmanager
    async def opened(
        engine: str, events: list[bytes]
    ) -> AsyncIterator[tuple[TestPlatform, ScriptedUpstream]]:
        path, _ = UPSTREAMS[engine]
        async with listening(ScriptedUpstream(stream(*events))) as upstream:
            yield (
                await platform_with(None, catalogue=catalogue(("up", engine, upstream.url + path))),
                upstream,
            )

    return opened


async def ask(
    http: aiohttp.ClientSession, platform: TestPlatform, path: str, **members: Any
) -> tuple[int, bytes]:
    body = {"model": "mimo-v2.5-pro", **ASKED[path], **members}
    async with http.post(platform.url + path, json=body, headers={"x-api-key": platform.key}) as reply:
        return reply.status, await reply.read()


def data_of(body: bytes) -> list[dict[str, Any]]:
    lines = (line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: {"))
    return [json.loads(line) for line in lines]


async def drops_of(platform: TestPlatform) -> list[str]:
    (row,) = await usage_rows(platform)
    return [drop["field"] for drop in json.loads(row.drops)]


@pytest.mark.parametrize("engine", UPSTREAMS)
@pytest.mark.parametrize("path", TOOLS)
async def test_a_tool_of_free_text_is_called_with_free_text(
    behind: Callable[..., Any], http: aiohttp.ClientSession, engine: str, path: str
) -> None:
    """The upstream knows functions only, and answers with JSON; the caller never sees any of it."""
    async with behind(engine, UPSTREAMS[engine][1]) as (platform, upstream):
        status, body = await ask(http, platform, path, tools=[TOOLS[path]])
        said = json.loads(body)
        assert status == 200, body
        if path == "/v1/responses":
            call = said["output"][-1]
            assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "apply_patch", PATCH)
        else:
            call = said["choices"][0]["message"]["tool_calls"][0]
            assert call["custom"] == {"name": "apply_patch", "input": PATCH}
            assert said["choices"][0]["finish_reason"] == "tool_calls"
        tool = upstream.asked[0]["tools"][0]
        assert "start: X" in (tool.get("function") or tool)["description"]
        where = "tools[0].format" if path == "/v1/responses" else "tools[0].custom.format"
        assert where in await drops_of(platform)


@pytest.mark.parametrize("engine", UPSTREAMS)
async def test_free_text_is_streamed_piece_by_piece(
    behind: Callable[..., Any], http: aiohttp.ClientSession, engine: str
) -> None:
    async with behind(engine, UPSTREAMS[engine][1]) as (platform, _):
        for path, tool in TOOLS.items():
            _, body = await ask(http, platform, path, tools=[tool], stream=True)
            if path == "/v1/responses":
                pieces = [
                    e["delta"] for e in data_of(body) if e["type"] == "response.custom_tool_call_input.delta"
                ]
            else:
                calls = [
                    c for e in data_of(body) for d in e["choices"] for c in d["delta"].get("tool_calls", ())
                ]
                pieces = [call["custom"]["input"] for call in calls]
                assert data_of(body)[-2]["choices"][0]["finish_reason"] == "tool_calls"
            assert "".join(pieces) == PATCH
            assert len([piece for piece in pieces if piece]) > 1


Block = tuple[dict[str, Any], list[dict[str, Any]]]
SIGNED: Block = (
    {"type": "thinking", "thinking": "", "signature": ""},
    [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "S"}],
)
QUOTE = {"type": "page_location", "cited_text": "x", "document_index": 0, "start_page_number": 1}
QUOTED: Block = (
    {"type": "text", "text": ""},
    [{"type": "citations_delta", "citation": QUOTE}, {"type": "text_delta", "text": "x"}],
)
RAN: Block = ({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_fetch", "input": {}}, [])


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("path", "lost"),
    [
        (
            "/v1/chat/completions",
            {"message.reasoning_content.signature", "message.annotations", "message.tool_calls"},
        ),
        ("/v1/responses", {"output_text.annotations", "output"}),
        ("/anthropic/v1/messages", set()),
    ],
)
async def test_what_of_a_reply_has_no_place_on_the_callers_wire_is_on_the_record(
    behind: Callable[..., Any], http: aiohttp.ClientSession, path: str, lost: set[str], streamed: bool
) -> None:
    async with behind("anthropic", messages_events(SIGNED, RAN, QUOTED)) as (platform, _):
        status, body = await ask(http, platform, path, stream=streamed)
        assert status == 200, body
        assert set(await drops_of(platform)) == lost


async def test_a_refusal_names_the_item_as_its_caller_counts(
    behind: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    items = [{"role": "user", "content": "Hi"}, {"type": "local_shell_call", "id": "x"}]
    async with behind("openai", CHAT_CALL) as (platform, _):
        status, body = await ask(http, platform, "/v1/responses", instructions="s", input=items)
        error = json.loads(body)["error"]
        assert status == 400
        assert error["param"] == "input[1]"
        assert error["message"].startswith("input[1]: ")


async def test_a_tool_that_only_its_vendor_runs_does_not_keep_a_request_from_its_answer(
    behind: Callable[..., Any], http: aiohttp.ClientSession
) -> None:
    async with behind("openai", CHAT_CALL) as (platform, upstream):
        status, _ = await ask(http, platform, "/v1/responses", tools=[{"type": "image_generation"}])
        assert status == 200
        assert "tools" not in upstream.asked[0]
        assert await drops_of(platform) == ["tools[0]"]
        choice = {"type": "image_generation"}
        status, body = await ask(
            http, platform, "/v1/responses", tools=[{"type": "image_generation"}], tool_choice=choice
        )
        assert (status, json.loads(body)["error"]["param"]) == (400, "tool_choice")


UNCOUNTED = [
    event.replace(b'"input_tokens": 21', b'"input_tokens": 0').replace(
        b'"cache_read_input_tokens": 4', b'"cache_read_input_tokens": 0'
    )
    for event in messages_events(QUOTED)
]


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_prompt_that_the_upstream_never_counts_is_counted_the_same_for_caller_and_record(
    behind: Callable[..., Any], http: aiohttp.ClientSession, streamed: bool
) -> None:
    async with behind("anthropic", UNCOUNTED) as (platform, _):
        _, body = await ask(http, platform, "/anthropic/v1/messages", stream=streamed)
        told = data_of(body)[-2] if streamed else json.loads(body)
        (row,) = await usage_rows(platform)
        assert told["usage"]["input_tokens"] == row.input_fresh > 0
        assert told["usage"]["output_tokens"] == row.output
