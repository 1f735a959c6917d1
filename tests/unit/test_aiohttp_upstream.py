"""The HTTP client of the token path, against servers with manners of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tokenmill.engines.aiohttp_upstream import AT_ONCE, LARGE, AiohttpUpstream
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Timeouts

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def server(replies: int, wait: float = 0.0, said: bytes = b"") -> AsyncIterator[tuple[str, list[int]]]:
    """Answers `replies` requests on each connection and hangs up at the next; counts them by connection.

    Before it hangs up it waits `wait` seconds and says what `said` holds.
    """
    counts: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = len(counts)
        counts.append(0)
        while await reader.readuntil(b"\r\n\r\n{}"):
            counts[mine] += 1
            if counts[mine] > replies:
                await asyncio.sleep(wait)
                writer.write(said)
                break
            writer.write(REPLY)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", counts


async def ask(upstream: AiohttpUpstream, url: str) -> bytes:
    async with upstream.post(url, {}, b"{}", Timeouts()) as reply:
        return await upstream.read(reply, 100)


async def test_a_kept_connection_that_has_gone_is_replaced_at_once() -> None:
    """Servers close kept connections when they like; the caller is not to notice."""
    upstream = AiohttpUpstream()
    try:
        async with server(1) as (url, counts):
            assert [b"ok"] * 3 == [await ask(upstream, url) for _ in range(3)]
            assert [2, 2, 1] == counts
    finally:
        await upstream.close()


async def test_a_new_connection_that_is_hung_up_on_is_not_replaced() -> None:
    """The server took it for this very request, so it may have begun to work."""
    upstream = AiohttpUpstream()
    try:
        async with server(0) as (url, counts):
            with pytest.raises(Fault) as caught:
                await ask(upstream, url)
            assert (Code.UPSTREAM_BROKE, [1]) == (caught.value.code, counts)
    finally:
        await upstream.close()


@pytest.mark.parametrize(("wait", "said"), [(AT_ONCE * 3, b""), (0.0, b"HTTP/1.1 200 OK\r\nx-a: b\r\n")])
async def test_a_kept_connection_that_ends_later_or_after_a_word_is_not_replaced(
    wait: float, said: bytes
) -> None:
    """The server had the request and may have worked on it: asking again is for those who count attempts."""
    upstream = AiohttpUpstream()
    try:
        async with server(1, wait=wait, said=said) as (url, counts):
            assert b"ok" == await ask(upstream, url)
            with pytest.raises(Fault) as caught:
                await ask(upstream, url)
            assert (Code.UPSTREAM_BROKE, [2]) == (caught.value.code, counts)
    finally:
        await upstream.close()


async def test_a_large_request_arrives_whole_without_a_warning() -> None:
    """A long session with images in it; it is handed over in pieces, and its length is told before."""
    body = b"{" + b" " * LARGE + b"}"
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert f"content-length: {len(body)}".encode() in head.lower()
        heard.append(await reader.readexactly(len(body)))
        writer.write(REPLY)
        writer.close()

    upstream = AiohttpUpstream()
    try:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
            async with upstream.post(url, {}, body, Timeouts()) as reply:
                assert b"ok" == await upstream.read(reply, 100)
    finally:
        await upstream.close()
    assert [body] == heard
