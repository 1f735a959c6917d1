"""Reads lists of phrases.

A list is text, one phrase a line. `#` begins a comment, `[category]` says what the lines below it are about,
`a | b` are alternatives, and ` * ` between two parts stands for a few words in the same sentence.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.folding import FREE, fold, squeeze

Origin = Literal["builtin", "file", "own"]

MOST_BYTES: Final = 2_000_000
"""Of a list; a hundred thousand phrases."""
LONGEST: Final = 200
"""Letters and digits of a part; what a stream holds back is at most about that."""
MOST_PARTS: Final = 4
GAP_LATIN: Final = 24
"""Letters and digits for which ` * ` may stand: four or five words."""
GAP_FREE: Final = 10
"""The same where words have no spaces between them."""

_HEADING = re.compile(r"\[([a-z_]+)\]")
_STAR = re.compile(r"\s\*\s")
_FREE = re.compile(f"[{FREE}]")


class Piece(msgspec.Struct, frozen=True):
    """A part of a phrase, squeezed, with the offsets at which its words begin, the first left out.

    `said` is how it was written.
    """

    text: str
    words: frozenset[int]
    said: str


class Phrase(msgspec.Struct, frozen=True):
    """A line of a list: its parts follow each other, at most `gap` letters apart; each is any of its pieces.

    `line` is as it was written.
    """

    source: str
    category: Category
    line: str
    parts: tuple[tuple[Piece, ...], ...]
    gap: int
    builtin: bool


class PhraseList(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it is kept: `origin` says where."""

    name: str
    origin: Origin
    category: Category
    text: str
    phrases: tuple[Phrase, ...]
    enabled: bool = True


def read_list(name: str, text: str, *, origin: Origin, category: Category = Category.CUSTOM) -> PhraseList:
    """The list; `category` is that of lines above the first heading. Raises Fault(BAD_VALUE).

    A line without a letter or digit would be found everywhere, so it is an error.
    """
    if len(text) > MOST_BYTES:
        raise Fault(Code.BAD_VALUE, f"A list may have {MOST_BYTES:,} characters.", field="text")
    if "\0" in text:  # PostgreSQL keeps none.
        raise Fault(Code.BAD_VALUE, "A list is plain text; this one has U+0000 in it.", field="text")
    found: dict[str, Phrase] = {}
    now = category
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().lstrip("\ufeff")
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            now = _category(heading[1], number)
            continue
        phrase = Phrase(
            name, now, line, *_parts(line, number, plural=origin == "builtin"), origin == "builtin"
        )
        found[line] = phrase
    return PhraseList(name=name, origin=origin, category=category, text=text, phrases=tuple(found.values()))


def _category(name: str, number: int) -> Category:
    try:
        return Category(name)
    except ValueError:
        known = ", ".join(Category)
        raise Fault(
            Code.BAD_VALUE,
            f"Line {number}: there is no category {name!r}; write one of {known}.",
            field="text",
        ) from None


def _parts(line: str, number: int, *, plural: bool) -> tuple[tuple[tuple[Piece, ...], ...], int]:
    parts = []
    for part in _STAR.split(f" {line} "):
        pieces = [_piece(words) for words in part.split("|") if words.strip()]
        if not pieces or any(not piece.text or len(piece.text) > LONGEST for piece in pieces):
            raise Fault(
                Code.BAD_VALUE,
                f"Line {number}: each part needs letters or digits, at most {LONGEST}.",
                field="text",
            )
        if plural:
            pieces += [
                Piece(f"{each.text}s", each.words, each.said) for each in pieces if _has_plural(each.text)
            ]
        parts.append(tuple(dict.fromkeys(pieces)))
    if len(parts) > MOST_PARTS:
        raise Fault(Code.BAD_VALUE, f"Line {number}: a phrase has at most {MOST_PARTS} parts.", field="text")
    free = all(_FREE.search(piece.text) for part in parts for piece in part)
    return tuple(parts), GAP_FREE if free else GAP_LATIN


def _piece(words: str) -> Piece:
    starts: list[int] = []
    length = 0
    for word in fold(words).split():
        starts.append(length)
        length += len(word)
    return Piece(squeeze(fold(words)), frozenset(starts[1:]), words.strip())


def _has_plural(text: str) -> bool:
    return len(text) >= 4 and text.isascii() and text[-1].isalpha() and text[-1] != "s"
