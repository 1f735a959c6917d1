"""Lifts tool calls and thoughts that a model wrote as plain text out of a stream of events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import msgspec

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
    Stop,
    TextDelta,
    UsageSeen,
    VendorEvent,
)
from tokenmill.conversation.parts import Citation, Part, Reasoning, Text, ToolCall, UrlCitation, Value
from tokenmill.conversation.request import FunctionTool, Tool
from tokenmill.dialects.channels import Blank, Call, Channel, PartReader, Said, Words
from tokenmill.dialects.families import CALLS, THOUGHTS
from tokenmill.dialects.opening import OpeningReader
from tokenmill.dialects.values import parameters_of
from tokenmill.kit.ids import opaque

_NEW_CALL_ID: Final = partial(opaque, "call_")
_NOT_CUT: Final = frozenset({Stop.END, Stop.TOOL, Stop.STOP_SEQUENCE})


class Lifted(Value, frozen=True):
    """One change: what `source`, the text that the model wrote in `channel`, has become.

    A `call` is a tool call now; a `repeat` tells in the content of a call that the reasoning made before,
    and is dropped; `tags` are marks and white space that vanished; a `thought` is text of the content that
    is reasoning now, where it can be read. `part` is the index of what it has become. The source is the
    model's own words: it may be counted, and is never to be stored.
    """

    kind: Literal["call", "repeat", "tags", "thought"]
    channel: Channel
    source: str
    part: int | None = None
    name: str | None = None


class _Lane:
    """One part of the upstream's that is being read, and what is open of it on our side."""

    __slots__ = (
        "base",
        "channel",
        "choice",
        "extras",
        "kind",
        "open",
        "part",
        "passed",
        "reader",
        "stir",
        "touched",
        "where",
    )

    def __init__(self, part: Text | Reasoning, choice: int, channel: Channel, reader: PartReader) -> None:
        self.part: Text | Reasoning | None = part
        self.choice = choice
        self.channel: Channel = channel
        self.reader: PartReader | None = reader
        self.open = -1
        self.kind: Channel = channel
        self.touched = False
        self.where = 0
        self.base = 0
        self.extras: list[CitationAdded | LogprobsAdded] = []
        self.stir: Callable[[str], object] | None = None
        self.passed = ""


