"""Asks upstreams that speak OpenAI Chat Completions: vLLM, SGLang, llama.cpp, the original platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import Drop, Request
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import OpenReply, Route, ServedBy, Upstream, UpstreamReply
from tokenmill.wire.openai_chat.errors import decode_error
from tokenmill.wire.openai_chat.reply import decode_reply
from tokenmill.wire.openai_chat.request import encode_request
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder

ERROR_LIMIT = 64 * 1024  # Error bodies are sentences; anything longer is somebody's web page.
REPLY_LIMIT = 64 * 1024 * 1024
LAST_WORD = 0.05  # Seconds; the end of the body comes with the last event or right behind it.


class _OpenChat:
    """A chat completion that has begun to arrive."""

    def __init__(
        self, upstream: Upstream, reply: UpstreamReply, drops: tuple[Drop, ...], choices: int
    ) -> None:
        self._upstream = upstream
        self._choices = choices
        self._reply = reply
        self.drops = drops

    async def frames(self) -> AsyncGenerator[Frame]:
        if "json" in self._reply.headers.get("content-type", ""):
            # Some servers answer whole although a stream was asked for.
            yield Frame(tuple(decode_reply(await self._upstream.read(self._reply, REPLY_LIMIT))))
            return
        decoder = ChatStreamDecoder(choices=self._choices)
        size = 0
        async with aclosing(self._reply.chunks()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > REPLY_LIMIT:
                    raise Fault(Code.UPSTREAM_BROKE, "The model's reply is longer than the platform accepts.")
                for frame in decoder.feed(chunk):
                    yield frame
                if decoder.over:
                    await _read_to_end(chunks)
                    return
        for frame in decoder.close():
            yield frame


async def _read_to_end(chunks: AsyncGenerator[bytes]) -> None:
    """Lets the connection be used again; an upstream that holds it open after its last word loses it."""
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(LAST_WORD):
            async for _ in chunks:
                pass


class OpenAIEngine:
    """Speaks to `base_url + /chat/completions`, always as a stream."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        """See `tokenmill.ports.Engine.open`."""
        body, drops = encode_request(request, route)
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if route.api_key:
            headers["authorization"] = f"Bearer {route.api_key}"
        url = route.base_url.rstrip("/") + "/chat/completions"
        async with self._upstream.post(url, headers, body, route.timeouts) as reply:
            if reply.status != 200:
                raise decode_error(reply.status, reply.headers, await self._upstream.read(reply, ERROR_LIMIT))
            yield _OpenChat(self._upstream, reply, drops, request.choices)

    def served_by(self, route: Route) -> ServedBy | None:
        """An OpenAI-compatible server does not say what it really runs."""
        return None
