"""Asks upstreams that speak OpenAI Chat Completions: vLLM, SGLang, llama.cpp, the original platform."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import Drop, Request
from tokenmill.ports import OpenReply, Route, ServedBy, Upstream, UpstreamReply
from tokenmill.wire.openai_chat.errors import decode_error
from tokenmill.wire.openai_chat.reply import decode_reply
from tokenmill.wire.openai_chat.request import encode_request
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder

ERROR_LIMIT = 64 * 1024  # Error bodies are sentences; anything longer is somebody's web page.
REPLY_LIMIT = 64 * 1024 * 1024


class _OpenChat:
    """A chat completion that has begun to arrive."""

    def __init__(self, upstream: Upstream, reply: UpstreamReply, drops: tuple[Drop, ...]) -> None:
        self._upstream = upstream
        self._reply = reply
        self.drops = drops

    async def frames(self) -> AsyncGenerator[Frame]:
        if "json" in self._reply.headers.get("content-type", ""):
            # Some servers answer whole although a stream was asked for.
            yield Frame(tuple(decode_reply(await self._upstream.read(self._reply, REPLY_LIMIT))))
            return
        decoder = ChatStreamDecoder()
        async with aclosing(self._reply.chunks()) as chunks:
            async for chunk in chunks:
                for frame in decoder.feed(chunk):
                    yield frame
        for frame in decoder.close():
            yield frame


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
            yield _OpenChat(self._upstream, reply, drops)

    def served_by(self, route: Route) -> ServedBy | None:
        """An OpenAI-compatible server does not say what it really runs."""
        return None
