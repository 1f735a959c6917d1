"""The engine side of a request: retries, fail-over, hang-ups, slow readers, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import aiohttp.web
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.upstreams import (
    Answer,
    ScriptedUpstream,
    catalogue,
    chat_events,
    listening,
    messages_events,
    stream,
    whole,
)
from tokenmill.store.tables import Usage
from tokenmill.testing import TestPlatform

HELLO = chat_events({"content": "Hel"}, {"content": "lo"})
BUSY = whole({"error": {"message": "slow down"}}, 429, retry_after="0")
BROKEN = whole({"error": {"message": "oops"}}, 500)
SOON = (0.01, 0.02)


def body(**members: Any) -> dict[str, Any]:
    return {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": "Hi"}], **members}


async def ask(http: aiohttp.ClientSession, platform: TestPlatform, **members: Any) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {platform.key}"}
    async with http.post(
        f"{platform.url}/v1/chat/completions", json=body(**members), headers=headers
    ) as reply:
        text = await reply.text()
        return reply.status, text if members.get("stream") else json.loads(text)


async def test_a_busy_and_a_failing_upstream_are_asked_again(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """429 once and 500 once are nothing that a caller has to know of."""
    async with listening(ScriptedUpstream(BUSY, BROKEN, stream(*HELLO))) as upstream:
        platform = await platform_with(
            None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")), waits=SOON
        )
        status, said = await ask(http, platform)

    assert (status, said["choices"][0]["message"]["content"]) == (200, "Hello")
    assert len(upstream.asked) == 3
    (row,) = await usage_rows(platform)
    assert (row.status, row.output) == ("answered", 9)


async def test_retries_end_and_the_caller_learns_when_to_come_back(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Three rounds, then 503 (529 to Anthropic's clients) with a wait."""
    async with listening(ScriptedUpstream(BROKEN)) as upstream:
        platform = await platform_with(
            None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")), waits=SOON
        )
        headers = {"authorization": f"Bearer {platform.key}"}
        for path, status in (("/v1/chat/completions", 503), ("/anthropic/v1/messages", 529)):
            upstream.asked.clear()
            async with http.post(platform.url + path, json=body(max_tokens=9), headers=headers) as reply:
                assert reply.status == status
                assert 1 <= int(reply.headers["retry-after"]) <= 60
                assert reply.headers["x-should-retry"] == "true"
            assert len(upstream.asked) == 3


