"""Holds the law of event streams as tables, and one small machine that enforces it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import get_args

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Delta,
    Event,
    Failed,
    Finished,
    Heartbeat,
    LogprobsAdded,
    MediaDelta,
    PartClosed,
    PartOpened,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
    VendorEvent,
)
from tokenmill.conversation.parts import (
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)


class Unlawful(Exception):
    """Our own code made a stream that breaks the grammar."""


class State(Enum):
    """Where a stream stands."""

    NEW = auto()
    RUNNING = auto()
    FINISHING = auto()
    FAILED = auto()


_KINDS: tuple[type[Event], ...] = get_args(Event)

MOVES: Mapping[State, Mapping[type[Event], State]] = {
    State.NEW: {Started: State.RUNNING},
    State.RUNNING: {
        PartOpened: State.RUNNING,
        **dict.fromkeys(get_args(Delta), State.RUNNING),
        PartClosed: State.RUNNING,
        UsageSeen: State.RUNNING,
        Heartbeat: State.RUNNING,
        VendorEvent: State.RUNNING,
        Finished: State.FINISHING,
        Failed: State.FAILED,
    },
    State.FINISHING: {Finished: State.FINISHING},
    State.FAILED: {},
}

GROWS_BY: Mapping[type[Part], frozenset[type[Delta]]] = {
    Text: frozenset({TextDelta, CitationAdded, LogprobsAdded}),
    Reasoning: frozenset({TextDelta, SignatureDelta}),
    Refusal: frozenset({TextDelta}),
    ToolCall: frozenset({ArgumentsDelta}),
    Media: frozenset({MediaDelta}),
    ToolResult: frozenset(),
    Unknown: frozenset(),
}


def refuse_incomplete(
    moves: Mapping[State, Mapping[type[Event], State]], grows_by: Mapping[type[Part], frozenset[type[Delta]]]
) -> None:
    """Raises ValueError unless the tables speak of every state, event and part there is."""
    if missing := set(State) - set(moves):
        raise ValueError(f"no moves from {missing}")
    if unheard := set(_KINDS) - {kind for row in moves.values() for kind in row}:
        raise ValueError(f"no state hears {unheard}")
    if missing_parts := set(get_args(Part)) - set(grows_by):
        raise ValueError(f"nothing says how {missing_parts} grow")
    if orphans := set(get_args(Delta)) - {kind for kinds in grows_by.values() for kind in kinds}:
        raise ValueError(f"no part takes {orphans}")


refuse_incomplete(MOVES, GROWS_BY)


class Grammar:
    """Watches one stream; `see` raises Unlawful at the first event that may not come now."""

    def __init__(self) -> None:
        self.state = State.NEW
        self._open: dict[int, PartOpened] = {}
        self._used: set[int] = set()
        self._finished: set[int] = set()

    @property
    def whole(self) -> bool:
        """May the stream end here?"""
        return self.state in (State.FINISHING, State.FAILED)

    @property
    def open_parts(self) -> tuple[PartOpened, ...]:
        """Parts that have begun and not ended, oldest first."""
        return tuple(self._open.values())

    def see(self, event: Event) -> None:
        """Takes the next event of the stream, or raises Unlawful and changes nothing."""
        after = MOVES[self.state].get(type(event))
        if after is None:
            raise Unlawful(f"{type(event).__name__} may not come while the stream is {self.state.name}")
        match event:
            case PartOpened():
                self._see_opened(event)
            case PartClosed(index=index):
                self._must_be_open(index, event)
                del self._open[index]
            case Finished():
                self._see_finished(event)
            case Started() | UsageSeen() | Heartbeat() | VendorEvent() | Failed():
                pass
            case _:
                self._see_delta(event)
        self.state = after

    def _see_opened(self, event: PartOpened) -> None:
        if event.index in self._used:
            raise Unlawful(f"part {event.index} was opened before")
        self._used.add(event.index)
        self._open[event.index] = event

    def _see_delta(self, delta: Delta) -> None:
        part = self._must_be_open(delta.index, delta).part
        if type(delta) not in GROWS_BY[type(part)]:
            raise Unlawful(f"a {type(part).__name__} does not grow by {type(delta).__name__}")

    def _see_finished(self, event: Finished) -> None:
        if event.choice in self._finished:
            raise Unlawful(f"choice {event.choice} has finished before")
        if any(part.choice == event.choice for part in self._open.values()):
            raise Unlawful(f"choice {event.choice} finishes with a part still open")
        self._finished.add(event.choice)

    def _must_be_open(self, index: int, event: Event) -> PartOpened:
        if index not in self._open:
            raise Unlawful(f"{type(event).__name__} speaks of part {index}, which is not open")
        return self._open[index]
