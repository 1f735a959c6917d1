"""Bounds how often an account may read: that is free, and would otherwise be unbounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.limits.limiter import Limiter, Quota

READS_A_MINUTE: Final = 600
"""Of lists, receipts and counts; an agent that sizes up its context asks for two dozen counts at once."""

P = ParamSpec("P")
Face = Callable[Concatenate[Call, Caller, P], Awaitable[None]]


class ReadLimit:
    """Lets reads through at their own rate, beside that of the models."""

    def __init__(self, limiter: Limiter, rpm: int = READS_A_MINUTE) -> None:
        self._limiter = limiter
        self._rpm = rpm

    def __call__(self, face: Face[P]) -> Face[P]:
        """`face`, which raises Fault(RATE_LIMITED) when its caller's account reads too much."""

        async def limited(call: Call, caller: Caller, /, *args: P.args, **kwargs: P.kwargs) -> None:
            quota = Quota(scope=f"{caller.account_id}/reads", rpm=self._rpm)
            place = await self._limiter.enter((quota,), 0)
            try:
                await face(call, caller, *args, **kwargs)
            finally:
                await place.leave(0)

        return limited
