"""A closed-loop load generator on bare sockets, checking every reply."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field

WORDS = "The quick brown fox jumps over the lazy dog while the gateway counts tokens. " * 8


@dataclass(slots=True)
class Measured:
    """What one scenario saw; latencies in seconds."""

    good: int = 0
    bad: int = 0
    chunks: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Median latency of a whole reply."""
        return statistics.median(self.latencies) * 1000 if self.latencies else 0.0


def request_bytes(port: int, key: str, model: str, *, stream: bool, n: int, delay: int) -> bytes:
    """One keep-alive POST as it goes over the wire."""
    body = json.dumps(
        {
            "model": model,
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": f"[[n={n} d={delay}]] {WORDS}"},
            ],
            "max_tokens": 256,
            "stream": stream,
        }
    ).encode()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def run(port: int, request: bytes, *, clients: int, requests: int, chunks: int) -> Measured:
    """Sends `requests` in all over `clients` connections; `chunks` is how many content chunks a reply has."""
    measured = Measured()
    left = requests

    async def client() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            began = time.perf_counter()
            writer.write(request)
            ok, seen = await _reply(reader)
            measured.latencies.append(time.perf_counter() - began)
            measured.chunks += seen
            if ok and (chunks == 0 or seen == chunks):
                measured.good += 1
            else:
                measured.bad += 1
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    measured.seconds = time.perf_counter() - began
    return measured


async def _reply(reader: asyncio.StreamReader) -> tuple[bool, int]:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    ok = b" 200 " in head.split(b"\r\n", 1)[0]
    if b"content-length:" in lowered:
        size = int(lowered.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(size)
        return ok and b"quick brown" in body, 0
    seen, ended = 0, False
    while size := int(await reader.readline(), 16):
        piece = await reader.readexactly(size + 2)
        seen += piece.count(b"quick brown")
        ended = ended or b"[DONE]" in piece
    await reader.readline()
    return ok and ended, seen
