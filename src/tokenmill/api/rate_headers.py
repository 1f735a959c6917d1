"""Says in each vendor's headers what the rate limits leave."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from tokenmill.kit.clock import rfc3339
from tokenmill.limits.limiter import Left, Standing

Header = tuple[bytes, bytes]


def openai_rates(standing: Standing) -> list[Header]:
    """`x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; resets as durations, like `12ms` or `1m0s`."""
    return _said(standing, b"x-ratelimit-%s-%s", ("limit", "remaining", "reset"), _duration, named_last=True)


def anthropic_rates(standing: Standing) -> list[Header]:
    """`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`; resets as RFC 3339."""
    return _said(
        standing, b"anthropic-ratelimit-%s-%s", ("limit", "remaining", "reset"), _moment, named_last=False
    )


def _said(
    standing: Standing,
    pattern: bytes,
    figures: tuple[str, str, str],
    reset: Callable[[float], str],
    *,
    named_last: bool,
) -> list[Header]:
    said: list[Header] = []
    for kind, left in (("requests", standing.requests), ("tokens", standing.tokens)):
        if left is None:
            continue
        for figure, value in zip(figures, _values(left, reset), strict=True):
            names = (figure, kind) if named_last else (kind, figure)
            said.append((pattern % tuple(name.encode() for name in names), value.encode()))
    return said


def _values(left: Left, reset: Callable[[float], str]) -> tuple[str, str, str]:
    return str(left.limit), str(left.left), reset(left.reset)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _moment(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(time.time() + seconds, UTC))
