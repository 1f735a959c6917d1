"""Every protocol reaches every upstream: the same story through each pair, over real HTTP on both sides."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.upstreams import ScriptedUpstream, catalogue, chat_events, listening, messages_events, stream
from tokenmill.testing import TestPlatform

CHAT_UP = chat_events(
    {"reasoning_content": "Let me "},
    {"reasoning_content": "think."},
    {"content": "Looking"},
    {"content": " it up."},
    {
        "tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
        ]
    },
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"at": '}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '"你好"}'}}]},
    finish="tool_calls",
)
MESSAGES_UP = messages_events(
    (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Let me "},
            {"type": "thinking_delta", "thinking": "think."},
            {"type": "signature_delta", "signature": "up-signature=="},
        ],
    ),
    ({"type": "text", "text": ""}, [{"type": "text_delta", "text": t} for t in ("Looking", " it up.")]),
    (
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
        [{"type": "input_json_delta", "partial_json": part} for part in ('{"at": ', '"你好"}')],
    ),
    stop="tool_use",
)
UPSTREAMS = {"openai": ("/v1", CHAT_UP), "anthropic": ("", MESSAGES_UP)}

LOOK: dict[str, Any] = {"type": "object", "properties": {"at": {"type": "string"}}}
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "/v1/chat/completions",
        {
            "messages": [{"role": "user", "content": "Look!"}],
            "tools": [{"type": "function", "function": {"name": "look", "parameters": LOOK}}],
        },
    ),
    "messages": (
        "/anthropic/v1/messages?beta=true",
        {
            "messages": [{"role": "user", "content": "Look!"}],
            "max_tokens": 1000,
            "tools": [{"name": "look", "input_schema": LOOK}],
        },
    ),
    "responses": (
        "/v1/responses",
        {
            "input": "Look!",
            "include": ["reasoning.encrypted_content"],
            "tools": [{"type": "function", "name": "look", "parameters": LOOK}],
        },
    ),
}
PAIRS = [(caller, upstream) for caller in ASKS for upstream in UPSTREAMS]
Story = tuple[TestPlatform, ScriptedUpstream, str]


@pytest.fixture(params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
async def pair(request: pytest.FixtureRequest, platform_with: Opener) -> AsyncIterator[Story]:
    """A platform before an upstream of one kind, and the protocol in which it is to be asked."""
    caller, engine = request.param
    path, events = UPSTREAMS[engine]
    async with listening(ScriptedUpstream(stream(*events))) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", engine, upstream.url + path)))
        yield platform, upstream, caller


async def ask(
    http: aiohttp.ClientSession, platform: TestPlatform, caller: str, **members: Any
) -> tuple[aiohttp.ClientResponse, bytes]:
    path, body = ASKS[caller]
    async with http.post(
        platform.url + path,
        json={"model": "mimo-v2.5-pro", **body, **members},
        headers={"x-api-key": platform.key},
    ) as reply:
        return reply, await reply.read()


async def test_a_whole_reply_says_all_that_the_upstream_said(
    pair: Story, http: aiohttp.ClientSession
) -> None:
    """Thoughts, words, call and counts, whatever the upstream speaks."""
    platform, upstream, caller = pair
    reply, body = await ask(http, platform, caller)
    said = json.loads(body)

    assert reply.status == 200, body
    assert TOLD[caller](said) == ("Let me think.", "Looking it up.", "look", {"at": "你好"})
    assert said["model"] == "mimo-v2.5-pro"
    assert b"up-model" not in body
    assert b"up-signature" not in body
    assert upstream.asked[0]["stream"] is True
    assert upstream.asked[0]["model"] == "up-model"
    (row,) = await usage_rows(platform)
    counted = {"chat": ("prompt_tokens", "completion_tokens")}.get(caller, ("input_tokens", "output_tokens"))
    assert said["usage"][counted[1]] == row.output == 9
    assert (row.input_fresh + row.input_cached, row.quality) in ((21, "reported"), (25, "reported"))


async def test_a_stream_says_the_same_as_the_whole_reply(pair: Story, http: aiohttp.ClientSession) -> None:
    """To the byte of every text."""
    platform, _, caller = pair
    reply, body = await ask(http, platform, caller, stream=True)

    assert reply.status == 200
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(data) for data in re.findall(rb"^data: (\{.*)$", body, re.M)]
    assert STREAMED[caller](events) == ("Let me think.", "Looking it up.", "look", {"at": "你好"})
    assert b"up-model" not in body
    assert b"up-signature" not in body
    assert (body.count(b"[DONE]"), body.count(b"message_stop")) in ((1, 0), (0, 2), (0, 0))


async def test_reasoning_goes_back_to_where_it_came_from(pair: Story, http: aiohttp.ClientSession) -> None:
    """Turn two: the upstream gets its own words and its own signature, byte for byte."""
    platform, upstream, caller = pair
    _, body = await ask(http, platform, caller)
    await ask(http, platform, caller, **BACK[caller](json.loads(body)))

    sent = upstream.asked[1]["messages"]
    if "tool_calls" in sent[1]:
        assert sent[1]["reasoning_content"] == "Let me think."
    else:  # Chat has no place for a signature, which the platform has remembered.
        thought = sent[1]["content"][0]
        assert thought == {"type": "thinking", "thinking": "Let me think.", "signature": "up-signature=="}


def chat_told(said: dict[str, Any]) -> tuple[str, str, str, Any]:
    message = said["choices"][0]["message"]
    assert said["choices"][0]["finish_reason"] == "tool_calls"
    call = message["tool_calls"][0]["function"]
    return message["reasoning_content"], message["content"], call["name"], json.loads(call["arguments"])


def messages_told(said: dict[str, Any]) -> tuple[str, str, str, Any]:
    thinking, text, call = said["content"]
    assert said["stop_reason"] == "tool_use"
    assert thinking["signature"].startswith("tm1.")
    return thinking["thinking"], text["text"], call["name"], call["input"]


def responses_told(said: dict[str, Any]) -> tuple[str, str, str, Any]:
    thought, message, call = said["output"]
    assert said["status"] == "completed"
    assert thought["encrypted_content"].startswith("tm1.")
    words, thoughts = message["content"][0]["text"], thought["content"][0]["text"]
    return thoughts, words, call["name"], json.loads(call["arguments"])


def chat_streamed(events: list[dict[str, Any]]) -> tuple[str, str, str, Any]:
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    assert events[-1]["usage"]["completion_tokens"] == 9
    return (
        "".join(delta.get("reasoning_content") or "" for delta in deltas),
        "".join(delta.get("content") or "" for delta in deltas),
        calls[0]["name"],
        json.loads("".join(call["arguments"] for call in calls)),
    )


def messages_streamed(events: list[dict[str, Any]]) -> tuple[str, str, str, Any]:
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    starts = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [start["type"] for start in starts] == ["thinking", "text", "tool_use"]
    assert events[0]["message"]["usage"]["input_tokens"] > 0
    assert events[-2]["usage"]["output_tokens"] == 9

    def joined(kind: str) -> str:
        return "".join(delta.get(kind, "") for delta in deltas)

    assert joined("signature").startswith("tm1.")
    return joined("thinking"), joined("text"), starts[2]["name"], json.loads(joined("partial_json"))


def responses_streamed(events: list[dict[str, Any]]) -> tuple[str, str, str, Any]:
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return responses_told(events[-1]["response"])


def chat_back(said: dict[str, Any]) -> dict[str, Any]:
    result = {
        "role": "tool",
        "tool_call_id": said["choices"][0]["message"]["tool_calls"][0]["id"],
        "content": "ok",
    }
    return {"messages": [*ASKS["chat"][1]["messages"], said["choices"][0]["message"], result]}


def messages_back(said: dict[str, Any]) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": said["content"][2]["id"], "content": "ok"}
    return {
        "thinking": {"type": "adaptive"},
        "messages": [
            *ASKS["messages"][1]["messages"],
            {"role": "assistant", "content": said["content"]},
            {"role": "user", "content": [result]},
        ],
    }


def responses_back(said: dict[str, Any]) -> dict[str, Any]:
    result = {"type": "function_call_output", "call_id": said["output"][2]["call_id"], "output": "ok"}
    return {"input": [{"role": "user", "content": "Look!"}, *said["output"], result], "store": False}


TOLD = {"chat": chat_told, "messages": messages_told, "responses": responses_told}
STREAMED = {"chat": chat_streamed, "messages": messages_streamed, "responses": responses_streamed}
BACK = {"chat": chat_back, "messages": messages_back, "responses": responses_back}
