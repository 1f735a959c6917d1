"""Takes the words out of a page, in one pass over its marks.

No tree is built: parsers that follow the HTML standard take minutes over 2 MB of nested `<div>`, and nothing
can interrupt them. What is left out is told by its element (menus, scripts), by how much of it is links, and
by how short it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from typing import Final

import msgspec

LONGEST_PAGE: Final = 1_000_000
"""Characters of a page that are looked at."""
MOST_MARKS: Final = 100_000
"""Marks and pieces of text between them; a long article has a few thousand."""

_TOKEN = re.compile(
    r"<!--(?:.*?-->|.*)"
    r"|<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)\b[^<>]*>(?P<inside>.*?)(?:</(?P=raw)\s*>|$)"
    r"|<(?P<close>/?)(?P<name>[a-z][a-z0-9-]*)(?P<attributes>[^<>]*)(?:>|$|(?=<))"
    r"|<[!?/][^>]*(?:>|$)"
    r"|[^<]+|<",
    re.IGNORECASE | re.DOTALL,
)
_SKIPPED: Final = frozenset(
    str.split(
        "nav footer aside form noscript template svg math canvas object audio video select button menu dialog"
        " head"
    )
)
_HEADINGS: Final = frozenset(str.split("h1 h2 h3 h4 h5 h6"))
_BLOCKS: Final = _HEADINGS | frozenset(
    str.split(
        "address article blockquote body br dd details div dl dt figcaption figure header hr html li main ol"
        " p pre section summary table tbody td tfoot th thead tr ul"
    )
)
_HIDDEN = re.compile(r"\bhidden\b(?!-)|display\s*:\s*none|aria-hidden\s*=\s*[\"']?true", re.IGNORECASE)
_VOID: Final = frozenset(str.split("br hr img input meta link source area wbr col embed"))
_SPACE = re.compile(r"[^\S\n]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")

SHORT: Final = 25
"""Characters below which a block is a label rather than a sentence, unless it is a heading."""
MOSTLY_LINKS: Final = 0.5
"""Of a block's characters: with more of them in links it is a menu."""


class _Block:
    """Words between two marks that begin a line."""

    __slots__ = ("heading", "linked", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.linked = 0
        self.heading = False


class Page(msgspec.Struct, frozen=True):
    """What a page says."""

    title: str
    text: str


def read_html(html: str) -> Page:
    """The words of an HTML page, a line for each paragraph; broken HTML is read as well as it goes."""
    reader = _Reader()
    reader.read(html[:LONGEST_PAGE])
    blocks = [(_tidy("".join(block.words)), block) for block in reader.blocks]
    said = [text for text, block in blocks if text and _tells(text, block)]
    if not said:
        said = [text for text, _ in blocks if text]
    return Page(_tidy(reader.title), "\n".join(_unrepeated(said)))


def read_plain(text: str) -> Page:
    """The words of a page that has no marks."""
    lines = (_tidy(line) for line in text[:LONGEST_PAGE].splitlines())
    return Page("", "\n".join(line for line in lines if line))


class _Reader:
    """Goes over the marks of one page."""

    def __init__(self) -> None:
        self.title = ""
        self.blocks: list[_Block] = [_Block()]
        self._skipping = ""  # The outermost element that is left out, and how many of its name are open.
        self._depth = 0
        self._links = 0

    def read(self, html: str) -> None:
        for token in islice(_TOKEN.finditer(html), MOST_MARKS):
            name = token["name"]
            if name is not None:
                self._mark(name.lower(), token["close"] == "/", token["attributes"])
            elif token["raw"] is not None:
                if token["raw"].lower() == "title" and not self.title:
                    self.title = unescape(token["inside"][:1_000])
            elif not self._skipping and (text := token[0]) and not text.startswith(("<!", "<?", "</")):
                self._say(unescape(text))

    def _mark(self, name: str, closes: bool, attributes: str) -> None:
        if self._skipping:
            if name == self._skipping:
                self._depth += -1 if closes else 1
                if not self._depth:
                    self._skipping = ""
            elif name in ("body", "main", "article") and not closes:
                self._skipping = ""  # Of an element that nobody closed.
            return
        if not closes and name not in _VOID and (name in _SKIPPED or _HIDDEN.search(attributes)):
            self._skipping, self._depth = name, 1
            return
        if name == "a":
            self._links = 0 if closes else 1
        elif name in _BLOCKS:
            self._links = 0
            if self.blocks[-1].words:
                self.blocks.append(_Block())
            self.blocks[-1].heading = name in _HEADINGS and not closes

    def _say(self, words: str) -> None:
        block = self.blocks[-1]
        block.words.append(words)
        if self._links:
            block.linked += len(words.strip())


def _tells(text: str, block: _Block) -> bool:
    """Is it something to read, rather than something to click on?"""
    if block.linked > MOSTLY_LINKS * len(text):
        return False
    return block.heading or len(text) >= SHORT or text[-1] in ".!?。！？:：;；" or _has_figures(text)


def _has_figures(text: str) -> bool:
    return any(map(str.isdigit, text))


def _tidy(text: str) -> str:
    """On one line, and without signs that nobody sees: they can hold words for a model alone."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", text).replace("\n", " ")).strip()


def _unrepeated(lines: list[str]) -> Iterator[str]:
    """Each line once: teasers and headings often stand on a page again and again."""
    seen: set[str] = set()
    for line in lines:
        if line not in seen:
            seen.add(line)
            yield line
