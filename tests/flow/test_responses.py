"""A stored response's life, told over HTTP with a scripted engine."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener
from tests.flow.test_chat import HELLO, START
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Stop,
    TextDelta,
)
from tokenmill.conversation.parts import Reasoning, Text, ToolCall, ToolResult
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import read_secret
from tokenmill.testing import NO_PASSWORD, ScriptedEngine, TestPlatform

CALL: list[Event] = [
    START,
    PartOpened(0, Reasoning()),
    TextDelta(0, "I have to look."),
    PartClosed(0),
    PartOpened(1, ToolCall("call_1", "look")),
    ArgumentsDelta(1, "{}"),
    PartClosed(1),
    Finished(Stop.TOOL),
]


async def send(
    http: aiohttp.ClientSession,
    platform: TestPlatform,
    method: str,
    path: str,
    body: Any = None,
    key: str | None = None,
    **headers: str,
) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key or platform.key}", **headers}
    async with http.request(
        method, f"{platform.url}/v1/responses{path}", json=body, headers=headers
    ) as reply:
        text = await reply.text()
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text


async def create(http: aiohttp.ClientSession, platform: TestPlatform, **members: Any) -> Any:
    status, said = await send(
        http, platform, "POST", "", {"model": "mimo-v2.5-pro", "input": "Hi", **members}
    )
    assert status == 200, said
    return said


async def stranger_key(platform: TestPlatform) -> str:
    secret = read_secret(platform.settings.security.secret, {})
    async with platform.database.write() as work:
        account = await create_account(
            work, SystemClock(), email="other@example.com", password_hash=NO_PASSWORD
        )
        key, _ = await create_key(work, SystemClock(), secret, account_id=account.id, name="other")
    return key


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on_from_a_stored_response(
    platform_with: Opener, http: aiohttp.ClientSession, stream: bool
) -> None:
    """The model sees all that was said, thoughts included, though the caller sends only what is new."""
    engine = ScriptedEngine(CALL, HELLO)
    platform = await platform_with(engine)
    tool = {"type": "function", "name": "look", "parameters": {}}
    said = await create(http, platform, tools=[tool], stream=stream, instructions="Be brief.")
    first = json.loads(said.rsplit("data: ", 1)[1])["response"] if stream else said
    assert first["store"] is True

    result = {"type": "function_call_output", "call_id": "call_1", "output": "nothing there"}
    second = await create(http, platform, previous_response_id=first["id"], input=[result], tools=[tool])

    assert second["previous_response_id"] == first["id"]
    turns = engine.asked[1][0].turns
    assert [turn.role for turn in turns] == ["user", "assistant", "tool"]  # Instructions are not taken over.
    assert turns[0].parts == (Text("Hi"),)
    assert turns[1].parts == (Reasoning("I have to look."), ToolCall("call_1", "look", "{}"))
    assert isinstance(turns[2].parts[0], ToolResult)

    status, again = await send(http, platform, "GET", f"/{second['id']}")
    assert (status, again) == (200, second)
    _, page = await send(http, platform, "GET", f"/{second['id']}/input_items?order=asc")
    assert [item["type"] for item in page["data"]] == [
        "message", "reasoning", "function_call", "function_call_output"
    ]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
async def test_items_of_a_stored_response_can_be_referred_to_by_their_ids(
    platform_with: Opener, http: aiohttp.ClientSession, stream: bool
) -> None:
    """SDKs that store send an id for what the model said; the model sees all of it, thoughts included."""
    engine = ScriptedEngine(CALL, HELLO)
    platform = await platform_with(engine)
    said = await create(http, platform, stream=stream)
    first = json.loads(said.rsplit("data: ", 1)[1])["response"] if stream else said
    going_on = [
        {"role": "user", "content": "Hi"},
        *({"type": "item_reference", "id": item["id"]} for item in first["output"]),
        {"type": "function_call_output", "call_id": "call_1", "output": "nothing there"},
    ]
    second = await create(http, platform, input=going_on)

    assert engine.asked[1][0].turns[1].parts == (
        Reasoning("I have to look."),
        ToolCall("call_1", "look", "{}"),
    )
    _, page = await send(http, platform, "GET", f"/{second['id']}/input_items?order=asc")
    assert [item["type"] for item in page["data"]] == [
        "message", "reasoning", "function_call", "function_call_output"
    ]  # fmt: skip

    body = {"model": "mimo-v2.5-pro", "input": going_on}
    for key, answer in ((await stranger_key(platform), going_on), (None, [{**going_on[1], "id": "msg_x_0"}])):
        status, refusal = await send(http, platform, "POST", "", {**body, "input": answer}, key=key)
        field = "input[1].id" if key else "input[0].id"
        assert (status, refusal["error"]["param"]) == (404, field)


async def test_nobody_but_its_owner_finds_a_response(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Another account meets the same answer as for an id that never was."""
    platform = await platform_with(ScriptedEngine(HELLO))
    response_id = (await create(http, platform))["id"]
    other = await stranger_key(platform)

    missing = "resp_" + "0" * 24
    for method, path in (("GET", ""), ("GET", "/input_items"), ("DELETE", ""), ("POST", "/cancel")):
        strange = await send(http, platform, method, f"/{response_id}{path}", key=other)
        unknown = await send(http, platform, method, f"/{missing}{path}", key=other)
        assert strange[0] == unknown[0] == 404
        for answer, id_ in ((strange, response_id), (unknown, missing)):
            answer[1]["error"].pop("request_id")
            answer[1]["error"]["message"] = answer[1]["error"]["message"].replace(id_, "ID")
        assert strange[1] == unknown[1]
    going_on = {"model": "mimo-v2.5-pro", "input": "and?", "previous_response_id": response_id}
    status, said = await send(http, platform, "POST", "", going_on, key=other)
    assert (status, said["error"]["param"]) == (404, "previous_response_id")
    assert (await send(http, platform, "GET", f"/{response_id}"))[0] == 200


