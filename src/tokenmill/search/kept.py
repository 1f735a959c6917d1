"""Keeps answers for a while: so many, and the oldest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Up to `most` answers, each for `seconds`."""

    def __init__(self, most: int, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._answers: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The answer, if it is fresh."""
        at, answer = self._answers.get(key, (0.0, None))
        if answer is None or self._now() - at >= self._seconds:
            return None
        return answer

    def put(self, key: K, answer: V) -> None:
        """From now on `key` is answered so."""
        self._answers.pop(key, None)
        self._answers[key] = (self._now(), answer)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
