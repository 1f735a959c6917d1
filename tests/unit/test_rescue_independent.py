"""Shows how often the rescue is right on a corpus that its tables were not written from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.test_rescue import CORPUS, cut_everywhere, expected, rescued

CASES: list[dict[str, Any]] = json.loads((CORPUS / "independent.json").read_text())
RESCUED_AT_LEAST = 0.95
INNOCENT_UNTOUCHED_AT_LEAST = 0.99
KNOWN_MISSES = {
    # Python's own call syntax needs a reading of its own.
    ("llama", "a list of Python calls"),
    # Hearing a bare object would hold back every JSON answer that begins with a name.
    ("hermes", "the opener forgotten"),
    # HTML's elements for code are not followed as Markdown's marks are.
    ("mimo", "preformatted text of HTML"),
}


def without_outer_space(parts: list[list[Any]]) -> list[list[Any]]:
    """The parts as a reader sees them: white space beside a lifted call says nothing."""
    trimmed = [part if part[0] == "call" else [part[0], part[1].strip()] for part in parts]
    return [part for part in trimmed if part[0] == "call" or part[1]]


def is_right(case: dict[str, Any]) -> bool:
    """Does the caller see what the case says, however the reply is cut? The innocent keep every byte."""
    leaks = "becomes" in case
    whole = [[said] if said else [] for said in (case.get("reasoning", ""), case.get("text", ""))]
    for pieces in (whole, *cut_everywhere(case)):
        got, ends, rescue = rescued(case, pieces)
        want = expected(case)
        if leaks:
            got, want = without_outer_space(got), without_outer_space(want)
        if (got, ends, bool(rescue.lifted)) != (want, case["ends"], leaks):
            return False
    return True


@pytest.mark.parametrize(
    ("leaks", "floor"),
    [(True, RESCUED_AT_LEAST), (False, INNOCENT_UNTOUCHED_AT_LEAST)],
    ids=["leaks", "innocent"],
)
def test_the_rate_holds_wherever_a_reply_is_cut(
    leaks: bool, floor: float, record_property: Callable[[str, object], None]
) -> None:
    """Nearly all leaks are rescued, nearly all the innocent are left alone; each miss is a known one."""
    cases = [case for case in CASES if ("becomes" in case) == leaks]
    missed = {(case["family"], case["name"]) for case in cases if not is_right(case)}
    rate = 1 - len(missed) / len(cases)
    record_property("rate", f"{rate:.1%} of {len(cases)}")
    assert missed == {(case["family"], case["name"]) for case in cases} & KNOWN_MISSES
    assert rate >= floor


def calls_of(parts: list[list[Any]]) -> list[list[Any]]:
    return [part for part in parts if part[0] == "call"]


@pytest.mark.parametrize("channel", ["reasoning", "text"])
def test_a_reply_cut_short_calls_nothing_that_the_whole_would_not(channel: str) -> None:
    """Wherever the length limit falls, the calls are the first of those that the whole reply makes."""
    tried = 0
    for case in CASES:
        said = case.get(channel, "")
        if (case["family"], case["name"]) in KNOWN_MISSES:
            continue
        for end in range(1, len(said), 5):
            short = {**case, "reasoning": case.get("reasoning", ""), "text": "", "stop": "length"}
            short[channel] = said[:end]
            got, ends, _ = rescued(
                short, [[words] if words else [] for words in (short["reasoning"], short["text"])]
            )
            calls = calls_of(got)
            assert calls == calls_of(expected(case))[: len(calls)], short
            assert ends == "length"
            tried += 1
    assert tried > 100


def test_the_corpus_is_large_half_innocent_and_gives_its_reasons() -> None:
    """A rate of a few cases, or of cases that nobody can judge, would say little."""
    innocent = [case for case in CASES if "becomes" not in case]
    assert len(CASES) >= 120
    assert 2 * len(innocent) >= len(CASES)
    assert len({(case["family"], case["name"]) for case in CASES}) == len(CASES)
    assert all(case["why"] for case in CASES)
