"""Asks a platform's application without a server in between."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from tokenmill.api.app import App


async def status_of(app: App, path: str, key: str) -> int:
    """The status of a GET with this key."""
    statuses: list[int] = []
    came = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if came:
            return came.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    (status,) = statuses
    return status
