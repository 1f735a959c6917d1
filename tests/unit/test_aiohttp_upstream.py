"""The HTTP client of the token path, against servers with manners of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tokenmill.engines.aiohttp_upstream import AiohttpUpstream
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Timeouts

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def server(replies: int) -> AsyncIterator[tuple[str, list[int]]]:
    """Answers `replies` requests on each connection and hangs up at the next; counts them by connection."""
    counts: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = len(counts)
        counts.append(0)
        while await reader.readuntil(b"\r\n\r\n{}"):
            counts[mine] += 1
            if counts[mine] > replies:
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


async def test_a_server_that_hangs_up_on_everybody_is_asked_twice_and_no_more() -> None:
    upstream = AiohttpUpstream()
    try:
        async with server(0) as (url, counts):
            with pytest.raises(Fault) as caught:
                await ask(upstream, url)
            assert (Code.UPSTREAM_BROKE, [1, 1]) == (caught.value.code, counts)
    finally:
        await upstream.close()
