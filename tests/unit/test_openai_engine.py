"""The OpenAI engine against real servers that misbehave on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from tokenmill.conversation.events import Event
from tokenmill.conversation.fold import fold
from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request, Turn
from tokenmill.engines.aiohttp_upstream import AiohttpUpstream
from tokenmill.engines.openai import OpenAIEngine
from tokenmill.engines.streamed import ERROR_SECONDS
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route, Timeouts

REQUEST = Request(model="public", turns=(Turn("user", (Text("Hello"),)),), stream=True)
PATIENT = Timeouts()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def block(text: str) -> bytes:
    data = (
        b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":{"content":"' + text.encode() + b'"},"finish_reason":null}]}\n\n'
    )
    return b"%x\r\n%s\r\n" % (len(data), data)


@asynccontextmanager
async def server(behaviour: Behaviour) -> AsyncIterator[str]:
    """A raw HTTP server that reads one request and then behaves as told."""

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        await behaviour(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        for writer in writers:
            writer.transport.abort()


@pytest.fixture
async def upstream() -> AsyncIterator[AiohttpUpstream]:
    client = AiohttpUpstream()
    yield client
    await client.close()


async def ask(upstream: AiohttpUpstream, base_url: str, timeouts: Timeouts = PATIENT) -> list[Event]:
    route = Route(target="t", engine="openai", upstream_model="m", base_url=base_url, timeouts=timeouts)
    events: list[Event] = []
    async with (
        OpenAIEngine(upstream).open(REQUEST, route) as opened,
        aclosing(opened.frames()) as frames,
    ):
        async for frame in frames:
            events.extend(frame.events)
    return events


async def test_a_well_behaved_server_is_understood(upstream: AiohttpUpstream) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        finish = block("").replace(b'"finish_reason":null', b'"finish_reason":"stop"').split(b"\r\n", 1)[1]
        done = finish.removesuffix(b"\r\n") + b"data: [DONE]\n\n"
        writer.write(HEAD + block("Hel") + block("lo") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done))
        await writer.drain()

    async with server(behave) as url:
        reply = fold(await ask(upstream, url))

    assert (Text("Hello"),) == reply.choices[0].parts


async def test_nobody_at_the_address_is_upstream_away_with_a_time_to_come_back(
    upstream: AiohttpUpstream,
) -> None:
    with pytest.raises(Fault) as caught:
        await ask(upstream, "http://127.0.0.1:9/v1")

    assert Code.UPSTREAM_AWAY is caught.value.code
    assert caught.value.retry_after
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize("after_head", [False, True])
async def test_silence_before_the_first_byte_ends_at_the_first_timeout(
    upstream: AiohttpUpstream, after_head: bool
) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if after_head:
            writer.write(HEAD)
            await writer.drain()
        await reader.read()

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            await ask(upstream, url, Timeouts(first=0.2, between=30))

    assert Code.UPSTREAM_TIMEOUT is caught.value.code


async def test_silence_between_chunks_ends_at_the_between_timeout(upstream: AiohttpUpstream) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + block("Hel"))
        await reader.read()

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            await ask(upstream, url, Timeouts(first=30, between=0.2))

    assert Code.UPSTREAM_TIMEOUT is caught.value.code


async def test_a_reply_that_never_ends_is_ended_at_the_whole_timeout(upstream: AiohttpUpstream) -> None:
    """However short the silences in it are."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        with suppress(ConnectionError):
            while True:
                writer.write(block("on and "))
                await writer.drain()
                await asyncio.sleep(0.02)

    async with server(behave) as url:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Fault) as caught:
            await ask(upstream, url, Timeouts(first=30, between=30, whole=0.3))

    assert Code.UPSTREAM_TIMEOUT is caught.value.code
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_slow_consumer_is_not_taken_for_a_silent_upstream(upstream: AiohttpUpstream) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + block("Hel"))
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.write(block("lo") + b"0\r\n\r\n")
        await writer.drain()

    async with server(behave) as url:
        route = Route(
            target="t", engine="openai", upstream_model="m", base_url=url, timeouts=Timeouts(between=0.25)
        )
        async with (
            OpenAIEngine(upstream).open(REQUEST, route) as opened,
            aclosing(opened.frames()) as frames,
        ):
            await anext(frames)
            await asyncio.sleep(0.5)  # Longer than `between`; the second block is there by now.
            rest = [event async for frame in frames for event in frame.events]

    assert rest


