"""Asks targets for token counts, briefly, and remembers which of them cannot tell."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from tokenmill.kit.faults import Fault
from tokenmill.ports import Route, Timeouts, Upstream

DEADLINE = 0.3
"""Seconds for all questions of one count together: a caller who counts before every request feels more."""
SILENT_FOR = 600.0
"""Seconds for which a target that cannot count is not asked again; operators upgrade servers."""

_REMEMBERED = 1_000
_LARGEST = 16 * 2**20  # Bytes; llama.cpp answers with the number of every token.
_TIMEOUTS = Timeouts(connect=DEADLINE, first=DEADLINE, between=DEADLINE, whole=1.0)

T = TypeVar("T")


class CannotCount(Exception):
    """The target knows no such question, or answers with something else than a count."""


Question = Callable[[], Awaitable[int]]
"""Asks a target in one way. Raises CannotCount where another way may do."""


class Counter:
    """Asks the targets of one engine."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._mute: OrderedDict[str, float] = OrderedDict()

    async def count(self, route: Route, *questions: Question) -> int | None:
        """What the first question that is understood gives; None when none is, or not in time."""
        now = asyncio.get_running_loop().time()
        if self._mute.get(route.issuer, 0.0) > now:
            return None
        try:
            async with asyncio.timeout(DEADLINE):
                for question in questions:
                    try:
                        return await question()
                    except CannotCount:
                        continue
        except (Fault, TimeoutError):
            return None  # Away or slow this time; the next time it may not be.
        self._mute[route.issuer] = now + SILENT_FOR
        if len(self._mute) > _REMEMBERED:
            self._mute.popitem(last=False)
        return None

    async def ask(self, url: str, headers: Mapping[str, str], body: object, answer: type[T]) -> T:
        """What `url` answers. Raises CannotCount for another answer, Fault when none comes."""
        said = {"content-type": "application/json", **headers}
        async with self._upstream.post(url, said, msgspec.json.encode(body), _TIMEOUTS) as reply:
            if reply.status != 200:
                raise CannotCount
            try:
                return msgspec.json.decode(await self._upstream.read(reply, _LARGEST), type=answer)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise CannotCount from None
