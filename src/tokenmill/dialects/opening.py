"""Tells a thought that stands in tags at the start of content from the answer after it."""

from __future__ import annotations

from typing import Final, NamedTuple

from tokenmill.dialects.machine import Dialect, DialectReader, Piece, Reading

MAX_BLANKS: Final = 256
"""In characters: how much white space at the start is held back while a mark may come."""
_DOUBTFUL: Final = frozenset(" .…,;:)'\"`-/&|")
_NO_THOUGHT: Final = frozenset({"and", "or", "&", "/", ",", "...", "…", "和", "与", "及", "、"})


_HOME: Final = "text"


class Thought(NamedTuple):
    """Text that belongs to the reasoning."""

    text: str


class Answer(NamedTuple):
    """Text that belongs to the content."""

    text: str


class Tags(NamedTuple):
    """Marks and white space that belong to neither."""

    text: str


Opening = Thought | Answer | Tags


class OpeningReader:
    """Reads the start of content; when it is `over`, all that comes is answer and need not be fed.

    A thought is passed on as it comes, so one that is never closed stays reasoning. Only where the tag may be
    a mere word of the answer (`<think> is a tag`) is it held until it is closed: then it was a thought, else
    text. White space around an empty thought, and line breaks after any, vanish with the tags. A closing
    tag at the very start vanishes too, unless prose follows it on its line and no reasoning came before.
    """

    def __init__(self, table: Dialect, *, reasoned: bool) -> None:
        self._reader = DialectReader(table)
        self._reads = table.reads
        self._reasoned = reasoned
        self._out: list[Opening] = []
        self._blanks = ""
        self._tag = ""
        self._weighed: str | None = None
        self._thinking = False
        self.over = False

    def feed(self, text: str) -> list[Opening]:
        """What is certain now."""
        if self.over:
            return [Answer(text)] if text else []
        for piece in self._reader.feed(text):
            self._take(piece)
        return self._drawn()

    def close(self) -> list[Opening]:
        """The content is over."""
        for piece in self._reader.close():
            self._take(piece)
        reading = self._reads[self._reader.state]
        held = self._tag + self._blanks + (self._weighed or "")
        if held:
            empty = (reading is Reading.REASONING or reading is Reading.TAIL) and self._weighed is None
            self._out.append(Tags(held) if empty else Answer(held))
        self._tag = self._blanks = ""
        self._weighed = None
        return self._drawn()

    def _drawn(self) -> list[Opening]:
        out, self._out = self._out, []
        return out

    def _take(self, piece: Piece) -> None:
        if self.over:
            self._out.append(Answer(piece.text))
            return
        match self._reads[piece.state]:
            case Reading.EDGE:
                self._take_edge(piece)
            case Reading.REASONING:
                self._take_thought(piece)
            case Reading.TAIL:
                self._take_tail(piece)
            case _:
                self._answer(piece.text)

    def _take_edge(self, piece: Piece) -> None:
        if piece.move is None:
            self._blanks += piece.text
            if len(self._blanks) > MAX_BLANKS:
                self._answer("")
        elif not piece.text:
            self._answer("")
        else:
            self._tag, self._blanks = self._blanks + piece.text, ""
            self._thinking = self._reads[piece.move.to] is Reading.REASONING

    def _take_thought(self, piece: Piece) -> None:
        if piece.move is not None:
            self._end_thought(piece.text)
            return
        text = self._blanks + piece.text
        self._blanks = ""
        if self._weighed is not None:
            self._weighed += text
        elif not self._tag:
            self._out.append(Thought(text))
        elif text[0] in _DOUBTFUL:
            self._weighed = text
        elif text.isspace():
            self._blanks = text
        else:
            self._out += (Tags(self._tag), Thought(text))
            self._tag = ""

    def _end_thought(self, mark: str) -> None:
        weighed, self._weighed = self._weighed, None
        if weighed is not None and weighed.strip() in _NO_THOUGHT:
            self._answer(weighed + mark)
        elif weighed is not None and not weighed.isspace():
            self._out += (Tags(self._tag), Thought(weighed))
            self._tag = mark
        else:
            self._tag += (weighed or "") + self._blanks + mark
        self._blanks = ""

    def _take_tail(self, piece: Piece) -> None:
        if piece.move is None:
            self._blanks += piece.text
        elif piece.text:
            self._tag, self._blanks = self._tag + self._blanks + piece.text, ""
        elif not self._thinking and not self._reasoned and self._blanks[:1] == " ":
            self._answer("")
        else:
            line = self._blanks.rfind("\n") + 1
            self._out.append(Tags(self._tag + self._blanks[:line]))
            self._tag, self._blanks = "", self._blanks[line:]
            self._answer("")

    def _answer(self, text: str) -> None:
        """From here on all is answer, what was held too."""
        words = self._tag + self._blanks + text
        self._tag = self._blanks = ""
        self.over = True
        self._reader.state = _HOME
        if words:
            self._out.append(Answer(words))
