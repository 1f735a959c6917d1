"""Reads a model's text by a table of marks, wherever the text was cut.

A `Dialect` says which marks are heard in which state, where each mark leads, and how the text of each
state is to be read. Some readings allow only some characters (a gap allows blanks, a name allows
word characters); another character there is a *stray*: it is not consumed, the state changes by the
table of strays, and it is read again there. JSON is the one reading that a table of marks cannot
end: such a state is entered by its first bracket and left, by the table `wholes`, after its last one.

A mark that is not heard in the present state is text. What the reader holds back between two calls
of `feed` is never longer than the longest mark less one character; the pieces it gives, joined, are the
text it was fed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple, TypeVar


class Reading(Enum):
    """What the text of a state is."""

    TEXT = auto()
    EDGE = auto()
    """Blanks before the first words."""
    REASONING = auto()
    GAP = auto()
    """Blanks inside a call."""
    NAME = auto()
    ID = auto()
    KEY = auto()
    VALUE = auto()
    EXAMPLE = auto()
    """Word characters inside a value."""
    JSON = auto()
    TAIL = auto()
    """Blanks after a whole call."""


OUTSIDE: Final = frozenset({Reading.TEXT, Reading.EDGE, Reading.REASONING})
"""Readings that belong to no call."""


class Act(Enum):
    """What a move says beside where it leads."""

    NOTHING = auto()
    VALUE_OVER = auto()
    """By its own closing mark the value may be over: it is not if a stray leads back into it."""
    CALL_WHOLE = auto()


class Frame(Enum):
    """Whether the line breaks directly inside a value's tags belong to the tags."""

    NONE = auto()
    """No: every character is the value's own."""
    LINE = auto()
    """Around a value of one line they do; a value of several lines is kept as it is."""
    BLOCK = auto()
    """One before and one after do, as in the template."""


class Move(NamedTuple):
    """Where a mark leads."""

    to: str
    act: Act = Act.NOTHING


class Piece(NamedTuple):
    """Some text read in `state`; with a `move` it is a mark, the end of JSON, or a stray (then empty)."""

    state: str
    text: str
    move: Move | None = None


_BLANK: Final = r"[^ \t\r\n]"
_WORD: Final = r"[^\w.:/$-]"
STRAY_CHARACTERS: Final[Mapping[Reading, str]] = {
    Reading.EDGE: _BLANK,
    Reading.GAP: _BLANK,
    Reading.TAIL: _BLANK,
    Reading.NAME: _WORD,
    Reading.ID: _WORD,
    Reading.KEY: _WORD,
    Reading.EXAMPLE: _WORD,
}
"""Per reading that does not allow every character, a pattern of the first that is not allowed."""


class _Scanner(NamedTuple):
    """One state of a table, ready to be searched for."""

    marks: re.Pattern[str] | None
    strays: re.Pattern[str] | None
    moves: Mapping[str, Move]
    prefixes: frozenset[str]
    firsts: frozenset[str]
    longest: int


