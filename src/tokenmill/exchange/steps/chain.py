"""Leads a reply through its steps, between the engine and the encoder."""

from __future__ import annotations

from operator import is_

from tokenmill.catalog.guess import Family
from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import ChooseNone, Drop, Request
from tokenmill.exchange.steps.repetition import RepetitionGuard
from tokenmill.exchange.steps.rescue import Rescue


class Chain:
    """The steps of one reply, in their order: the rescue, then the repetition guard."""

    def __init__(self, family: Family, request: Request) -> None:
        tools = () if isinstance(request.tool_choice, ChooseNone) else request.tools
        self._rescue = Rescue(family, tools)
        self._guard = RepetitionGuard()

    @property
    def cut(self) -> bool:
        """Has the reply been ended here? Then nothing more of it counts."""
        return self._guard.cut is not None

    def take(self, frame: Frame) -> Frame:
        """What becomes of `frame`; the frame itself where no step had anything to do."""
        events = self._through(frame.events)
        unchanged = len(events) == len(frame.events) and all(map(is_, events, frame.events))
        return frame if unchanged else Frame(events)

    def close(self) -> tuple[Event, ...]:
        """What the steps still held when the reply ended without saying so."""
        return tuple(event for held in self._rescue.close() for event in self._guard.feed(held))

    def notes(self) -> tuple[Drop, ...]:
        """What the steps changed, for the exchange's record."""
        lifted = tuple(
            Drop(
                "reasoning_content" if note.channel == "reasoning" else "content",
                f"{note.kind} taken out" if note.name is None else f"{note.kind} of {note.name} taken out",
            )
            for note in self._rescue.lifted
        )
        if self._guard.cut is None:
            return lifted
        return (*lifted, Drop(self._guard.cut.channel, "cut: it repeated itself"))

    def _through(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        return tuple(
            out
            for event in events
            for rescued in self._rescue.feed(event)
            for out in self._guard.feed(rescued)
        )
