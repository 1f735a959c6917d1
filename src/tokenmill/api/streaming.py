"""Sends an exchange as server-sent events, with pings while the model is silent."""

from __future__ import annotations

import asyncio

from tokenmill.api.call import Call, Header
from tokenmill.wire.sse import PING

SILENCE = 10.0
"""Seconds; proxies and agents hang up on a silent stream, the strictest known of them after 15 to 30."""

STALLED = 120.0
"""Seconds after which a caller who does not read is taken for gone: meanwhile it holds a place upstream."""

_HEADERS: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """One streamed reply; its status line goes out with the first byte, so that early faults are HTTP's.

    `ping` is what keeps it alive; a comment, which no reader minds, until the face knows better.
    """

    def __init__(self, call: Call, silence: float = SILENCE) -> None:
        self.ping = PING
        self._call = call
        self._silence = silence
        self._sending = False
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    @property
    def started(self) -> bool:
        """Has the status line gone out?"""
        return self._call.answered

    async def send(self, data: bytes) -> None:
        """Sends whole events; waits when the caller reads slowly."""
        if not self._call.answered:
            await self._call.start(200, _HEADERS)
        self._last = self._loop.time()
        self._sending = True
        await self._call.more(data)
        self._sending = False

    async def tend(self) -> bool:
        """Sends a ping if nothing has gone out for a while; False when the caller has stopped reading."""
        idle = self._loop.time() - self._last
        if self._sending:
            return idle < STALLED
        if idle >= self._silence * 0.9:
            await self._call.more(self.ping) if self._call.answered else await self.send(self.ping)
        return True

    async def end(self, data: bytes) -> None:
        """Sends the last events."""
        if not self._call.answered:
            await self._call.start(200, _HEADERS)
        await self._call.end(data)
