"""Looks for inputs that break a law, and makes what it finds small."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final, NamedTuple

HANG: Final = 60.0
"""Seconds of CPU time after which a case is taken for endless; the dearest lawful one takes a few."""
SHRINKING: Final = 30.0
"""Seconds of CPU time that are spent on making one find smaller."""
_SHOWN: Final = 3_000

Check = Callable[[bytes], None]
"""Raises whatever is wrong with an input."""


class Case(NamedTuple):
    """One input, in the parts of which it was made, and what must hold for it."""

    label: str
    parts: list[bytes]
    check: Check


class Find(NamedTuple):
    """An input that broke a law; `where` tells it from others."""

    number: int
    label: str
    where: str
    complaint: str
    data: bytes

    def __str__(self) -> str:
        shown = repr(self.data)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}… ({len(self.data)} bytes)"
        return f"case {self.number}, {self.label}, {self.where}\n{self.complaint}\nminimal input: {shown}"


class Hang(Exception):
    """A case did not end."""


@contextmanager
def _ending(seconds: float) -> Iterator[None]:
    """Raises Hang in the block after `seconds` of CPU time."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Hang(f"no end after {seconds} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _complaint(check: Check, data: bytes) -> Exception | None:
    try:
        with _ending(HANG):
            check(data)
    except Exception as error:
        return error
    return None


def _where(error: Exception) -> str:
    """The kind of error and the innermost line of ours."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/site-packages/" not in frame.filename
    ]
    frames = [frame for frame in frames if "/tokenmill/" in frame.filename or "/tests/" in frame.filename]
    last = frames[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def hunt(seed: str, cases: Iterable[int], make: Callable[[Random], Case]) -> Iterator[Find | None]:
    """Tries the cases of a seed; each is made by its number alone. Gives each new kind of find, or None."""
    known: set[str] = set()
    for number in cases:
        case = make(Random(f"{seed}/{number}"))
        error = _complaint(case.check, b"".join(case.parts))
        if error is None or (where := _where(error)) in known:
            yield None
            continue
        known.add(where)
        data = shrunk(case, where)
        final = _complaint(case.check, data) or error
        yield Find(number, case.label, where, "".join(traceback.format_exception(final)), data)


def shrunk(case: Case, where: str) -> bytes:
    """A smaller input with the same complaint: fewer parts first, then fewer bytes."""
    until = time.process_time() + SHRINKING

    def complains(parts: list[bytes]) -> bool:
        error = _complaint(case.check, b"".join(parts))
        return error is not None and _where(error) == where

    parts = _fewer(case.parts, complains, until)
    data = b"".join(parts)
    for size in (4_096, 256, 16, 1):
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        data = b"".join(_fewer(pieces, complains, until))
    return data


def _fewer(parts: list[bytes], complains: Callable[[list[bytes]], bool], until: float) -> list[bytes]:
    """Leaves out ever smaller shares of `parts` (Zeller's ddmin, complements only) until none can go."""
    share = max(1, len(parts) // 2)
    while time.process_time() < until:
        at, smaller = 0, False
        while at < len(parts) and time.process_time() < until:
            rest = parts[:at] + parts[at + share :]
            if complains(rest):
                parts, smaller = rest, True
            else:
                at += share
        if share == 1 and not smaller:
            break
        share = max(1, share // 2)
    return parts
