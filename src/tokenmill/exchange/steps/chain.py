"""Leads a reply through its steps, between the engine and the encoder."""

from __future__ import annotations

from itertools import chain
from typing import Final

from tokenmill.catalog.guess import Family
from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import ChooseNone, Drop, Request
from tokenmill.exchange.steps.repetition import RepetitionGuard
from tokenmill.exchange.steps.rescue import Rescue

UNPAID: Final = "cut: the balance or the plan pays for no more"


class Chain:
    """The steps of one reply, in their order: the rescue, then the repetition guard."""

    def __init__(self, family: Family, request: Request) -> None:
        tools = () if isinstance(request.tool_choice, ChooseNone) else request.tools
        self._rescue = Rescue(family, tools)
        self._guard = RepetitionGuard()
        self._held: list[Frame] = []  # Frames of which nothing has gone on yet.
        self._unpaid = False

    @property
    def cut(self) -> bool:
        """Has the reply been ended here? Then nothing more of it counts."""
        return self._guard.over

    def take(self, frame: Frame) -> list[Frame]:
        """What goes on now: `frame` itself, after what waited for it, where nothing was edited."""
        events = self._through(frame.events)
        held = self._held
        if not held and events == frame.events:
            return [frame]
        held.append(frame)
        if not events:
            return []
        self._held = []
        if len(held) > 1 and events == tuple(chain.from_iterable(waited.events for waited in held)):
            return held
        return [Frame(events)]

    def close(self) -> tuple[Event, ...]:
        """What the steps still held when the reply ended without saying so."""
        return tuple(event for held in self._rescue.close() for event in self._guard.feed(held))

    def run_out(self) -> tuple[Event, ...]:
        """Ends the reply with `length`, since nobody pays for more; what was held back is said first."""
        self._unpaid = True
        return (*self.close(), *self._guard.end())

    def notes(self) -> tuple[Drop, ...]:
        """What the steps changed, for the exchange's record."""
        lifted = tuple(
            Drop(
                "reasoning_content" if note.channel == "reasoning" else "content",
                f"{note.kind} taken out" if note.name is None else f"{note.kind} of {note.name} taken out",
            )
            for note in self._rescue.lifted
        )
        if self._unpaid:
            return (*lifted, Drop("max_tokens", UNPAID))
        if self._guard.cut is None:
            return lifted
        return (*lifted, Drop(self._guard.cut.channel, "cut: it repeated itself"))

    def _through(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        out: list[Event] = []  # One frame can hold ten thousand calls.
        for event in events:
            for rescued in self._rescue.feed(event):
                out += self._guard.feed(rescued)
        return tuple(out)
