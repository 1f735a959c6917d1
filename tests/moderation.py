"""Leads replies past moderation without a platform around it."""

from __future__ import annotations

from collections.abc import Iterable

from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
)
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Reasoning, Text, ToolCall
from tokenmill.exchange.steps.moderation import Screen
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.record import Record
from tokenmill.moderation.review import Review
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.verdicts import Verdict, Whose
from tokenmill.ports import Moderator, Opinion
from tokenmill.testing import FixedClock


class Heard:
    """Takes verdicts, and keeps them."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def add(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)


class ScriptedModerator:
    """Thinks ill of every text with a certain word; or fails."""

    name = "scripted"

    def __init__(self, word: str = "", *, category: str = "hate", fault: Exception | None = None) -> None:
        self._word = word
        self._category = category
        self._fault = fault
        self.shown: list[str] = []

    async def judge(self, text: str, question: str | None) -> tuple[Opinion, ...]:
        """See `tokenmill.ports.Moderator.judge`."""
        self.shown.append(text)
        if self._fault is not None:
            raise self._fault
        return (Opinion(self._category, 0.9, True, "bad"),) if self._word and self._word in text else ()


def screen_of(
    book: Rulebook,
    policy: Policy,
    moderator: Moderator | None = None,
    *,
    window: int = 400,
    heard: Heard | None = None,
) -> Screen:
    """A screen for one reply."""
    record = Record(heard or Heard(), FixedClock(), Whose(), "output")
    return Screen(Review(book, policy, record, moderator, window=window, question="What?"))


async def reviewed(events: Iterable[Event], screen: Screen) -> list[Event]:
    """What the caller is sent of a reply, whose every event comes in a frame of its own."""
    out: list[Event] = []
    for event in events:
        for ready in await screen.take(Frame((event,))):
            out += ready.events
        if screen.over:
            return out
    for ready in await screen.close():
        out += ready.events
    return out


def texted(pieces: Iterable[str], kind: type[Text | Reasoning] = Text) -> list[Event]:
    """A reply of one part, in these pieces."""
    deltas = [TextDelta(0, piece) for piece in pieces]
    return [Started("r", "m", 1), PartOpened(0, kind()), *deltas, PartClosed(0), Finished(Stop.END)]


def text_of(events: Iterable[Event]) -> str:
    """Everything that is said in words."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class REPLIES:
    """Replies of other kinds."""

    @staticmethod
    def call(arguments: str, size: int) -> list[Event]:
        """A tool call, its arguments in pieces of so many characters."""
        pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
        return [
            Started("r", "m", 1),
            PartOpened(0, ToolCall("call_1", "write")),
            *(ArgumentsDelta(0, piece) for piece in pieces),
            PartClosed(0),
            Finished(Stop.TOOL),
        ]
