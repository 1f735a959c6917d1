"""Reads the reply of an upstream that was asked for a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import aclosing, suppress
from typing import Protocol

from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Upstream, UpstreamReply
from tokenmill.wire.free_text import FreeText
from tokenmill.wire.sse import BOM

REPLY_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 64 * 1024  # Error bodies are sentences; anything longer is somebody's web page.
ERROR_SECONDS = 2.0  # What an error says is not worth more of its caller's time: another target may be asked.
LAST_WORD = 0.05  # Seconds; the end of the body comes with the last event or right behind it.


class Decoder(Protocol):
    """A stream decoder that knows when nothing more can come."""

    @property
    def over(self) -> bool: ...
    def feed(self, data: bytes) -> list[Frame]: ...
    def close(self) -> list[Frame]: ...


class StreamedReply:
    """A reply that has begun to arrive; see `tokenmill.ports.OpenReply`."""

    def __init__(
        self,
        upstream: Upstream,
        reply: UpstreamReply,
        *,
        wire: Vendor,
        drops: tuple[Drop, ...],
        decoder: Decoder,
        whole: Callable[[bytes], Iterable[Event]],
        free_text: Collection[str] = (),
    ) -> None:
        """`whole` reads the reply of a server that answers in one piece although a stream was asked for.

        `free_text` are the tools that take free text and were offered as functions.
        """
        self.wire: Vendor | None = wire
        self.drops = drops
        self._upstream = upstream
        self._reply = reply
        self._decoder = decoder
        self._whole = whole
        self._free_text = FreeText(frozenset(free_text))

    async def frames(self) -> AsyncGenerator[Frame]:
        heard = self._free_text.take
        if "json" in self._reply.headers.get("content-type", ""):
            for frame in self._in_one_piece(await self._upstream.read(self._reply, REPLY_LIMIT)):
                yield heard(frame)
            return
        decoder = self._decoder
        size = 0
        async with aclosing(self._reply.chunks()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > REPLY_LIMIT:
                    raise Fault(Code.UPSTREAM_BROKE, "The model's reply is longer than the platform accepts.")
                for frame in decoder.feed(chunk):
                    yield heard(frame)
                if decoder.over:
                    await _read_to_end(chunks)
                    return
        for frame in decoder.close():
            yield heard(frame)

    def _in_one_piece(self, body: bytes) -> list[Frame]:
        """The frames of a body that calls itself JSON, which some servers say of events, too."""
        body = body.removeprefix(BOM)
        if body.lstrip().startswith((b"data:", b"event:", b":")):
            return [*self._decoder.feed(body), *self._decoder.close()]
        return [Frame(tuple(self._whole(body)))]


async def first_bytes(reply: UpstreamReply, limit: int = ERROR_LIMIT) -> bytes:
    """What comes of the body in a moment, at most `limit` bytes; enough to tell what an error is about."""
    body = bytearray()
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(ERROR_SECONDS), aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) >= limit:
                    break
    return bytes(body[:limit])


async def _read_to_end(chunks: AsyncGenerator[bytes]) -> None:
    """Lets the connection be used again; an upstream that holds it open after its last word loses it."""
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(LAST_WORD):
            async for _ in chunks:
                pass
