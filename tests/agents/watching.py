"""Stands between a tool and the platform and writes down what passes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect"})
_MODELS = ("/chat/completions", "/messages", "/responses")


@dataclass(slots=True)
class Seen:
    """One request and the status it was answered with."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int = 0

    @property
    def asks(self) -> bool:
        """Is a model asked?"""
        return self.path.partition("?")[0].endswith(_MODELS)


@dataclass(slots=True)
class Watcher:
    """All that a tool has sent."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    @property
    def statuses(self) -> list[int]:
        """Those of the requests that asked a model."""
        return [each.status for each in self.seen if each.asks]


def record(watcher: Watcher, file: Path) -> None:
    """Keeps the requests that asked a model, for whoever wants to see what a tool sends."""
    said = [
        {"path": each.path, "status": each.status, "headers": each.headers, "body": each.body}
        for each in watcher.seen
        if each.asks
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, indent=1, ensure_ascii=False))


@asynccontextmanager
async def watching(platform: str) -> AsyncIterator[Watcher]:
    """Hands everything on to `platform`, and its replies back as they come."""
    watcher = Watcher()
    async with aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout()) as session:

        async def pass_on(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
            seen = Seen(request.method, request.path_qs, {k.lower(): v for k, v in headers.items()}, None)
            seen.body = json.loads(body) if body else None
            watcher.seen.append(seen)
            async with session.request(
                request.method, platform + request.path_qs, data=body or None, headers=headers
            ) as answered:
                seen.status = answered.status
                told = {name: value for name, value in answered.headers.items() if name.lower() not in _OWN}
                reply = web.StreamResponse(status=answered.status, headers=told)
                await reply.prepare(request)
                async for chunk in answered.content.iter_any():
                    await reply.write(chunk)
                return reply

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            watcher.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield watcher
        finally:
            await runner.cleanup()
