"""Keeps a host from being asked too much at once by this node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

AT_ONCE: Final = 2
"""Pages of one host that are fetched at a time."""
APART: Final = 0.25
"""Seconds between the beginnings of two fetches from one host."""


class _Host:
    __slots__ = ("next", "places", "users")

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.next = 0.0
        self.users = 0


class Manners:
    """Knows the hosts that are being asked, and forgets them afterwards."""

    def __init__(self, apart: float = APART) -> None:
        self._apart = apart
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def at(self, name: str) -> AsyncIterator[None]:
        """A place at the host; it may have to be waited for."""
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            async with host.places:
                now = monotonic()
                begin = max(now, host.next)
                host.next = begin + self._apart
                await asyncio.sleep(begin - now)
                yield
        finally:
            host.users -= 1
            if not host.users:
                del self._hosts[name]
