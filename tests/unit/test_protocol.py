"""Shows how a connection is answered whose request never becomes known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from tokenmill.api.protocol import HEAD_LIMIT, BoundedHttpProtocol


class Hasty(BoundedHttpProtocol):
    """A protocol that waits for headers no longer than a test does."""

    head_seconds = 0.2


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no request ever becomes known")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = Config(nobody)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Hasty(config, ServerState(), {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def answered(port: int, request: bytes) -> tuple[bytes, dict[str, str], dict[str, Any]]:
    """The status line, the headers and the body of what `request` gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.split(b"\r\n")
    headers = dict(line.decode().split(": ") for line in lines)
    return status, headers, json.loads(body) if body else {}


LONG = b"x-a: " + b"a" * HEAD_LIMIT


async def test_headers_without_end_are_refused_with_a_request_id(port: int) -> None:
    status, headers, body = await answered(port, b"POST /v1/responses HTTP/1.1\r\n" + LONG)
    assert status.startswith(b"HTTP/1.1 431 ")
    assert headers["x-request-id"].startswith("req_")
    assert body["error"]["type"] == "invalid_request_error"
    assert "64 KiB" in body["error"]["message"]


async def test_headers_that_do_not_come_are_refused_in_the_dialect_of_the_address(port: int) -> None:
    status, headers, body = await answered(port, b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: x\r\n")
    assert status == b"HTTP/1.1 408 Request Timeout"
    assert body["type"] == "error"
    assert body["request_id"] == headers["request-id"]


async def test_a_connection_that_asks_nothing_is_closed_without_a_word(port: int) -> None:
    assert (await answered(port, b""))[0] == b""