def _scanner(moves: Mapping[str, Move], reading: Reading) -> _Scanner:
    strays = STRAY_CHARACTERS.get(reading)
    return _Scanner(
        re.compile("|".join(map(re.escape, moves))) if moves else None,
        re.compile(strays) if strays is not None else None,
        moves,
        frozenset(mark[:n] for mark in moves for n in range(1, len(mark))),
        frozenset(mark[0] for mark in moves),
        max(map(len, moves), default=0),
    )


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A family's markup as data; raises ValueError if it is incomplete or ambiguous.

    `forgiven` names the states in which the text may end and the call is whole all the same, because
    only closing marks are missing. `frame` says which line breaks around a value are not its own.
    """

    start: str
    reads: Mapping[str, Reading]
    moves: Mapping[tuple[str, str], Move]
    strays: Mapping[str, str] = field(default_factory=dict)
    wholes: Mapping[str, Move] = field(default_factory=dict)
    forgiven: frozenset[str] = frozenset()
    frame: Frame = Frame.NONE
    scanners: Mapping[str, _Scanner] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._refuse_unread()
        self._refuse_dead_ends()
        self._refuse_ambiguous()
        self._refuse_unreachable()
        heard: dict[str, dict[str, Move]] = {state: {} for state in self.reads}
        for (state, mark), move in self.moves.items():
            heard[state][mark] = move
        scanners = {state: _scanner(moves, self.reads[state]) for state, moves in heard.items()}
        object.__setattr__(self, "scanners", scanners)

    @property
    def openers(self) -> frozenset[str]:
        """The marks that lead out of ordinary text."""
        return frozenset(mark for state, mark in self.moves if self.reads[state] in OUTSIDE)

    def _refuse_unread(self) -> None:
        named = {self.start, *self.strays, *self.strays.values(), *self.wholes, *self.forgiven}
        named |= {state for state, _ in self.moves}
        named |= {move.to for move in (*self.moves.values(), *self.wholes.values())}
        if unread := named - set(self.reads):
            raise ValueError(f"nothing says how to read {sorted(unread)}")

    def _refuse_dead_ends(self) -> None:
        picky = {state for state, reading in self.reads.items() if reading in STRAY_CHARACTERS}
        jsons = {state for state, reading in self.reads.items() if reading is Reading.JSON}
        if lost := (picky | jsons) - set(self.strays):
            raise ValueError(f"a stray character leads nowhere from {sorted(lost)}")
        if never := set(self.strays) - picky - jsons:
            raise ValueError(f"{sorted(never)} can have no strays")
        if set(self.wholes) != jsons:
            raise ValueError(f"the end of JSON leads nowhere from {sorted(jsons ^ set(self.wholes))}")
        for state in self.strays:
            seen = {state}
            while (state := self.strays.get(state, "")) in self.strays:
                if state in seen:
                    raise ValueError(f"strays go round in a circle through {state!r}")
                seen.add(state)

    def _refuse_ambiguous(self) -> None:
        for (state, mark), move in self.moves.items():
            if not mark:
                raise ValueError(f"{state!r} hears an empty mark")
            for other_state, other in self.moves:
                if other_state == state and other != mark and mark in other:
                    raise ValueError(f"in {state!r} the mark {mark!r} hides inside {other!r}")
            if self.reads[state] is Reading.JSON:
                raise ValueError(f"{state!r} reads JSON and can hear no mark")
            if (self.reads[move.to] is Reading.JSON) and mark[-1] not in "{[":
                raise ValueError(f"{mark!r} leads to JSON and is no bracket")

    def _refuse_unreachable(self) -> None:
        reached, new = {self.start}, {self.start}
        while new:
            new = {move.to for (state, _), move in self.moves.items() if state in new}
            new |= {move.to for state, move in self.wholes.items() if state in reached}
            new |= {to for state, to in self.strays.items() if state in reached}
            new -= reached
            reached |= new
        if unreachable := set(self.reads) - reached:
            raise ValueError(f"nothing leads to {sorted(unreachable)}")


def joined(*tables: Dialect) -> Dialect:
    """One dialect that hears all of `tables`; states of the same name are the same state.

    Raises ValueError where two tables disagree.
    """
    starts = {table.start for table in tables}
    if len(starts) != 1:
        raise ValueError(f"tables begin in different states: {sorted(starts)}")
    return Dialect(
        start=starts.pop(),
        reads=_merged([table.reads for table in tables]),
        moves=_merged([table.moves for table in tables]),
        strays=_merged([table.strays for table in tables]),
        wholes=_merged([table.wholes for table in tables]),
        forgiven=frozenset().union(*(table.forgiven for table in tables)),
        frame=next((table.frame for table in tables if table.frame is not Frame.NONE), Frame.NONE),
    )


_Key = TypeVar("_Key")
_Fact = TypeVar("_Fact")


def _merged(maps: Sequence[Mapping[_Key, _Fact]]) -> dict[_Key, _Fact]:
    merged: dict[_Key, _Fact] = {}
    for facts in maps:
        for key, fact in facts.items():
            if merged.setdefault(key, fact) != fact:
                raise ValueError(f"tables disagree about {key!r}: {merged[key]!r} or {fact!r}")
    return merged


_JSON_TURN: Final = re.compile(r"""["'{}\[\]]|[^\sA-Za-z0-9_+\-.,:]""")
_STRING_TURN: Final = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]")}


