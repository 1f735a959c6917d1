"""Sends an exchange as server-sent events, with pings while the model is silent."""

from __future__ import annotations

import asyncio

from tokenmill.api.call import Call, Header
from tokenmill.wire.sse import PING

SILENCE = 10.0
"""Seconds; proxies and agents hang up on a silent stream, the strictest known of them after 15 to 30."""

KEPT_STREAM = 256 * 1024
"""Bytes of a stream that are kept for a caller who asks again; the SDKs do so before they have read any."""

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
        self.kept: list[bytes] | None = None
        self.kept_bytes = 0

    @property
    def started(self) -> bool:
        """Has the status line gone out?"""
        return self._call.answered

    def keep(self) -> None:
        """From now on what is sent is kept as well, for a caller who asks again; a long reply is not."""
        self.kept = []

    async def move_to(self, call: Call) -> None:
        """Goes on to another call, which first gets what has been sent; all of that has to be kept."""
        if self.started:
            await call.start(200, _HEADERS)
        sent = 0
        while (kept := self.kept or []) and sent < len(kept):
            more = b"".join(kept[sent:])
            sent = len(kept)
            await call.more(more)
        self._call = call

    async def repeat_to(self, call: Call) -> None:
        """Sends the whole reply, which has ended, to another call."""
        await call.start(200, _HEADERS)
        await call.end(b"".join(self.kept or ()))

    def _note(self, data: bytes) -> None:
        if self.kept is None:
            return
        self.kept_bytes += len(data)
        if self.kept_bytes > KEPT_STREAM:
            self.kept, self.kept_bytes = None, 0
        else:
            self.kept.append(data)

    async def send(self, data: bytes) -> None:
        """Sends whole events; waits when the caller reads slowly."""
        if not self._call.answered:
            await self._call.start(200, _HEADERS)
        self._last = self._loop.time()
        self._sending = True
        self._note(data)
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
        self._note(data)
        await self._call.end(data)
