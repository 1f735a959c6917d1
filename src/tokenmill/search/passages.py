"""Cuts a page to what matters for a query."""

from __future__ import annotations

import re
from collections import Counter
from math import log
from typing import Final

from tokenmill.search.terms import terms_of

PASSAGE: Final = 400
"""Characters of a passage: two or three sentences."""
LONGEST_TEXT: Final = 200_000
"""Characters of a page that are looked at."""

_SENTENCE = re.compile(r"[^.!?。！？\n]*[.!?。！？\n]+|[^.!?。！？\n]+")


def best_passages(text: str, query: str, most: int) -> str:
    """What of `text` says most about `query`, as it stands there, in at most `most` characters.

    A page that says nothing about it is known by its beginning.
    """
    text = text[:LONGEST_TEXT].strip()
    if len(text) <= most:
        return text
    passages = _passages(text, min(PASSAGE, most - 3))
    scores = _scores(passages, set(terms_of(query)))
    chosen: list[int] = []
    left = most
    for at in sorted(range(len(passages)), key=lambda at: (-scores[at], at)):
        if len(passages[at]) + 3 > left:
            continue
        if not scores[at] and chosen:
            break
        chosen.append(at)
        left -= len(passages[at]) + 3
    return _joined(passages, sorted(chosen)) or text[:most]


def _passages(text: str, longest: int) -> list[str]:
    """Whole sentences, joined until they make a passage; one without an end is cut."""
    passages: list[str] = []
    growing = ""
    for sentence in _SENTENCE.findall(text):
        for at in range(0, len(sentence), longest):
            piece = sentence[at : at + longest]
            if growing and len(growing) + len(piece) > longest:
                passages.append(growing.strip())
                growing = ""
            growing += piece
    passages.append(growing.strip())
    return [passage for passage in passages if passage]


def _scores(passages: list[str], wanted: set[str]) -> list[float]:
    """For each passage the wanted terms in it, the rarer ones more; the first passages are a little ahead."""
    found = [Counter(term for term in terms_of(passage) if term in wanted) for passage in passages]
    spread = Counter(term for terms in found for term in terms)
    return [
        sum(
            (1 + log(count)) * log(1 + len(passages) / spread[term]) for term, count in terms.items()
        ) * (1 + 0.2 / (1 + at))
        for at, terms in enumerate(found)
    ]  # fmt: skip


def _joined(passages: list[str], chosen: list[int]) -> str:
    """With a mark wherever something was left out."""
    text = ""
    for before, at in zip([None, *chosen], chosen, strict=False):
        gap = "" if before is None else ("\n" if at == before + 1 else "\n…\n")
        text += gap + passages[at]
    return text