class Rescue:
    """Reads one reply, and gives the events that the caller is to see; indices are given anew, in order.

    A signed or redacted Reasoning is never read, since a signature seals the words as they are. A call
    that lacks only closing marks is whole if the reply ended by itself, and text if it ended for length.
    Where a call was lifted `end` becomes `tool`; any other stop stays: a reply that was cut is still cut.
    Log probabilities of words that became a call or a thought are dropped with them.
    """

    def __init__(
        self, family: str, tools: tuple[Tool, ...], new_id: Callable[[], str] = _NEW_CALL_ID
    ) -> None:
        self.lifted: list[Lifted] = []
        self._calls = CALLS.get(family)
        self._thoughts = THOUGHTS.get(family)
        self._tools = {tool.name: parameters_of(tool) for tool in tools if isinstance(tool, FunctionTool)}
        self._new_id = new_id
        self._lanes: dict[int, _Lane] = {}
        self._waiting: list[_Lane] = []
        self._indices: dict[int, int] = {}
        self._parts = 0
        self._begun: set[int] = set()
        self._reasoned: set[int] = set()
        self._called: set[int] = set()
        self._thought_calls: dict[int, set[tuple[str, str]]] = {}
        self._finished: list[Finished] = []
        self._out: list[Event] = []

    def feed(self, event: Event) -> tuple[Event, ...]:
        """The events that are certain now; most often the very one that was fed."""
        if type(event) is TextDelta:
            lane = self._lanes.get(event.index)
            if lane is not None:
                text = event.text
                if lane.stir is not None and lane.stir(text) is None:
                    lane.where += len(text)
                    lane.passed = text or lane.passed
                    same = lane.open == event.index and not lane.extras
                    return (event,) if same else self._pass_text(lane, text)
                return self._read_text(lane, text)
        if self._thoughts is None:
            return (event,)
        return self._feed_other(event)

    def close(self) -> tuple[Event, ...]:
        """The stream is over; a lawful one has left nothing."""
        self._settle_all()
        self._lanes.clear()
        self._tell_finished()
        return self._drawn()

    def _drawn(self) -> tuple[Event, ...]:
        out, self._out = self._out, []
        return tuple(out)

    def _feed_other(self, event: Event) -> tuple[Event, ...]:
        match event:
            case PartOpened():
                self._see_opened(event)
            case PartClosed(index=index):
                self._see_closed(event, index)
            case Finished():
                return self._see_finished(event)
            case Failed():
                self._settle_all()
                self._out.append(event)
            case CitationAdded(index=index) | LogprobsAdded(index=index):
                self._see_extra(event, index)
            case SignatureDelta(index=index):
                self._see_signature(event, index)
            case TextDelta(index=index) | ArgumentsDelta(index=index) | MediaDelta(index=index):
                self._out.append(_at(event, self._indices[index]))
            case Started() | UsageSeen() | Heartbeat() | VendorEvent():
                return (event,)
        return self._drawn()

    # Parts that come in.

    def _see_opened(self, event: PartOpened) -> None:
        self._resolve_waiting(event.choice, cut=False)
        part, choice = event.part, event.choice
        match part:
            case Text():
                opening = None
                if choice not in self._begun and self._thoughts is not None:
                    opening = OpeningReader(self._thoughts, reasoned=choice in self._reasoned)
                    self._begun.add(choice)
                reader = PartReader("text", self._calls, self._tools, opening)
                self._begin_lane(event, _Lane(part, choice, "text", reader))
            case Reasoning(form="visible", origin=None, signature=None):
                self._reasoned.add(choice)
                reader = PartReader("reasoning", self._calls, self._tools)
                self._begin_lane(event, _Lane(part, choice, "reasoning", reader))
            case _:
                self._indices[event.index] = self._open(part, choice, event)

    def _begin_lane(self, event: PartOpened, lane: _Lane) -> None:
        """Its opening waits for words, for all of them may turn out to be calls."""
        self._lanes[event.index] = lane
        assert isinstance(event.part, Text | Reasoning)
        if event.part.text:
            lane.part = msgspec.structs.replace(event.part, text="")
            self._out.extend(self._read_text(lane, event.part.text))

    def _see_closed(self, event: PartClosed, index: int) -> None:
        lane = self._lanes.pop(index, None)
        if lane is None:
            self._out.append(_at(event, self._indices.pop(index)))
            return
        if lane.reader is not None:
            self._tell(lane, lane.reader.end())
            if lane.reader.undecided:
                self._waiting.append(lane)
                return
        self._settle(lane, cut=True)
        self._close_lane(lane)

    def _see_finished(self, event: Finished) -> tuple[Event, ...]:
        self._resolve_waiting(event.choice, cut=event.stop not in _NOT_CUT)
        if event.choice in self._called and event.stop is Stop.END:
            event = Finished(Stop.TOOL, event.choice, event.matched)
        self._finished.append(event)
        if not self._waiting:
            self._tell_finished()
        return self._drawn()

    def _tell_finished(self) -> None:
        """No part may follow the first end, so all ends wait until no part does."""
        self._out += self._finished
        self._finished.clear()

    def _see_extra(self, event: CitationAdded | LogprobsAdded, index: int) -> None:
        lane = self._lanes.get(index)
        if lane is None:
            self._out.append(_at(event, self._indices[index]))
            return
        lane.extras.append(event)
        if lane.open >= 0 and (lane.reader is None or lane.stir is not None):
            self._tell_extras(lane)

    def _see_signature(self, event: SignatureDelta, index: int) -> None:
        """A signature seals the words before it: they are not held back, and no more is read."""
        lane = self._lanes.get(index)
        if lane is None:
            self._out.append(_at(event, self._indices[index]))
            return
        self._settle(lane, cut=True)
        if lane.open < 0:
            self._open_words(lane, lane.channel)
        self._out.append(_at(event, lane.open))

    # Parts that go out.

    def _open(self, part: Part, choice: int, event: PartOpened | None = None) -> int:
        index = self._parts
        self._parts += 1
        same = event is not None and event.index == index and event.part is part
        self._out.append(event if same and event is not None else PartOpened(index, part, choice))
        return index

    def _open_words(self, lane: _Lane, channel: Channel) -> None:
        """Opens words of `channel` in place of what is open; a lane's first are the part that came in."""
        self._close_words(lane)
        part: Part = Text() if channel == "text" else Reasoning()
        if lane.part is not None and channel == lane.channel:
            part, lane.part = lane.part, None
        lane.open, lane.kind, lane.base = self._open(part, lane.choice), channel, lane.where

    def _close_words(self, lane: _Lane) -> None:
        if lane.open >= 0:
            self._out.append(PartClosed(lane.open))
            lane.open = -1

    def _close_lane(self, lane: _Lane) -> None:
        cites = any(isinstance(extra, CitationAdded) for extra in lane.extras)
        if lane.open < 0 and (cites or not lane.touched):
            self._open_words(lane, lane.channel)
        self._tell_extras(lane)
        self._close_words(lane)

    def _pass_text(self, lane: _Lane, text: str) -> tuple[Event, ...]:
        self._out.append(TextDelta(lane.open, text))
        self._tell_extras(lane)
        return self._drawn()

    def _read_text(self, lane: _Lane, text: str) -> tuple[Event, ...]:
        if lane.reader is None:
            self._tell(lane, [Said(lane.channel, Words(text))])
        else:
            if lane.passed:
                lane.reader.skip(lane.passed)
                lane.passed = ""
            self._tell(lane, lane.reader.feed(text))
            lane.stir = lane.reader.stir if lane.open >= 0 else None
        return self._drawn()

    def _tell(self, lane: _Lane, said: list[Said]) -> None:
        for channel, what in said:
            match what:
                case Words(text):
                    self._tell_words(lane, channel, text)
                case Blank(text):
                    lane.touched = True
                    lane.where += len(text)
                    self.lifted.append(Lifted("tags", lane.channel, text))
                case Call():
                    self._tell_call(lane, channel, what)

    def _tell_words(self, lane: _Lane, channel: Channel, text: str) -> None:
        if lane.open < 0 or lane.kind != channel:
            self._open_words(lane, channel)
            if channel != lane.channel:
                lane.touched = True
                self.lifted.append(Lifted("thought", lane.channel, "", lane.open))
        self._out.append(TextDelta(lane.open, text))
        lane.where += len(text)
        self._tell_extras(lane)

    def _tell_call(self, lane: _Lane, channel: Channel, call: Call) -> None:
        lane.touched = True
        lane.where += len(call.source)
        lane.extras = [extra for extra in lane.extras if isinstance(extra, CitationAdded)]
        told = self._thought_calls.setdefault(lane.choice, set())
        key = (call.name, _canonical(call.arguments))
        if channel == "text" and key in told:
            self.lifted.append(Lifted("repeat", lane.channel, call.source, None, call.name))
            return
        if channel == "reasoning":
            told.add(key)
        self._close_words(lane)
        index = self._open(ToolCall(self._new_id(), call.name), lane.choice)
        self._out += (ArgumentsDelta(index, call.arguments), PartClosed(index))
        self._called.add(lane.choice)
        self.lifted.append(Lifted("call", lane.channel, call.source, index, call.name))

    def _tell_extras(self, lane: _Lane) -> None:
        """Citations and log probabilities that waited for the words they belong to."""
        extras, lane.extras = lane.extras, []
        for extra in extras:
            if lane.open < 0 or lane.kind != "text":
                continue
            if isinstance(extra, CitationAdded):
                extra = CitationAdded(extra.index, _shifted(extra.citation, lane.base))
            self._out.append(_at(extra, lane.open))

    # Ends.

    def _settle(self, lane: _Lane, *, cut: bool) -> None:
        """Nothing is held back any longer, and nothing more is read."""
        if lane.reader is not None:
            reader, lane.reader, lane.stir = lane.reader, None, None
            self._tell(lane, reader.end())
            self._tell(lane, reader.decide(cut=cut))

    def _settle_all(self) -> None:
        for lane in self._waiting:
            self._settle(lane, cut=True)
            self._close_lane(lane)
        self._waiting.clear()
        for lane in self._lanes.values():
            self._settle(lane, cut=True)

    def _resolve_waiting(self, choice: int, *, cut: bool) -> None:
        mine = [lane for lane in self._waiting if lane.choice == choice]
        if mine:
            self._waiting = [lane for lane in self._waiting if lane.choice != choice]
        for lane in mine:
            self._settle(lane, cut=cut)
            self._close_lane(lane)


def _at(event: Delta | PartClosed, index: int) -> Delta | PartClosed:
    """The same event about the part with this index; itself if it has it already."""
    return event if event.index == index else msgspec.structs.replace(event, index=index)


def _shifted(citation: Citation, base: int) -> Citation:
    """A citation whose offsets count from the start of the part that it is in now; none if that is past."""
    if base == 0 or not isinstance(citation, UrlCitation) or citation.start is None:
        return citation
    if citation.start < base or citation.end is None:
        return msgspec.structs.replace(citation, start=None, end=None)
    return msgspec.structs.replace(citation, start=citation.start - base, end=citation.end - base)


def _canonical(arguments: str) -> str:
    return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