class _JsonCursor:
    """How deep in brackets, and in which kind of quotes, a JSON text stands.

    Single quotes count as quotes: JSON has none outside strings, and Python's way of writing has.
    """

    __slots__ = ("depth", "escaped", "quote")

    def __init__(self) -> None:
        self.depth = 1
        self.quote = ""
        self.escaped = False

    def advance(self, text: str, at: int) -> tuple[int, bool]:
        """Reads on from `at`; where it stopped, and whether that is the end of the whole value.

        It stops at the end of `text`, after the last bracket, or before a character that JSON does not know.
        """
        while at < len(text):
            if self.quote:
                if self.escaped:
                    self.escaped = False
                    at += 1
                    continue
                turn = _STRING_TURN[self.quote].search(text, at)
                if turn is None:
                    return len(text), False
                at = turn.end()
                if turn[0] == "\\":
                    self.escaped = True
                else:
                    self.quote = ""
                continue
            turn = _JSON_TURN.search(text, at)
            if turn is None:
                return len(text), False
            match turn[0]:
                case '"' | "'" as quote:
                    self.quote = quote
                case "{" | "[":
                    self.depth += 1
                case "}" | "]":
                    self.depth -= 1
                    if self.depth == 0:
                        return turn.end(), True
                case _:
                    return turn.start(), False
            at = turn.end()
        return at, False


class DialectReader:
    """Reads one text; the caller may change `state` between two pieces."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.state = dialect.start
        self._text = ""
        self._at = 0
        self._json = _JsonCursor()

    @property
    def held(self) -> str:
        """What has been fed and not been given: perhaps the beginning of a mark."""
        return self._text[self._at :]

    def feed(self, text: str) -> Iterator[Piece]:
        """The pieces that are certain now; they must be drawn to the end."""
        self._text = self._text[self._at :] + text if self._at < len(self._text) else text
        self._at = 0
        return self._read(final=False)

    def close(self) -> Iterator[Piece]:
        """The text is over: what was held is text after all."""
        return self._read(final=True)

    def take_broken_mark(self) -> str:
        """What is held, if every mark that it may begin stays in this state; else nothing."""
        held, moves = self.held, self.dialect.scanners[self.state].moves
        meant = {move.to for mark, move in moves.items() if mark.startswith(held)}
        if not held or meant != {self.state}:
            return ""
        self._at = len(self._text)
        return held

    def reread(self, text: str, state: str) -> None:
        """Goes back before `text`, the last that was given, and reads it again in `state`."""
        if len(text) <= self._at:
            self._at -= len(text)
        else:
            self._text, self._at = text + self._text[self._at :], 0
        self.state = state

    def _read(self, *, final: bool) -> Iterator[Piece]:
        while self._at < len(self._text):
            piece = self._next(final=final)
            if piece is None:
                return
            yield piece

    def _next(self, *, final: bool) -> Piece | None:
        if self.dialect.reads[self.state] is Reading.JSON:
            return self._next_json()
        text, at = self._text, self._at
        scanner = self.dialect.scanners[self.state]
        stray = scanner.strays.search(text, at) if scanner.strays is not None else None
        # Beyond a stray no mark matters; looking for one all the same would cost quadratic time.
        end = len(text) if stray is None else stray.start()
        reach = len(text) if stray is None else min(len(text), end + scanner.longest)
        mark = scanner.marks.search(text, at, reach) if scanner.marks is not None else None
        if mark is not None and mark.start() <= end:
            return self._say(mark.start()) or self._move(mark[0], scanner.moves[mark[0]])
        sure = len(text) if final else len(text) - _unsure(scanner, text, at)
        if stray is None or sure <= end:
            return self._say(min(sure, end))
        return self._say(end) or self._move("", Move(self.dialect.strays[self.state]))

    def _next_json(self) -> Piece:
        stop, whole = self._json.advance(self._text, self._at)
        if whole:
            return self._move(self._text[self._at : stop], self.dialect.wholes[self.state])
        return self._say(stop) or self._move("", Move(self.dialect.strays[self.state]))

    def _say(self, end: int) -> Piece | None:
        """The text up to `end`, if there is any."""
        if end <= self._at:
            return None
        text = self._text[self._at : end]
        self._at = end
        return Piece(self.state, text)

    def _move(self, text: str, move: Move) -> Piece:
        piece = Piece(self.state, text, move)
        self._at += len(text)
        self.state = move.to
        if self.dialect.reads[move.to] is Reading.JSON:
            self._json = _JsonCursor()
        return piece


def _unsure(scanner: _Scanner, text: str, at: int) -> int:
    """How many of the last characters may be the beginning of a mark."""
    for size in range(min(scanner.longest - 1, len(text) - at), 0, -1):
        if text[-size] in scanner.firsts and text[-size:] in scanner.prefixes:
            return size
    return 0
