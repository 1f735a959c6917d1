"""Cuts a reply that loops on itself."""

from __future__ import annotations

from typing import Final, Literal

from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Stop,
    TextDelta,
)
from tokenmill.conversation.parts import Part, Reasoning, Refusal, Text, ToolCall, Value

WINDOW: Final = 32_768
"""How many of a part's last characters are remembered."""
STEP: Final = 512
"""How many new characters come between two looks; one look costs a few microseconds."""
PROBE: Final = 64
"""How many of the last characters must have been seen before, as a sign of a loop."""
GUESSES: Final = 8
"""How many earlier places of the probe are tried; within one unit it may stand several times."""

_DATA: Final = frozenset("{}[]<>|;=")
"""Marks of code, tables and markup, where equal lines are honest more often than in prose."""

Channel = Literal["text", "reasoning", "arguments"]


class Loop(Value, frozen=True):
    """Why a reply was cut: a channel ended in `repeats` times the same `period` characters."""

    channel: Channel
    period: int
    repeats: int


def enough(unit: str, channel: Channel) -> int:
    """How many times in a row `unit` may not be said, counted to no more than the window holds.

    Sizes are in bytes of UTF-8, so that a Chinese sentence weighs what an English one does. Units without a
    letter (zeros of an array, rules of a table), equal rows of data and short ones (`NULL, `, base64 of
    nothing) are common in honest data, and data is common in arguments.
    """
    size = len(unit.encode("utf-8", "replace"))
    if not any(character.isalpha() for character in unit):
        span = 8_192
    elif not _DATA.isdisjoint(unit):
        span = 6_144
    elif size < 16:
        span = 4_096
    else:
        span = 2_048
    if channel == "arguments":
        span *= 2
    fewest = 8 if size < 500 else 5
    return max(fewest, -(-span // size))


class _Watch:
    """The end of one part."""

    __slots__ = ("_fresh", "_new", "_tail", "channel", "choice")

    def __init__(self, channel: Channel | None, choice: int) -> None:
        self.channel = channel
        self.choice = choice
        self._tail = ""
        self._fresh: list[str] = []
        self._new = 0

    def see(self, text: str) -> Loop | None:
        """Takes the next words; says if by now they loop."""
        self._fresh.append(text)
        self._new += len(text)
        if self._new < STEP:
            return None
        more = "".join(self._fresh)
        self._fresh.clear()
        self._new = 0
        for at in range(0, len(more), WINDOW // 2):
            self._tail = (self._tail + more[at : at + WINDOW // 2])[-WINDOW:]
            if loop := self._look():
                return loop
        return None

    def _look(self) -> Loop | None:
        tail = self._tail
        assert self.channel is not None
        probe = tail[-PROBE:]
        end = len(tail) - 1
        for _ in range(GUESSES):
            found = tail.rfind(probe, 0, end)
            if found < 0:
                return None
            period = len(tail) - PROBE - found
            unit = tail[-period:]
            period = (unit + unit).find(unit, 1)  # `haha` is `ha` twice, and as short as that.
            repeats = enough(tail[-period:], self.channel)
            span = period * repeats
            if span <= len(tail) and tail[-span:-period] == tail[period - span :]:
                return Loop(self.channel, period, repeats)
            end = found + PROBE - 1
        return None


class RepetitionGuard:
    """Watches one reply; from the loop on, the caller sees the ends of what is open and `length`.

    Only exact repetition is a loop, for anything looser would cut logs and lists. After the cut `cut` says
    why, and what still comes is swallowed: whoever reads the upstream should leave it then.
    """

    def __init__(self) -> None:
        self.cut: Loop | None = None
        self.over = False
        self._open: dict[int, _Watch] = {}
        self._choices: dict[int, bool] = {}

    def feed(self, event: Event) -> tuple[Event, ...]:
        """The event itself, with all ends after it if it closed the loop; after that, nothing."""
        if self.over:
            return ()
        if type(event) is TextDelta or type(event) is ArgumentsDelta:
            watch = self._open[event.index]
            if watch.channel is not None:
                self.cut = watch.see(event.text)
                if self.cut is not None:
                    return (event, *self.end())
            return (event,)
        match event:
            case PartOpened(index=index, part=part, choice=choice):
                self._open[index] = _Watch(_channel(part), choice)
                self._choices.setdefault(choice, False)
            case PartClosed(index=index):
                del self._open[index]
            case Finished(choice=choice):
                self._choices[choice] = True
            case Failed():
                self._open.clear()
            case _:
                pass
        return (event,)

    def end(self) -> list[Event]:
        """The ends of all that is open, with `length`; from here on the reply is over."""
        self.over = True
        ends: list[Event] = [PartClosed(index) for index in self._open]
        self._open.clear()
        return ends + [Finished(Stop.LENGTH, choice) for choice, over in self._choices.items() if not over]


def _channel(part: Part) -> Channel | None:
    match part:
        case Text() | Refusal():
            return "text"
        case Reasoning():
            return "reasoning"
        case ToolCall():
            return "arguments"
        case _:
            return None
