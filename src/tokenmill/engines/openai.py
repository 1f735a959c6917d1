"""Asks upstreams that speak OpenAI Chat Completions: vLLM, SGLang, llama.cpp, the original platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import Drop, Request
from tokenmill.engines.counts import Counter
from tokenmill.engines.streamed import StreamedReply, first_bytes
from tokenmill.kit.faults import Fault
from tokenmill.ports import OpenReply, Route, ServedBy, Upstream, UpstreamReply
from tokenmill.wire.free_text import free_text_tools
from tokenmill.wire.openai_chat.errors import decode_error
from tokenmill.wire.openai_chat.reply import decode_reply
from tokenmill.wire.openai_chat.request import encode_request
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder

_ASKED_TO_COUNT = "stream_options"
_REMEMBERED = 1_000
_TOKENIZED = (
    "messages", "tools", "chat_template_kwargs", "continue_final_message", "add_generation_prompt"
)  # fmt: skip
"""The members on which the prompt's length depends."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class _Counted(msgspec.Struct):
    """vLLM's answer at /tokenize."""

    count: int


class _Tokens(msgspec.Struct):
    """llama.cpp's answer at /tokenize."""

    tokens: list[Raw]


class _Prompt(msgspec.Struct):
    """llama.cpp's answer at /apply-template."""

    prompt: str


class OpenAIEngine:
    """Speaks to `base_url + /chat/completions`, always as a stream.

    A server that refuses `stream_options` is asked without it from then on; its replies are counted here.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._counter = Counter(upstream)
        self._plain: set[str] = set()  # Addresses that take no `stream_options`.

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        """See `tokenmill.ports.Engine.open`."""
        body, drops = encode_request(request, route, ask_usage=route.issuer not in self._plain)
        async with self._post(route, body) as reply:
            fault = await _refusal(reply)
            if fault is None:
                yield self._opened(reply, request, route, drops)
                return
        if _ASKED_TO_COUNT not in fault.message or _ASKED_TO_COUNT.encode() not in body:
            raise fault
        self._remember_plain(route)
        body, drops = encode_request(request, route, ask_usage=False)
        async with self._post(route, body) as reply:
            fault = await _refusal(reply)
            if fault is not None:
                raise fault
            yield self._opened(reply, request, route, drops)

    async def count(self, request: Request, route: Route) -> int | None:
        """See `tokenmill.ports.Engine.count`; asks as vLLM has it, then as llama.cpp has it."""
        body, _ = encode_request(request, route)
        members = _MEMBERS.decode(body)
        said = {name: members[name] for name in _TOKENIZED if name in members}
        root = route.base_url.rstrip("/").removesuffix("/v1")
        headers = _headers(route)

        async def as_vllm() -> int:
            asked = {"model": route.upstream_model, "add_generation_prompt": True} | said
            return (await self._counter.ask(f"{root}/tokenize", headers, asked, _Counted)).count

        async def as_llama_cpp() -> int:
            written = await self._counter.ask(f"{root}/apply-template", headers, said, _Prompt)
            asked = {"content": written.prompt, "add_special": True, "parse_special": True}
            return len((await self._counter.ask(f"{root}/tokenize", headers, asked, _Tokens)).tokens)

        return await self._counter.count(route, as_vllm, as_llama_cpp)

    def served_by(self, route: Route) -> ServedBy | None:
        """An OpenAI-compatible server does not say what it really runs."""
        return None

    def _post(self, route: Route, body: bytes) -> AbstractAsyncContextManager[UpstreamReply]:
        headers = {"content-type": "application/json", "accept": "text/event-stream", **_headers(route)}
        url = route.base_url.rstrip("/") + "/chat/completions"
        return self._upstream.post(url, headers, body, route.timeouts)

    def _opened(
        self, reply: UpstreamReply, request: Request, route: Route, drops: tuple[Drop, ...]
    ) -> StreamedReply:
        return StreamedReply(
            self._upstream,
            reply,
            wire="openai_chat",
            drops=drops,
            decoder=ChatStreamDecoder(choices=request.choices),
            whole=partial(decode_reply, choices=request.choices),
            free_text=() if route.strict else free_text_tools(request),
        )

    def _remember_plain(self, route: Route) -> None:
        if len(self._plain) >= _REMEMBERED:
            self._plain.clear()
        self._plain.add(route.issuer)


async def _refusal(reply: UpstreamReply) -> Fault | None:
    if reply.status == 200:
        return None
    return decode_error(reply.status, reply.headers, await first_bytes(reply))


def _headers(route: Route) -> dict[str, str]:
    return {"authorization": f"Bearer {route.api_key}"} if route.api_key else {}