async def test_what_is_not_to_be_stored_or_was_deleted_is_not_there(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """`store: false`, DELETE, and a reply that failed."""
    broken = [*HELLO[:3], Failed(Fault(Code.UPSTREAM_BROKE, "gone"))]
    platform = await platform_with(ScriptedEngine(HELLO, HELLO, broken))
    unstored = (await create(http, platform, store=False))["id"]
    stored = (await create(http, platform))["id"]
    failed = await create(http, platform, stream=True)
    failed_id = json.loads(failed.rsplit("data: ", 1)[1])["response"]["id"]

    assert (await send(http, platform, "GET", f"/{unstored}"))[0] == 404
    assert (await send(http, platform, "GET", f"/{failed_id}"))[0] == 404
    status, said = await send(http, platform, "DELETE", f"/{stored}")
    assert (status, said) == (200, {"id": stored, "object": "response", "deleted": True})
    assert (await send(http, platform, "GET", f"/{stored}"))[0] == 404


async def test_a_websocket_is_refused_in_words_that_lead_on(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """426 tells clients that try it first to go on over HTTP; a plain GET is simply the wrong method."""
    platform = await platform_with(ScriptedEngine(HELLO))
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
               "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip

    status, said = await send(http, platform, "GET", "", **upgrade)
    assert status == 426
    assert "POST /v1/responses" in said["error"]["message"]
    assert (await send(http, platform, "GET", ""))[0] == 405


async def test_reasoning_travels_sealed_with_a_caller_who_stores_nothing(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """`store: false` with `reasoning.encrypted_content`: what comes back is opened, also without its text."""
    engine = ScriptedEngine(CALL, HELLO)
    platform = await platform_with(engine)
    stateless = {"store": False, "include": ["reasoning.encrypted_content"], "tools": [
        {"type": "function", "name": "look", "parameters": {}}]}  # fmt: skip
    first = await create(http, platform, **stateless)
    thought, call = first["output"]
    assert "I have to look" not in thought["encrypted_content"]
    bare = {
        "type": "reasoning",
        "id": thought["id"],
        "summary": [],
        "encrypted_content": thought["encrypted_content"],
    }
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "x"}

    await create(http, platform, input=[{"role": "user", "content": "Hi"}, bare, call, result], **stateless)
    assert engine.asked[1][0].turns[1].parts[0] == Reasoning("I have to look.")

    foreign = {**bare, "encrypted_content": "gAAAAABo-somebody-elses"}
    other = {**call, "call_id": "call_9"}  # One that is not remembered here either.
    result = {**result, "call_id": "call_9"}
    await create(
        http, platform, input=[{"role": "user", "content": "Hi"}, foreign, other, result], **stateless
    )
    assert engine.asked[2][0].turns[1].parts == (ToolCall("call_9", "look", "{}"),)


async def test_input_tokens_are_counted_and_say_how(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The estimate is told apart from the target's own count by a header."""
    platform = await platform_with(ScriptedEngine(HELLO, counts=42))
    asked = {"model": "mimo-v2.5-pro", "input": "Hi"}
    assert await send(http, platform, "POST", "/input_tokens", asked) == (
        200, {"object": "response.input_tokens", "input_tokens": 42}
    )  # fmt: skip
