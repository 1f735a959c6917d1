"""Keeps rate windows in this process, for platforms of one node."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

from tokenmill.kit.clock import Clock
from tokenmill.limits.limiter import MINUTE, Left, Quota, Standing, too_fast, too_many_at_once

KEPT: Final = 50_000
"""Scopes in memory; an idle one takes about 300 bytes, and is forgotten first."""
_LOOKS: Final = 4
"""Scopes that are looked at for one that comes new: more than one, so that memory shrinks again."""


class _Window:
    """What one scope has done in the last minute, in buckets of a second."""

    __slots__ = ("buckets", "requests", "running", "tokens")

    def __init__(self) -> None:
        self.buckets: deque[list[int]] = deque()  # [second, requests, tokens]
        self.requests = 0
        self.tokens = 0
        self.running = 0

    def slide(self, second: int) -> None:
        """Forgets what is older than a minute."""
        while self.buckets and self.buckets[0][0] <= second - MINUTE:
            _, requests, tokens = self.buckets.popleft()
            self.requests -= requests
            self.tokens -= tokens

    def add(self, second: int, requests: int, tokens: int) -> None:
        if not self.buckets or self.buckets[-1][0] != second:
            self.buckets.append([second, 0, 0])
        self.buckets[-1][1] += requests
        self.buckets[-1][2] += tokens
        self.requests += requests
        self.tokens += tokens

    def correct(self, second: int, more: int, requests: int = 0) -> None:
        """Changes what a request of `second` took, as long as that is within the window."""
        for bucket in reversed(self.buckets):
            if bucket[0] == second:
                more = max(more, -bucket[2])
                bucket[1] += requests
                bucket[2] += more
                self.requests += requests
                self.tokens += more
                return
            if bucket[0] < second:
                return

    def wait(self, now: float, requests: int, tokens: int) -> float:
        """Seconds until so much will have left the window."""
        for second, old_requests, old_tokens in self.buckets:
            requests -= old_requests
            tokens -= old_tokens
            if requests <= 0 and tokens <= 0:
                return second + MINUTE - now
        return float(MINUTE)

    def reset(self, now: float) -> float:
        return max(0.0, self.buckets[-1][0] + MINUTE - now) if self.buckets else 0.0


class LocalLimiter:
    """See `tokenmill.limits.limiter.Limiter`."""

    def __init__(self, clock: Clock, *, kept: int = KEPT) -> None:
        self._clock = clock
        self._kept = kept
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def enter(self, quotas: Sequence[Quota], tokens: int) -> LocalPlace:
        """See `tokenmill.limits.limiter.Limiter.enter`."""
        now = self._clock.monotonic()
        second = int(now)
        windows = [self._window(quota.scope, second) for quota in quotas]
        for quota, window in zip(quotas, windows, strict=True):
            _refuse_full(quota, window, now, tokens)
        for window in windows:
            window.add(second, 1, tokens)
            window.running += 1
        return LocalPlace(windows, second, tokens, _standing(quotas, windows, now))

    def _window(self, scope: str, second: int) -> _Window:
        window = self._windows.get(scope)
        if window is None:
            window = self._windows[scope] = _Window()
            self._forget_idle(second)
        else:
            self._windows.move_to_end(scope)
            window.slide(second)
        return window

    def _forget_idle(self, second: int) -> None:
        for _ in range(_LOOKS):
            if len(self._windows) <= self._kept:
                return
            scope, oldest = next(iter(self._windows.items()))
            oldest.slide(second)
            if oldest.running or oldest.buckets:  # Rather more memory than a busy window forgotten.
                self._windows.move_to_end(scope)
            else:
                del self._windows[scope]


class LocalPlace:
    """See `tokenmill.limits.limiter.Place`."""

    def __init__(self, windows: list[_Window], second: int, tokens: int, standing: Standing) -> None:
        self.standing = standing
        self._windows = windows
        self._second = second
        self._tokens = tokens

    async def leave(self, tokens: int) -> None:
        for window in self._windows:
            window.running -= 1
            window.correct(self._second, tokens - self._tokens)
        self._windows = []

    def undo(self) -> None:
        """The request was not let in after all."""
        for window in self._windows:
            window.running -= 1
            window.correct(self._second, -self._tokens, requests=-1)
        self._windows = []


def _refuse_full(quota: Quota, window: _Window, now: float, tokens: int) -> None:
    if quota.concurrency is not None and window.running >= quota.concurrency:
        raise too_many_at_once(quota.concurrency)
    if quota.rpm is not None and window.requests >= quota.rpm:
        raise too_fast("requests", quota.rpm, window.wait(now, window.requests - quota.rpm + 1, 0))
    if quota.tpm is not None and window.tokens and window.tokens + tokens > quota.tpm:
        over = window.tokens + tokens - quota.tpm
        wait = window.wait(now, 0, min(over, window.tokens))
        raise too_fast("tokens", quota.tpm, wait, max(0, quota.tpm - window.tokens))


def _standing(quotas: Sequence[Quota], windows: Sequence[_Window], now: float) -> Standing:
    requests: Left | None = None
    tokens: Left | None = None
    for quota, window in zip(quotas, windows, strict=True):
        if quota.rpm is not None:
            left = Left(quota.rpm, max(0, quota.rpm - window.requests), window.reset(now))
            requests = left if requests is None or left.left < requests.left else requests
        if quota.tpm is not None:
            left = Left(quota.tpm, max(0, quota.tpm - window.tokens), window.reset(now))
            tokens = left if tokens is None or left.left < tokens.left else tokens
    return Standing(requests, tokens)
