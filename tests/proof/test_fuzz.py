"""Hostile input in every place that takes some; `FUZZ_SECONDS` and `FUZZ_SEED` steer the long form."""

from __future__ import annotations

import gc
import itertools
import os
import resource
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.proof.hunt import Case, Find, hunt
from tests.proof.requests import request_case
from tests.proof.streams import reply_case, stream_case
from tests.proof.words import words_case

MAKERS: Final = {stream_case: 5, reply_case: 1, request_case: 2, words_case: 2}
SECONDS: Final = 600.0
ROOM: Final = 768 * 1024 * 1024
"""In bytes, for what the process still holds at the end: the tools alone take a third of it."""


def make(chance: Random) -> Case:
    """The next case, whatever it is of."""
    return chance.choices([*MAKERS], [*MAKERS.values()])[0](chance)


def must_find_nothing(finds: Iterable[Find | None]) -> None:
    """Fails with everything that was found, each with the smallest input that shows it."""
    found = [find for find in finds if find is not None]
    assert not found, "\n\n".join(map(str, found))


def resident() -> int:
    """Bytes of memory of this process, as Linux counts them."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def test_a_few_hundred_hostile_inputs_break_no_law() -> None:
    must_find_nothing(hunt("small", range(250), make))


def test_a_broken_law_is_found_and_its_input_made_small() -> None:
    """The hunt itself would notice: a check that dislikes two bytes is led to just these."""

    def dislike(data: bytes) -> None:
        assert not (b"<" in data and b">" in data), "both"

    parts = [bytes([n]) * 40 for n in range(32, 127)]
    (find,) = hunt("any", [0], lambda _: Case("bytes", parts, dislike))
    assert find is not None
    assert sorted(find.data) == sorted(b"<>")
    assert "both" in find.complaint


@pytest.mark.proof
def test_minutes_of_hostile_inputs_break_no_law() -> None:
    """Each case is made by the seed and its number: `FUZZ_SEED=… FUZZ_CASE=…` makes one again."""
    seed = os.environ.get("FUZZ_SEED") or secrets.token_hex(4)
    only = os.environ.get("FUZZ_CASE")
    until = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", SECONDS))
    numbers = itertools.count() if only is None else iter([int(only)])
    tried = itertools.takewhile(lambda _: time.monotonic() < until, numbers)
    print(f"\nFUZZ_SEED={seed}", flush=True)
    count = 0
    found: list[Find] = []
    for find in hunt(seed, tried, make):
        count += 1
        if find is not None:
            print(find, flush=True)
            found.append(find)
    held = resident()
    print(f"{count} cases, {len(found)} finds, {held // 2**20} MiB held at the end")
    must_find_nothing(found)
    assert held <= ROOM, f"{held} bytes of memory"