async def test_a_connection_cut_in_mid_stream_is_upstream_broke(upstream: AiohttpUpstream) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + block("Hel"))
        await writer.drain()
        writer.transport.abort()

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            await ask(upstream, url)

    assert Code.UPSTREAM_BROKE is caught.value.code


async def test_leaving_early_closes_the_connection_so_that_the_upstream_stops(
    upstream: AiohttpUpstream,
) -> None:
    noticed = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + block("Hel"))
        await reader.read()  # Returns when the other side has closed.
        noticed.set()

    async with server(behave) as url:
        route = Route(target="t", engine="openai", upstream_model="m", base_url=url)
        async with (
            OpenAIEngine(upstream).open(REQUEST, route) as opened,
            aclosing(opened.frames()) as frames,
        ):
            await anext(frames)
        await asyncio.wait_for(noticed.wait(), timeout=10)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b'{"error":{"message":"bad key sk-AAAABBBBCCCCDDDD"}}', Code.MISCONFIGURED),
        (429, b"{}", Code.UPSTREAM_BUSY),
        (500, b"<html>oops</html>", Code.UPSTREAM_AWAY),
        (302, b"", Code.MISCONFIGURED),
    ],
)
async def test_error_statuses_become_faults_without_the_upstreams_secrets(
    upstream: AiohttpUpstream, status: int, body: bytes, code: Code
) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nlocation: http://127.0.0.1:9/\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            await ask(upstream, url)

    assert code is caught.value.code
    assert "sk-AAAA" not in caught.value.message


DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("ending", ["held open", "cut"])
async def test_a_reply_is_whole_after_its_last_word_whatever_the_connection_does(
    upstream: AiohttpUpstream, ending: str
) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + block("Hello") + b"%x\r\n%s\r\n" % (len(DONE), DONE))
        await writer.drain()
        if ending == "cut":
            writer.transport.abort()
        else:
            await reader.read()

    async with server(behave) as url:
        reply = fold(await ask(upstream, url, Timeouts(between=30)))

    assert (Text("Hello"),) == reply.choices[0].parts


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-ty",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: none-such\r\ncontent-length: 400\r\n\r\n12",
    ],
)
async def test_whoever_answers_nonsense_is_not_called_away(upstream: AiohttpUpstream, said: bytes) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            await ask(upstream, url)

    assert Code.UPSTREAM_BROKE is caught.value.code


async def test_an_error_whose_body_never_ends_is_known_by_its_status_in_a_moment(
    upstream: AiohttpUpstream,
) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 429 Too Many\r\nretry-after: 7\r\n\r\n")
        for _tick in range(100):
            writer.write(b" ")
            await asyncio.sleep(0.1)

    async with server(behave) as url:
        with pytest.raises(Fault) as caught:
            async with asyncio.timeout(ERROR_SECONDS + 3):
                await ask(upstream, url)

    assert (Code.UPSTREAM_BUSY, 7) == (caught.value.code, caught.value.retry_after)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_what_calls_itself_json_is_read_for_what_it_is(upstream: AiohttpUpstream, mark: bytes) -> None:
    """Events under a JSON type are events, and a byte-order mark is nothing."""
    message = b'{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}'
    events = block("Hello").split(b"\r\n", 1)[1].removesuffix(b"\r\n") + DONE
    for body in (mark + message, mark + events):

        async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes = body) -> None:
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

        async with server(behave) as url:
            reply = fold(await ask(upstream, url))

        assert (Text("Hello"),) == reply.choices[0].parts
