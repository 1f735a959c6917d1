"""A scripted model server that costs next to nothing: `python -m tests.bench.upstream PORT`.

A marker `[[n=64 d=15]]` anywhere in the request sets the number of chunks and the delay
between them in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

_MARK = re.compile(rb"\[\[n=(\d+) d=(\d+)\]\]")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _block(delta: dict[str, object], finish: str | None = None) -> bytes:
    body = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "upstream-name",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return _chunked(b"data: " + json.dumps(body).encode() + b"\n\n")


def _chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _last(n: int) -> bytes:
    usage = {"prompt_tokens": 150, "completion_tokens": n, "total_tokens": 150 + n}
    body = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "upstream-name",
        "choices": [],
        "usage": usage,
    }
    tail = b"data: " + json.dumps(body).encode() + b"\n\n" + b"data: [DONE]\n\n"
    return _block({}, "stop") + _chunked(tail) + b"0\r\n\r\n"


FIRST = _block({"role": "assistant", "content": ""})
WORD = _block({"content": "quick brown "})


class Upstream(asyncio.Protocol):
    """One connection; answers whatever is posted."""

    def __init__(self) -> None:
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases.

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = _LENGTH.search(head)
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            return
        self._buffer = rest[size:]
        found = _MARK.search(rest)
        n, delay = (int(found.group(1)), int(found.group(2))) if found else (8, 0)
        if not delay:
            self._transport.write(_HEAD + FIRST + WORD * n + _last(n))
            return
        task = asyncio.get_running_loop().create_task(self._paced(n, delay / 1000))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _paced(self, n: int, delay: float) -> None:
        self._transport.write(_HEAD + FIRST)
        for _ in range(n):
            await asyncio.sleep(delay)
            if self._transport.is_closing():
                return
            self._transport.write(WORD)
        self._transport.write(_last(n))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
