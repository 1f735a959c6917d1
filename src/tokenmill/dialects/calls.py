"""Finds whole tool calls in a model's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from tokenmill.dialects.draft import Draft
from tokenmill.dialects.machine import OUTSIDE, Act, Dialect, DialectReader, Piece, Reading
from tokenmill.dialects.prose import CodeSpans
from tokenmill.dialects.values import Parameters

MAX_CALL: Final = 4_194_304
"""In characters; longer than any value an agent writes, short enough to be held for many replies at once."""
MAX_NAME: Final = 128
"""In characters; twice what the protocols allow for a function's name."""
MAX_BLANKS: Final = 256
"""In characters: how much white space before the first words is held back."""
_REREAD: Final = 256
"""In characters: how far what looked like a call and was none is looked through for another beginning."""
_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "《": "》"}
_HOME: Final = "text"
_FENCE_END: Final = re.compile("[`~]").search


class Words(NamedTuple):
    """Text that stays where it was."""

    text: str


class Call(NamedTuple):
    """A whole call; `source` is the text that it was made of."""

    name: str
    arguments: str
    source: str


class Blank(NamedTuple):
    """White space and closing marks that belong to the calls beside them."""

    text: str


Found = Words | Call | Blank


class CallFinder:
    """Reads one channel; what it finds, joined, is what it was fed.

    A call in code or directly after a quotation mark is quoted, not made. White space between calls, or
    between a call and an end of the channel, is no words.

    `stir` makes ordinary words cheap: where it is a function and finds nothing in the next text, that text is
    words as it stands and need not be fed; `skip` must be told of it instead.
    """

    def __init__(self, dialect: Dialect, tools: Mapping[str, Parameters]) -> None:
        self._reader = DialectReader(dialect)
        self._dialect = dialect
        self._reads = dialect.reads
        self._tools = tools
        self._code = CodeSpans()
        self._draft: Draft | None = None
        self._last = ""
        self._quote = ""
        self._blanks = ""
        self._fresh = True
        self._called = False
        self._found: list[Found] = []
        starts = {mark[0] for mark in dialect.openers if mark != "{"} | {"`", "~"}
        self.stir: Callable[[str], object] | None = None
        self._search = re.compile("[" + re.escape("".join(sorted(starts))) + "]").search

    def skip(self, text: str) -> None:
        """Says that `text` passed without being fed, last of all that did since."""
        self._last = text

    def feed(self, text: str) -> list[Found]:
        """What is certain now."""
        for piece in self._reader.feed(text):
            self._take(piece)
        self.stir = self._stir()
        return self._take_found()

    def end(self) -> list[Found]:
        """The text is over; then `decide` must be called."""
        if self._draft is None and self._reads[self._reader.state] is Reading.TAIL:
            self._blanks += self._reader.take_broken_mark()
        for piece in self._reader.close():
            self._take(piece)
        self.stir = None
        return self._take_found()

    @property
    def undecided(self) -> bool:
        """Does it hang on how the reply ended whether the last call is whole?"""
        return self._draft is not None and self._reader.state in self._dialect.forgiven

    def decide(self, *, cut: bool) -> list[Found]:
        """What is left: a call that lacks closing marks only is whole, unless the text was `cut`."""
        if self._draft is not None:
            if not cut and self._reader.state in self._dialect.forgiven:
                self._finish(forgiving=True)
            else:
                self._give_up()
                for piece in self._reader.close():
                    self._take(piece)
                if self._draft is not None:
                    self._say("".join(self._draft.source))
                    self._draft = None
        if self._blanks:
            self._found.append(Blank(self._blanks) if self._called else Words(self._blanks))
            self._blanks = ""
        return self._take_found()

    def _stir(self) -> Callable[[str], object] | None:
        quiet = self._draft is None and not self._fresh and not self._quote
        if not quiet or self._reader.state != _HOME or self._reader.held:
            return None
        if self._code.calm:
            return self._search
        return _FENCE_END if self._code.fenced else None

    def _take_found(self) -> list[Found]:
        found, self._found = self._found, []
        return found if len(found) < 2 else _joined(found)

    def _take(self, piece: Piece) -> None:
        if self._draft is not None:
            self._go_on(self._draft, piece)
            return
        to = self._reads[piece.move.to] if piece.move is not None else self._reads[piece.state]
        if self._reads[piece.state] is Reading.TAIL:
            self._trail(piece, to)
        elif to in OUTSIDE:
            self._say(piece.text)
        elif self._code.inside or self._quote or self._last[-1:] in _QUOTES:
            quote = self._quote or _QUOTES.get(self._last[-1:], "")
            if self._code.inside and not self._code.fenced:
                quote = "`"  # Quoted markup may go on over lines, though inline code seldom does.
            self._say(piece.text)
            self._quote = quote
            self._reader.state = _HOME
        else:
            self._draft = Draft(piece, self._dialect, self._tools)

    def _trail(self, piece: Piece, to: Reading) -> None:
        """After a call: closing marks are swallowed, blanks wait for what they stand before."""
        if piece.move is None:
            self._blanks += piece.text
        elif to in OUTSIDE or to is Reading.TAIL:
            if piece.text:
                self._found.append(Blank(self._blanks + piece.text))
                self._blanks = ""
        else:
            self._draft = Draft(piece, self._dialect, self._tools)

    def _go_on(self, draft: Draft, piece: Piece) -> None:
        move = piece.move
        if move is None:
            draft.read(piece)
            if draft.hopeless or draft.size > MAX_CALL or draft.label > MAX_NAME:
                self._give_up()
            return
        to = self._reads[move.to]
        if move.act is Act.CALL_WHOLE:
            ours = to in OUTSIDE or to is Reading.TAIL
            if ours:
                draft.take(piece)
            self._finish(forgiving=False)
            if not ours:
                self._draft = Draft(piece, self._dialect, self._tools)
            return
        draft.take(piece)
        if to in OUTSIDE or draft.hopeless:
            self._give_up()

    def _finish(self, *, forgiving: bool) -> None:
        draft = self._draft
        assert draft is not None
        self._draft = None
        source = "".join(draft.source)
        calls = draft.calls(forgiving=forgiving)
        if calls is None:
            self._say(source)
            if self._reads[self._reader.state] is Reading.TAIL:
                self._reader.state = _HOME
            return
        if self._blanks:
            self._found.append(Blank(self._blanks))
            self._blanks = ""
        for name, arguments in calls:
            self._found.append(Call(name, arguments, source))
            source = ""
        self._fresh = self._called = True
        self._last = ""

    def _give_up(self) -> None:
        """What looked like a call is words; close after its beginning there may be another one."""
        draft = self._draft
        assert draft is not None
        self._draft = None
        rest = "".join(draft.source[1:])
        if draft.has_values or len(rest) > _REREAD:
            self._say(draft.source[0] + rest)
            self._reader.state = _HOME
        else:
            self._say(draft.source[0])
            self._reader.reread(rest, _HOME)

    def _say(self, text: str) -> None:
        if not text:
            return
        self._code.feed(text)
        # What follows a quoted mark is quoted too, up to the other quotation mark or the paragraph's end.
        if self._quote and (self._quote in text or "\n\n" in self._last[-1:] + text):
            self._quote = ""
        self._last = text
        if self._fresh:
            text, self._blanks = self._blanks + text, ""
            if text.isspace() and len(text) <= MAX_BLANKS:
                self._blanks = text
                return
            self._fresh = False
        self._found.append(Words(text))


def _joined(found: list[Found]) -> list[Found]:
    """`found` with neighbouring words as one."""
    out: list[Found] = []
    for are_words, run in groupby(found, key=lambda one: isinstance(one, Words)):
        if are_words:
            out.append(Words("".join(one.text for one in run if isinstance(one, Words))))
        else:
            out += run
    return out
