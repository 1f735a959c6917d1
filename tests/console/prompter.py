"""An upstream of chat completions that says what a test lets it say, when it does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from tests.flow.upstreams import ScriptedUpstream, chat_events


class Answering:
    """One request that waits for its words; `asked` is its body, `left` is set when the asker has gone."""

    def __init__(self, asked: Any) -> None:
        self.asked = asked
        self.left = asyncio.Event()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(self, words: str) -> None:
        """A piece of the answer."""
        self._delta({"content": words})

    def think(self, words: str) -> None:
        """A piece of what comes before the answer."""
        self._delta({"reasoning_content": words})

    def cite(self, *sources: dict[str, str]) -> None:
        """Sources of a search."""
        self._delta({"annotations": [{"type": "url_citation", **source} for source in sources]})

    def call(self, tool: str, arguments: Any) -> None:
        """A call of a tool, whole."""
        function = {"name": tool, "arguments": json.dumps(arguments)}
        self._delta({"tool_calls": [{"index": 0, "id": "call_a", "type": "function", "function": function}]})

    def end(self, reason: str = "stop") -> None:
        """The end, with its counts."""
        *_, ending, counts, done = chat_events(finish=reason)
        for piece in (ending, counts, done, None):
            self.pieces.put_nowait(piece)

    def _delta(self, delta: dict[str, Any]) -> None:
        _, piece, *_ = chat_events(delta)
        self.pieces.put_nowait(piece)


class Prompter(ScriptedUpstream):
    """`await next()` is the request that has come in after the last one."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self._waiting: asyncio.Queue[Answering] = asyncio.Queue()

    async def next(self) -> Answering:
        """Waits for it."""
        return await asyncio.wait_for(self._waiting.get(), 10)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        answering = Answering(json.loads(await request.read()))
        self._waiting.put_nowait(answering)
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        try:
            while (piece := await answering.pieces.get()) is not None:
                await reply.write(piece)
        except (asyncio.CancelledError, ConnectionError):
            answering.left.set()
            raise
        return reply
