"""Lets requests in by the rates of their account, model and key, and says how much is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Code, Fault

MINUTE = 60
"""Seconds of every window; it slides, so that no minute whatever sees more than the limit."""


class Quota(Value, frozen=True, kw_only=True):
    """What one scope may do: requests and tokens a minute, requests at once; None: as much as it likes."""

    scope: str
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


class Left(Value, frozen=True):
    """Of `limit` a minute, how much is left now, and in how many seconds all of it will be."""

    limit: int
    left: int
    reset: float


class Standing(Value, frozen=True):
    """How a caller stands after its request was let in, by the tightest of its quotas."""

    requests: Left | None = None
    tokens: Left | None = None


class Place(Protocol):
    """A request that was let in."""

    @property
    def standing(self) -> Standing:
        """What is left for the next one."""
        ...

    async def leave(self, tokens: int) -> None:
        """The request has ended, and has taken `tokens` in all."""
        ...


class Limiter(Protocol):
    """Where the windows are kept: in this process, or where all nodes see them."""

    async def enter(self, quotas: Sequence[Quota], tokens: int) -> Place:
        """Lets a request in that will take about `tokens`, in all of `quotas` or in none.

        Raises Fault(RATE_LIMITED), with the seconds after which there is room.
        """
        ...


class TooFast(Fault):
    """The fault of a request that has to wait; `standing` is how its caller stands, as far as it is known."""

    def __init__(self, what: str, wait: float, standing: Standing, limit: int) -> None:
        super().__init__(
            Code.RATE_LIMITED,
            f"Too many {what}: at most {limit:,} a minute here. Please try again in {max(1, round(wait))} s.",
            retry_after=max(1.0, wait),
        )
        self.standing = standing


def too_fast(what: Literal["requests", "tokens"], limit: int, wait: float, left: int | None = 0) -> TooFast:
    """The fault of a request that has to wait, with `left` of `limit` to be had; None: nobody knows."""
    known = None if left is None else Left(limit, left, wait)
    standing = Standing(requests=known) if what == "requests" else Standing(tokens=known)
    return TooFast(what, wait, standing, limit)


def too_many_at_once(limit: int) -> Fault:
    """The fault of a request for which there is no place at the moment."""
    return Fault(
        Code.RATE_LIMITED,
        f"Too many requests at once: at most {limit} may run at a time here. Please wait for one to end.",
        retry_after=1.0,
    )
