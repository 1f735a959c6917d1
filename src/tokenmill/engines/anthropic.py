"""Asks upstreams that speak Anthropic Messages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import Drop, Request
from tokenmill.engines.counts import Counter
from tokenmill.engines.streamed import StreamedReply, first_bytes
from tokenmill.ports import OpenReply, Route, ServedBy, Upstream
from tokenmill.wire.anthropic_messages.errors import decode_error
from tokenmill.wire.anthropic_messages.reply import decode_reply
from tokenmill.wire.anthropic_messages.request import encode_request
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder
from tokenmill.wire.free_text import free_text_tools

VERSION = "2023-06-01"
"""The only `anthropic-version` there is."""

_BETA = "anthropic-beta"
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
"""The members that `count_tokens` takes."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class _Count(msgspec.Struct):
    """The answer of count_tokens."""

    input_tokens: int


class AnthropicEngine:
    """Speaks to `base_url + /v1/messages`, always as a stream.

    A target is taken for one that checks signatures, as Anthropic's own does: it gets back the reasoning that
    it signed, byte for byte, and no other. One with `reasoning_back = "required"` is not: it gets
    all reasoning, signed or not.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._counter = Counter(upstream)

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        """See `tokenmill.ports.Engine.open`."""
        body, drops = encode_request(request, route, origin=_checks(route))
        betas, undone = _betas(request, route)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream",
            **_headers(route),
            **betas,
        }
        async with self._upstream.post(_url(route, "messages"), headers, body, route.timeouts) as reply:
            if reply.status != 200:
                raise decode_error(reply.status, reply.headers, await first_bytes(reply))
            at = int(time.time())
            yield StreamedReply(
                self._upstream,
                reply,
                wire="anthropic_messages",
                drops=(*drops, *undone),
                decoder=MessagesStreamDecoder(at=at, origin=route.issuer),
                whole=partial(decode_reply, at=at, origin=route.issuer),
                free_text=free_text_tools(request),
            )

    async def count(self, request: Request, route: Route) -> int | None:
        """See `tokenmill.ports.Engine.count`."""
        body, _ = encode_request(request, route, origin=_checks(route), stream=False)
        members = _MEMBERS.decode(body)
        said = {name: members[name] for name in _COUNTED if name in members}
        headers = _headers(route) | _betas(request, route)[0]

        async def ask() -> int:
            url = _url(route, "messages/count_tokens")
            return (await self._counter.ask(url, headers, said, _Count)).input_tokens

        return await self._counter.count(route, ask)

    def served_by(self, route: Route) -> ServedBy | None:
        """A Messages server does not say what it really runs."""
        return None


def _checks(route: Route) -> str | None:
    """The issuer whose signatures the target checks."""
    return None if route.reasoning_back == "required" else route.issuer


def _url(route: Route, what: str) -> str:
    return f"{route.base_url.rstrip('/').removesuffix('/v1')}/v1/{what}"


def _headers(route: Route) -> dict[str, str]:
    return {"anthropic-version": VERSION} | ({"x-api-key": route.api_key} if route.api_key else {})


def _betas(request: Request, route: Route) -> tuple[dict[str, str], tuple[Drop, ...]]:
    """The caller's betas as they came; a strict target is spared them."""
    extras = request.extras
    said = dict(extras.headers) if extras is not None and extras.vendor == "anthropic_messages" else {}
    if _BETA not in said:
        return {}, ()
    if route.strict:
        return {}, (Drop(_BETA, "the target takes only the published schema"),)
    return {_BETA: said[_BETA]}, ()