async def test_what_the_upstream_refuses_is_not_repeated(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """A 400 is a 400 the next time as well."""
    refusal = whole({"error": {"message": "no such knob", "type": "invalid_request_error"}}, 400)
    async with listening(ScriptedUpstream(refusal)) as upstream:
        platform = await platform_with(
            None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")), waits=SOON
        )
        status, said = await ask(http, platform)

    assert (status, len(upstream.asked)) == (400, 1)
    assert "no such knob" in said["error"]["message"]


async def test_a_target_that_greets_and_then_fails_is_left_for_the_next(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Nothing has reached the caller yet: an overload after `message_start` is still an overload."""
    error = (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    )
    greeting = messages_events()[0]
    async with (
        listening(ScriptedUpstream(stream(greeting, error))) as first,
        listening(ScriptedUpstream(stream(*HELLO))) as second,
    ):
        platform = await platform_with(
            None,
            catalogue=catalogue(("a", "anthropic", first.url), ("b", "openai", second.url + "/v1")),
            waits=SOON,
        )
        status, said = await ask(http, platform, stream=True)

    assert status == 200
    assert '"content":"Hel"' in said.replace(" ", "")
    assert (len(first.asked), len(second.asked)) == (1, 1)
    (row,) = await usage_rows(platform)
    assert (row.target, row.status) == ("b", "answered")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_a_reply_that_breaks_off_is_asked_of_the_next_target_while_nothing_has_gone_out(
    platform_with: Opener, http: aiohttp.ClientSession, streamed: bool
) -> None:
    """A caller who waits for the whole has not had a word of it; one who reads a stream has."""
    async with (
        listening(ScriptedUpstream(stream(*HELLO[:2], cut=True))) as first,
        listening(ScriptedUpstream(stream(*HELLO))) as second,
    ):
        platform = await platform_with(
            None,
            catalogue=catalogue(("a", "openai", first.url + "/v1"), ("b", "openai", second.url + "/v1")),
            waits=SOON,
        )
        status, said = await ask(http, platform, stream=streamed)

    (row,) = await usage_rows(platform)
    if streamed:
        assert (row.target, row.status, len(second.asked)) == ("a", "failed", 0)
        assert "error" in said
        return
    assert status == 200
    assert said["choices"][0]["message"]["content"] == "Hello"
    assert (row.target, row.status, row.quality) == ("b", "answered", "reported")


async def settled(platform: TestPlatform) -> list[Usage]:
    """The usage rows, once there is one."""
    while not (rows := await usage_rows(platform)):  # noqa: ASYNC110 - the database sets no event of ours.
        await asyncio.sleep(0.02)
    return rows


async def hang_up_after_first_words(platform: TestPlatform) -> None:
    """Asks for a stream and drops the connection once words have come."""
    address = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    data = json.dumps(body(stream=True)).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s" % (platform.key.encode(), len(data), data)
    )
    await reader.readuntil(b"Hel")
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_caller_who_leaves_ends_the_upstream_within_a_second(platform_with: Opener) -> None:
    """`on_disconnect = "cancel"`, the default."""
    async with listening(ScriptedUpstream(stream(*HELLO[:2], hang=True))) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")))
        await hang_up_after_first_words(platform)
        async with asyncio.timeout(10):  # One second is promised; the bound is wide for slow machines.
            await upstream.left.wait()
            rows = await settled(platform)

    assert (rows[0].status, rows[0].quality) == ("cancelled", "counted")
    assert rows[0].output > 0


async def test_a_drained_target_is_read_to_its_end_though_nobody_listens(platform_with: Opener) -> None:
    """`on_disconnect = "drain"`: the exchange is counted by what the upstream reports."""
    async with listening(ScriptedUpstream(stream(*HELLO, pause=0.2))) as upstream:
        platform = await platform_with(
            None, catalogue=catalogue(("up", "openai", upstream.url + "/v1"), on_disconnect='"drain"')
        )
        await hang_up_after_first_words(platform)
        async with asyncio.timeout(10):
            rows = await settled(platform)

    assert (rows[0].status, rows[0].quality, rows[0].output) == ("answered", "reported", 9)


async def test_a_slow_reader_slows_the_upstream_down(platform_with: Opener) -> None:
    """No more is read than the buffers between hold: 64 MB do not pile up for somebody who does not read."""
    piece = chat_events({"content": "x" * 60_000})[1]
    sent = 0

    async def flood(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        nonlocal sent
        reply = aiohttp.web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        for _ in range(1000):
            await reply.write(piece)
            sent += len(piece)
        return reply

    async with listening(ScriptedUpstream(flood)) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")))
        address = urlsplit(platform.url)
        with socket.create_connection((address.hostname or "", address.port or 0)) as line:
            line.setblocking(False)
            data = json.dumps(body(stream=True)).encode()
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {platform.key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
            )
            await asyncio.get_running_loop().sock_sendall(line, head.encode() + data)
            before = -1
            async with asyncio.timeout(30):
                while sent != before or not sent:
                    before = sent
                    await asyncio.sleep(0.5)
            assert 0 < sent < 40_000_000


async def test_a_chunk_passes_with_the_bytes_that_the_upstream_wrote(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Same protocol and nothing to edit: only `id` and `model` are the platform's own."""
    events = chat_events(
        {"content": "Hé"}, {"content": "l\\u006c"}, {"content": "o"}, x_custom={"b": 1.0, "a": None}
    )
    async with listening(ScriptedUpstream(stream(*events))) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")))
        _, said = await ask(http, platform, stream=True)

    reply_id = json.loads(said.split("\n", 1)[0].removeprefix("data: "))["id"]
    expected = (
        b"".join(events).decode().replace('"up-model"', '"mimo-v2.5-pro"').replace("chatcmpl-up", reply_id)
    )
    assert said.replace('"model":"', '"model": "') == expected.replace('"model":"', '"model": "')


async def test_an_upstream_that_breaks_off_ends_each_dialect_legally(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Words have gone out, so the fault comes in the stream, as each protocol says it."""
    cut: Answer = stream(*HELLO[:3], cut=True)
    ends = {
        "/v1/chat/completions": ("error", "data: [DONE]"),
        "/anthropic/v1/messages": ("event: error", "api_error"),
        "/v1/responses": ("event: response.failed", "server_error"),
    }
    async with listening(ScriptedUpstream(cut)) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")))
        for path, marks in ends.items():
            headers = {"authorization": f"Bearer {platform.key}"}
            asked = body(stream=True, max_tokens=9, input="Hi")
            if path == "/v1/responses":
                del asked["messages"], asked["max_tokens"]
            else:
                del asked["input"]
            async with http.post(platform.url + path, json=asked, headers=headers) as reply:
                said = await reply.text()
                assert reply.status == 200
                assert all(mark in said for mark in marks), said
                assert 'finish_reason":"stop' not in said
                assert "end_turn" not in said
    rows = await usage_rows(platform)
    assert [row.status for row in rows] == ["failed"] * 3
    assert all(row.output > 0 for row in rows)


async def test_a_caller_never_reads_the_upstreams_key_or_host(
    platform_with: Opener, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Not even those that look like words: in an error of HTTP, in an error object of the stream."""
    words = "the key 'hunter2-Ab9' is wrong at LOCALHOST:{port}, tell gpu-7.internal or [fd00::12]:80"
    (tmp_path / "key").write_text("hunter2-Ab9")

    async def refusal(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        said = {"error": {"message": words.format(port=request.url.port), "code": 400}}
        if len(upstream.asked) == 1:
            return await whole(said, 400)(request)
        return await stream(HELLO[1], b"data: " + json.dumps(said).encode() + b"\n\n")(request)

    async with listening(ScriptedUpstream(refusal)) as upstream:
        url = upstream.url.replace("127.0.0.1", "localhost") + "/v1"
        key = json.dumps(f"file:{tmp_path / 'key'}")
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", url), api_key=key))
        for status in (400, 200):
            got, said = await ask(http, platform, stream=True)
            assert got == status
            assert "the key '[secret]' is wrong at [address], tell [address] or [address]" in said
