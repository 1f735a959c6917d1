"""Finds the phrases of all lists in folded text, however much of it is there yet."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick

from tokenmill.moderation.folding import FREE, GAP, STOP, squeeze
from tokenmill.moderation.phrases import Phrase, PhraseList, Piece

WIDEST: Final = 64
"""So many characters that are no letters end every phrase; else blanks would hold a stream up for ever."""
UNMISTAKABLE: Final = 10
"""Letters from which a Latin piece is found in spite of blanks in odd places."""

_TOO_WIDE: Final = re.compile(f"[{GAP}{STOP}]{{{WIDEST},}}")
_BETWEEN: Final = re.compile(f"[{GAP}{STOP}]")
_START: Final = re.compile(f"[{FREE}]|(?<![^{GAP}{STOP}{FREE}])[^{GAP}{STOP}]")
"""Where a piece may begin: a word, or any character of a script that does not part them."""
_WORD: Final = re.compile(f"[^{GAP}{STOP}{FREE}]")


class Match(NamedTuple):
    """A phrase that was found, at offsets of the folded text; `rule` is what of the phrase fits."""

    phrase: Phrase
    rule: str
    start: int
    end: int


class Look(NamedTuple):
    """What was found, and from where on more text could still make it a phrase."""

    matches: tuple[Match, ...]
    open_from: int


class _Chain(NamedTuple):
    """The beginning of a phrase with parts: what comes next, and where it began and stands, squeezed."""

    part: int
    start: int
    end: int
    said: tuple[str, ...]


class _Hit(NamedTuple):
    start: int
    end: int
    piece: Piece
    uses: tuple[tuple[int, int], ...]  # Of which phrase, and which of its parts.


class Rulebook:
    """All phrases, compiled; made anew when a list changes. It is immutable, and any number may look."""

    def __init__(self, lists: Iterable[PhraseList]) -> None:
        self.phrases = tuple(phrase for each in lists if each.enabled for phrase in each.phrases)
        uses: dict[Piece, list[tuple[int, int]]] = {}
        for at, phrase in enumerate(self.phrases):
            for part, pieces in enumerate(phrase.parts):
                for piece in pieces:
                    uses.setdefault(piece, []).append((at, part))
        self._pieces = [(piece, tuple(found)) for piece, found in uses.items()]
        self._longest = max((len(piece.text) for piece, _ in self._pieces), default=0)
        self._reach = [
            [max(len(piece.text) for piece in part) + phrase.gap for part in phrase.parts]
            for phrase in self.phrases
        ]
        self._beginnings = frozenset(
            piece.text[:length] for piece, _ in self._pieces for length in _undecided(piece.text)
        )
        self._automaton = AhoCorasick([piece.text for piece, _ in self._pieces], store_patterns=False)

    def __len__(self) -> int:
        return len(self.phrases)

    def look(self, folded: str, *, inside: bool = False, final: bool = False) -> Look:
        """What is in `folded`, and from where on it has to be looked at again with what comes next.

        `inside`: is the character before it part of a word? `final`: nothing comes next.
        """
        if _TOO_WIDE.search(folded) is None:
            return self._look(folded, inside, final)
        matches: list[Match] = []
        cuts = [*_TOO_WIDE.finditer(folded)]
        start = 0
        for cut in cuts:
            found = self._look(folded[start : cut.start()], inside, True).matches
            matches += [each._replace(start=each.start + start, end=each.end + start) for each in found]
            start, inside = cut.end(), False
        last = self._look(folded[start:], False, final)
        matches += [each._replace(start=each.start + start, end=each.end + start) for each in last.matches]
        return Look(tuple(matches), last.open_from + start)

    def _look(self, folded: str, inside: bool, final: bool) -> Look:
        squeezed = squeeze(folded)
        found = self._automaton.find_matches_as_indexes(squeezed, overlapping=True)
        open_from = len(folded) if final else self._beginning(folded, inside)
        if not found:
            return Look((), open_from)
        places = _Places(folded)
        hits = (
            _Hit(start, end, *self._pieces[pattern])
            for pattern, start, end in sorted(found, key=lambda each: (each[1], each[2]))
        )
        matches, waiting = self._chained(
            (hit for hit in hits if _stands(hit, folded, places, inside, final)), folded, places
        )
        if not final:
            lively = [
                chain.start
                for at, chain in waiting
                if len(squeezed) - chain.end <= self._reach[at][chain.part]
                and not places.stopped(chain.end, len(squeezed))
            ]
            if lively:
                open_from = min(open_from, places.of(min(lively)))
        return Look(tuple(matches), open_from)

    def _beginning(self, folded: str, inside: bool) -> int:
        """Where the first beginning of a piece stands that the end of the text leaves undecided."""
        near = _near(folded, self._longest)
        for found in _START.finditer(folded, near):
            at = found.start()
            if at == 0 and inside and _WORD.match(folded):
                continue
            if squeeze(folded[at:]) in self._beginnings:
                return at
        return len(folded)

    def _chained(
        self, hits: Iterable[_Hit], folded: str, places: _Places
    ) -> tuple[list[Match], list[tuple[int, _Chain]]]:
        """The phrases whose parts follow each other, and those that only lack what may still come."""
        matches: list[Match] = []
        chains: dict[int, list[_Chain]] = {}
        for hit in hits:
            for at, part in hit.uses:
                phrase = self.phrases[at]
                before = chains.get(at, [])
                starts = (
                    [(hit.start, ())]
                    if part == 0
                    else [
                        (chain.start, chain.said)
                        for chain in before
                        if chain.part == part
                        and 0 <= hit.start - chain.end <= phrase.gap
                        and not places.stopped(chain.end, hit.start)
                    ]
                )
                if not starts:
                    continue
                start, said = min(starts)
                said = (*said, hit.piece.said)
                if part + 1 == len(phrase.parts):
                    found = Match(phrase, " * ".join(said), places.of(start), places.of(hit.end - 1) + 1)
                    matches.append(found)
                    continue
                near = [c for c in before if hit.start - c.end <= phrase.gap + LONGEST_PART]
                chains[at] = [*near, _Chain(part + 1, start, hit.end, said)]
        return matches, [(at, chain) for at, found in chains.items() for chain in found]


LONGEST_PART: Final = 256
"""Squeezed characters after which the beginning of a phrase is forgotten for certain."""


class _Places:
    """Where squeezed characters stand in the folded text."""

    __slots__ = ("_before", "_folded")

    def __init__(self, folded: str) -> None:
        self._folded = folded
        # How many letters stand before each blank.
        self._before = [found.start() - at for at, found in enumerate(_BETWEEN.finditer(folded))]

    def of(self, squeezed: int) -> int:
        """The offset in the folded text."""
        return squeezed + bisect_right(self._before, squeezed)

    def stopped(self, start: int, end: int) -> bool:
        """Does a sentence end between two squeezed offsets?"""
        first = self.of(start - 1) + 1 if start else 0
        last = self.of(end) if end < len(self._folded) - len(self._before) else len(self._folded)
        return STOP in self._folded[first:last]


def _undecided(text: str) -> range:
    """How much of a piece may stand at the end of a text without deciding it.

    A Latin piece is not decided when it is whole, for its last word may go on.
    """
    return range(1, len(text) + (1 if _WORD.match(text[-1]) else 0))


def _near(folded: str, letters: int) -> int:
    """Where the last so many letters begin."""
    if len(folded) <= letters:
        return 0
    at = len(folded)
    while at and letters:
        at -= 1
        if folded[at] != GAP and folded[at] != STOP:
            letters -= 1
    return at


def _stands(hit: _Hit, folded: str, places: _Places, inside: bool, final: bool) -> bool:
    """Is it a piece, and not just its letters in other words?"""
    text = hit.piece.text
    start, end = places.of(hit.start), places.of(hit.end - 1) + 1
    if _WORD.match(text[0]) and (_WORD.match(folded[start - 1]) if start else inside):
        return False
    if _WORD.match(text[-1]):
        if end == len(folded) and not final:
            return False  # Its last word may go on.
        if end < len(folded) and _WORD.match(folded[end]):
            return False
    if len(text) >= UNMISTAKABLE or not _WORD.match(text[0]):
        return True
    gaps = set(_gaps(folded[start:end]))
    return gaps <= hit.piece.words or len(gaps) == len(text) - 1


def _gaps(slice_: str) -> Iterator[int]:
    """The squeezed offsets before which something stands that is no letter."""
    letters = 0
    gap = False
    for character in slice_:
        if character in (GAP, STOP):
            gap = True
        else:
            if gap:
                yield letters
            letters += 1
            gap = False
