"""Sends an exchange as server-sent events, with pings while the model is silent."""

from __future__ import annotations

import asyncio

from tokenmill.api.call import Call, Header

SILENCE = 10.0
"""Seconds; proxies and agents hang up on a silent stream, the strictest known of them after 15 to 30."""

_PING = b": ping\n\n"
_HEADERS: list[Header] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """One streamed reply; its status line goes out with the first byte, so that early faults are HTTP's."""

    def __init__(self, call: Call, silence: float = SILENCE) -> None:
        self._call = call
        self._silence = silence
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
        await self._call.more(data)

    async def ping_if_silent(self) -> None:
        """Sends a comment if nothing has gone out for a while."""
        if self._loop.time() - self._last >= self._silence * 0.9:
            await self.send(_PING)

    async def end(self) -> None:
        """Ends the reply."""
        await self._call.end()
