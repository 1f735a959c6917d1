"""A chat completion's whole life, told over HTTP with a scripted engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from tests.flow.conftest import Opener, usage_rows
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import Reasoning, Text, ToolCall
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import Usage as UsageRow
from tokenmill.testing import CATALOGUE, ScriptedEngine, TestPlatform

START = Started("up-1", "upstream-name", 1_790_000_000)
USAGE = Usage(input_fresh=10, input_cached=5, output=7, output_reasoning=3)
HELLO: list[Event] = [
    START,
    PartOpened(0, Reasoning()),
    TextDelta(0, "Let me think."),
    PartClosed(0),
    PartOpened(1, Text()),
    TextDelta(1, "你好"),
    TextDelta(1, ", world"),
    PartClosed(1),
    UsageSeen(USAGE),
    Finished(Stop.END),
]
ASK: dict[str, Any] = {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": "Hello"}]}


def sdk(platform: TestPlatform) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=platform.key, max_retries=0)


async def post(
    http: aiohttp.ClientSession, platform: TestPlatform, body: Any, **headers: str
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    headers = headers or {"authorization": f"Bearer {platform.key}"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(f"{platform.url}/v1/chat/completions", data=data, headers=headers) as reply:
        return reply.status, await reply.json(), reply.headers


async def test_a_whole_reply_carries_text_reasoning_and_the_billed_usage(platform_with: Opener) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    async with sdk(platform) as client:
        reply = await client.chat.completions.create(**ASK)

    message = reply.choices[0].message
    assert (message.content, reply.choices[0].finish_reason) == ("你好, world", "stop")
    assert message.model_dump()["reasoning_content"] == "Let me think."
    assert reply.id.startswith("chatcmpl-")
    assert reply.model == "mimo-v2.5-pro"
    assert reply.usage is not None
    (row,) = await usage_rows(platform)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (15, 7)
    assert (row.status, row.http_status, row.quality) == ("answered", 200, "reported")
    assert (row.input_fresh, row.input_cached, row.output, row.output_reasoning) == (10, 5, 7, 3)


async def test_a_stream_says_what_the_whole_reply_says(platform_with: Opener) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    async with sdk(platform) as client:
        stream = await client.chat.completions.create(**ASK, stream=True)
        chunks = [chunk async for chunk in stream]

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "你好, world"
    assert "".join(delta.model_dump().get("reasoning_content") or "" for delta in deltas) == "Let me think."
    last = chunks[-1]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (15, 7, 22)


async def test_tool_calls_come_through_and_the_second_turn_reaches_the_engine(platform_with: Opener) -> None:
    calling: list[Event] = [
        START,
        PartOpened(0, ToolCall("call_1", "get_weather")),
        ArgumentsDelta(0, '{"city":'),
        ArgumentsDelta(0, ' "Beijing"}'),
        PartClosed(0),
        Finished(Stop.TOOL),
    ]
    engine = ScriptedEngine(calling, HELLO)
    platform = await platform_with(engine)
    tools: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    async with sdk(platform) as client:
        first = await client.chat.completions.create(**ASK, tools=tools)
        message = first.choices[0].message
        (call,) = message.tool_calls or []
        assert call.type == "function"
        history: Any = [
            *ASK["messages"],
            message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "22°C"},
        ]
        await client.chat.completions.create(model=ASK["model"], messages=history, tools=tools)

    assert (
        first.choices[0].finish_reason,
        json.loads(call.function.arguments),
    ) == ("tool_calls", {"city": "Beijing"})
    request, route = engine.asked[1]
    assert [turn.role for turn in request.turns] == ["user", "assistant", "tool"]
    assert route.upstream_model == "upstream-name"


@pytest.mark.parametrize("header", ["authorization", "api-key", "x-api-key"])
async def test_a_key_is_taken_from_each_of_three_headers(
    platform_with: Opener, http: aiohttp.ClientSession, header: str
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    value = f"Bearer {platform.key}" if header == "authorization" else platform.key

    status, _, _ = await post(http, platform, ASK, **{header: value})

    assert status == 200


@pytest.mark.parametrize("key", ["", "sk-short", "sk-" + "A" * 46, "nonsense"])
async def test_no_key_and_bad_keys_get_401_that_no_client_repeats(
    platform_with: Opener, http: aiohttp.ClientSession, key: str
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))

    status, body, headers = await post(http, platform, ASK, **{"api-key": key})

    assert status == 401
    assert headers["x-should-retry"] == "false"
    assert body["error"]["type"] == "invalid_key"
    assert headers["x-request-id"].startswith("req_")
    assert await usage_rows(platform) == []


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        (b"{", 400, None, "JSON"),
        (b"[]", 400, None, "object"),
        ({"messages": ASK["messages"]}, 400, "model", "model"),
        ({"model": "mimo-v2.5-pro", "messages": []}, 400, "messages", "messages"),
        ({**ASK, "temperature": "hot"}, 400, "temperature", "number"),
        ({**ASK, "messages": [{"role": "alien", "content": "x"}]}, 400, "messages[0].role", "alien"),
        ({**ASK, "model": "mimo-v2.5-por"}, 404, "model", "mimo-v2.5-pro"),
    ],
)
async def test_bad_requests_name_the_field_and_what_to_do(
    platform_with: Opener, http: aiohttp.ClientSession, body: Any, status: int, field: str | None, says: str
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))

    seen, reply, _ = await post(http, platform, body)

    assert (status, field) == (seen, reply["error"]["param"])
    assert says in reply["error"]["message"]


async def test_a_body_above_the_limit_is_413_before_it_is_read(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    headers = {"authorization": f"Bearer {platform.key}", "content-length": str(65 * 2**20)}

    reader, writer = await asyncio.open_connection(*_host_and_port(platform))
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = await reader.readline()
    writer.close()

    assert b"413" in status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/api/tags", 404),
        ("GET", "/props", 404),
        ("GET", "/v1/nothing", 404),
    ],
)
async def test_wrong_methods_and_paths_are_refused_in_json(
    platform_with: Opener, http: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    headers = {"authorization": f"Bearer {platform.key}"}

    async with http.request(method, platform.url + path, headers=headers) as reply:
        body = await reply.json()

    assert status == reply.status
    assert body["error"]["message"]
    assert status != 405 or reply.headers["allow"]


@pytest.mark.parametrize(
    "code",
    [
        Code.UPSTREAM_AWAY,
        Code.UPSTREAM_BUSY,
        Code.UPSTREAM_TIMEOUT,
        Code.UPSTREAM_BROKE,
        Code.ENGINE_LOADING,
    ],
)
async def test_a_fault_before_the_first_frame_is_an_http_error_with_retry_after(
    platform_with: Opener, http: aiohttp.ClientSession, code: Code
) -> None:
    platform = await platform_with(ScriptedEngine(Fault(Code.UPSTREAM_AWAY, "Nobody home.", retry_after=2)))

    for stream in (False, True):
        status, body, headers = await post(http, platform, {**ASK, "stream": stream})
        assert (status, headers["retry-after"], body["error"]["message"]) == (503, "2", "Nobody home.")

    rows = await usage_rows(platform)
    assert [(row.status, row.http_status, row.fault, row.quality) for row in rows] == [
        ("failed", 503, "upstream_away", "none")
    ] * 2


@pytest.mark.parametrize("as_event", [True, False])
async def test_a_fault_in_mid_stream_ends_the_stream_legally(
    platform_with: Opener, http: aiohttp.ClientSession, as_event: bool
) -> None:
    fault = Fault(Code.UPSTREAM_BROKE, "It broke off.")
    platform = await platform_with(ScriptedEngine([*HELLO[:6], Failed(fault) if as_event else fault]))

    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(
        f"{platform.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers
    ) as reply:
        text = await reply.text()

    blocks = [block for block in text.split("\n\n") if block]
    assert blocks[-1] == "data: [DONE]"
    assert json.loads(blocks[-2].removeprefix("data: "))["error"]["message"] == "It broke off."
    (row,) = await usage_rows(platform)
    assert (row.status, row.quality) == ("failed", "counted")
    assert row.output > 0


async def test_usage_that_the_upstream_left_out_is_counted_and_told(platform_with: Opener) -> None:
    platform = await platform_with(ScriptedEngine([e for e in HELLO if not isinstance(e, UsageSeen)]))
    async with sdk(platform) as client:
        reply = await client.chat.completions.create(**ASK)

    assert reply.usage is not None
    (row,) = await usage_rows(platform)
    assert row.quality == "counted"
    assert (row.input_fresh, row.output) == (reply.usage.prompt_tokens, reply.usage.completion_tokens)
    assert row.output > 0


async def test_zero_reported_while_text_passed_is_believed_and_flagged(platform_with: Opener) -> None:
    script = [UsageSeen(Usage()) if isinstance(e, UsageSeen) else e for e in HELLO]
    platform = await platform_with(ScriptedEngine(script))
    async with sdk(platform) as client:
        await client.chat.completions.create(**ASK)

    (row,) = await usage_rows(platform)
    assert (row.output, row.quality) == (0, "suspect")


@pytest.mark.parametrize("after", range(1, len(HELLO)))
async def test_a_caller_who_leaves_cancels_the_upstream_and_is_metered_once(
    platform_with: Opener, after: int
) -> None:
    forever = asyncio.Event()
    engine = ScriptedEngine([*HELLO[:after], forever.wait])  # type: ignore[list-item]  # wait() returns True
    platform = await platform_with(engine)
    reader, writer = await asyncio.open_connection(*_host_and_port(platform))
    body = json.dumps({**ASK, "stream": True}).encode()
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.close()

    await asyncio.wait_for(engine.closed.wait(), timeout=10)

    for _ in range(100):
        if rows := await usage_rows(platform):
            break
        await asyncio.sleep(0.02)
    assert [row.status for row in rows] == ["cancelled"]
    assert engine.left_early == 1


async def test_a_silent_model_gets_pings_and_a_late_fault_comes_in_the_stream(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    async def think() -> None:
        await asyncio.sleep(0.5)

    engine = ScriptedEngine([think, Fault(Code.UPSTREAM_BROKE, "It broke off.")])
    platform = await platform_with(engine, silence=0.05)
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(
        f"{platform.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers
    ) as reply:
        text = await reply.text()

    assert reply.status == 200
    assert reply.headers["x-accel-buffering"] == "no"
    assert text.startswith(": ping\n\n: ping\n\n")
    assert text.endswith("data: [DONE]\n\n")
    assert "It broke off." in text


async def test_the_next_target_is_tried_while_nothing_has_been_sent(platform_with: Opener) -> None:
    engine = ScriptedEngine(Fault(Code.UPSTREAM_AWAY, "Nobody home."), HELLO)
    catalogue = """
        [[targets]]
        id = "spare"
        engine = "openai"
        base_url = "http://127.0.0.1:9/v1"
        [[targets]]
        id = "first"
        engine = "openai"
        base_url = "http://127.0.0.1:9/v1"
        [[models]]
        id = "mimo-v2.5-pro"
        targets = [
          { target = "spare", model = "m", priority = 1 },
          { target = "first", model = "m", priority = 0 },
        ]
    """
    platform = await platform_with(engine, catalogue=catalogue)
    async with sdk(platform) as client:
        reply = await client.chat.completions.create(**ASK)

    assert reply.choices[0].message.content == "你好, world"
    assert [route.target for _, route in engine.asked] == ["first", "spare"]
    (row,) = await usage_rows(platform)
    assert (row.status, row.target) == ("answered", "spare")


@pytest.mark.parametrize("leave", [False, True])
async def test_a_whole_reply_that_never_came_is_not_kept_as_answered(
    platform_with: Opener, http: aiohttp.ClientSession, leave: bool
) -> None:
    forever = asyncio.Event()

    async def wait() -> None:
        await forever.wait()

    fault = Fault(Code.UPSTREAM_BROKE, "It broke off.")
    platform = await platform_with(ScriptedEngine([*HELLO[:6], wait if leave else fault]))
    if leave:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await post(http, platform, ASK)
    else:
        status, _, _ = await post(http, platform, ASK)
        assert 503 == status

    rows = await eventually_rows(platform)
    told = ("cancelled", 499) if leave else ("failed", 503)
    assert [told] == [(row.status, row.http_status) for row in rows]


async def test_a_fault_after_a_ping_is_kept_with_the_status_that_went_out(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    async def think() -> None:
        await asyncio.sleep(0.3)

    platform = await platform_with(
        ScriptedEngine([think, Fault(Code.UPSTREAM_BROKE, "It broke off.")]), silence=0.05
    )
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(
        f"{platform.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers
    ) as reply:
        await reply.read()

    (row,) = await usage_rows(platform)
    assert ("failed", 200) == (row.status, row.http_status)


async def test_whoever_has_read_done_finds_the_exchange_in_the_usage(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    headers = {"authorization": f"Bearer {platform.key}"}
    for count in range(1, 11):
        async with http.post(
            f"{platform.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers
        ) as reply:
            while await reply.content.readline() != b"data: [DONE]\n":
                pass
            assert count == len(await usage_rows(platform))


async def test_a_spare_without_its_key_does_no_harm_to_the_first_target(platform_with: Opener) -> None:
    catalogue = """
        [[targets]]
        id = "first"
        engine = "openai"
        base_url = "http://127.0.0.1:9/v1"
        [[targets]]
        id = "spare"
        engine = "openai"
        base_url = "http://127.0.0.1:9/v1"
        api_key = "env:NOBODY_SET_THIS"
        [[models]]
        id = "mimo-v2.5-pro"
        targets = [{ target = "first", model = "m" }, { target = "spare", model = "m", priority = 1 }]
    """
    platform = await platform_with(ScriptedEngine(HELLO), catalogue=catalogue)
    async with sdk(platform) as client:
        reply = await client.chat.completions.create(**ASK)

    assert "你好, world" == reply.choices[0].message.content


async def test_a_target_whose_key_is_missing_is_the_operators_fault(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    catalogue = CATALOGUE.replace("[[models]]", 'api_key = "env:NOBODY_SET_THIS"\n[[models]]')
    platform = await platform_with(ScriptedEngine(HELLO), catalogue=catalogue)

    status, body, headers = await post(http, platform, ASK)

    assert (500, "false") == (status, headers["x-should-retry"])
    assert "NOBODY_SET_THIS" not in body["error"]["message"]


async def eventually_rows(platform: TestPlatform) -> list[UsageRow]:
    for _ in range(500):
        if rows := await usage_rows(platform):
            return rows
        await asyncio.sleep(0.02)
    raise AssertionError("no usage row was written")


def _host_and_port(platform: TestPlatform) -> tuple[str, int]:
    host, _, port = platform.url.removeprefix("http://").partition(":")
    return host, int(port)


async def test_a_bug_in_mid_stream_still_ends_the_stream_legally(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    async def bug() -> None:
        raise ValueError("a bug")

    platform = await platform_with(ScriptedEngine([*HELLO[:6], bug]))
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(
        f"{platform.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers
    ) as reply:
        text = await reply.text()

    assert text.endswith("data: [DONE]\n\n")
    assert reply.headers["x-request-id"] in text
    (row,) = await usage_rows(platform)
    assert ("failed", "internal") == (row.status, row.fault)


async def test_endless_headers_are_refused(platform_with: Opener) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    reader, writer = await asyncio.open_connection(*_host_and_port(platform))
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
    for number in range(40):
        writer.write(b"x-%d: %s\r\n" % (number, b"a" * 4096))

    assert b"431" in await reader.readline()
    writer.close()


async def test_an_offer_to_speak_http_2_is_declined_and_the_request_answered(platform_with: Opener) -> None:
    platform = await platform_with(ScriptedEngine(HELLO))
    body = json.dumps(ASK).encode()
    reader, writer = await asyncio.open_connection(*_host_and_port(platform))
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )

    assert b"200" in await reader.readline()
    writer.close()


LEAKED = """I will look.
<tool_call>
<function=get_weather>
<parameter=city>Beijing</parameter>
</function>
</tool_call>"""
WEATHER: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call_that_leaked_into_the_thinking_comes_out_as_one(
    platform_with: Opener, stream: bool
) -> None:
    script: list[Event] = [START, PartOpened(0, Reasoning())]
    script += [TextDelta(0, LEAKED[at : at + 7]) for at in range(0, len(LEAKED), 7)]
    script += [PartClosed(0), UsageSeen(USAGE), Finished(Stop.END)]
    platform = await platform_with(ScriptedEngine(script))
    async with sdk(platform) as client:
        if stream:
            calls: list[Any] = []
            reasons = []
            async for chunk in await client.chat.completions.create(**ASK, tools=WEATHER, stream=True):
                for choice in chunk.choices:
                    calls += choice.delta.tool_calls or []
                    reasons.append(choice.finish_reason)
            name = "".join(call.function.name or "" for call in calls if call.function)
            arguments = "".join(call.function.arguments or "" for call in calls if call.function)
            reason = reasons[-1]
        else:
            reply = await client.chat.completions.create(**ASK, tools=WEATHER)
            (call,) = reply.choices[0].message.tool_calls or []
            assert call.type == "function"
            name, arguments, reason = (
                call.function.name,
                call.function.arguments,
                reply.choices[0].finish_reason,
            )

    assert ("get_weather", {"city": "Beijing"}, "tool_calls") == (name, json.loads(arguments), reason)
    (row,) = await usage_rows(platform)
    assert "get_weather" in row.drops


async def test_a_reply_that_loops_on_itself_is_cut_and_its_upstream_closed(platform_with: Opener) -> None:
    forever = asyncio.Event()

    async def wait() -> None:
        await forever.wait()

    engine = ScriptedEngine([START, PartOpened(0, Text()), *[TextDelta(0, "and so on, ")] * 5000, wait])
    platform = await platform_with(engine)
    async with sdk(platform) as client:
        reply = await client.chat.completions.create(**ASK)

    assert "length" == reply.choices[0].finish_reason
    assert engine.closed.is_set()
    (row,) = await usage_rows(platform)
    assert ("answered", "counted") == (row.status, row.quality)
    assert "repeated itself" in row.drops
