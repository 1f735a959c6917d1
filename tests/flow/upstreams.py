"""Upstreams of flesh and blood: HTTP servers that answer by script and remember what they were asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedUpstream:
    """Answers with one script after the other, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.left = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.asked.append(json.loads(await request.read()))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.paths.append(request.path)
        script = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        try:
            return await script(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise


Scripted = TypeVar("Scripted", bound=ScriptedUpstream)


@asynccontextmanager
async def listening(upstream: Scripted) -> AsyncIterator[Scripted]:
    """`upstream` on a free port; `upstream.url` is its root."""
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", upstream.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield upstream
    finally:
        await runner.cleanup()


def stream(*pieces: bytes, pause: float = 0.0, hang: bool = False, cut: bool = False) -> Answer:
    """Server-sent events, one piece a write; then it ends, hangs, or cuts the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        for piece in pieces:
            await reply.write(piece)
            await asyncio.sleep(pause)
        if hang:
            await asyncio.Event().wait()
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return reply

    return answer


def whole(body: Any, status: int = 200, **headers: str) -> Answer:
    """One JSON body."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(
            body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return answer


def chat_events(*deltas: dict[str, Any], finish: str = "stop", **members: Any) -> list[bytes]:
    """A chat completion as vLLM streams it, with a member that only it knows."""
    head = {
        "id": "chatcmpl-up",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "up-model",
    }
    said = [{"role": "assistant", "content": ""}, *deltas]
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None, "x_trace": 7}], **members}
        for delta in said
    ]
    chunks.append(
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish, "stop_reason": None}]}
    )
    usage = {"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30}
    chunks.append({**head, "choices": [], "usage": usage})
    return [*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


def messages_events(
    *blocks: tuple[dict[str, Any], Iterable[dict[str, Any]]], stop: str = "end_turn"
) -> list[bytes]:
    """A message as Anthropic streams it: blocks as they begin, each with its deltas."""
    usage = {
        "input_tokens": 21,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "output_tokens": 1,
    }
    message: dict[str, Any] = {
        "id": "msg_up", "type": "message", "role": "assistant", "model": "up-model", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": stop, "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def catalogue(*targets: tuple[str, str, str], **fields: str) -> str:
    """Targets as (id, engine, base_url), all behind one model; `fields` are TOML lines for each target."""
    lines = [f"{name} = {value}" for name, value in fields.items()]
    text = "".join(
        "\n".join(
            ["[[targets]]", f'id = "{id_}"', f'engine = "{engine}"', f'base_url = "{url}"', *lines, "", ""]
        )
        for id_, engine, url in targets
    )
    refs = ", ".join(
        f'{{ target = "{id_}", model = "up-model", priority = {at} }}'
        for at, (id_, _, _) in enumerate(targets)
    )
    return text + f'[[models]]\nid = "mimo-v2.5-pro"\ntargets = [{refs}]\n'
