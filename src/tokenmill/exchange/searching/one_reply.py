"""Makes one reply of several upstream turns, and of the searches between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from msgspec.json import encode
from msgspec.structs import replace

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
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
from tokenmill.conversation.fold import Folder
from tokenmill.conversation.parts import OUR_SEARCH, Reasoning, Text, ToolCall, ToolResult, UrlCitation
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.searching.loop import Said, is_search
from tokenmill.exchange.searching.rules import Rules
from tokenmill.exchange.searching.sources import Sources

HELD_BACK: Final = 160
"""Characters of a turn's text after which it is taken for the answer: "Let me look that up" is shorter."""
MOST_UNMARKED: Final = 10
"""Sources that are cited for a text that names none of them."""


class OneReply:
    """What its caller gets: parts numbered anew, our own calls left out, a beginning and an end told once.

    Where `sources_first`, words wait until it is clear that no search comes before them.
    """

    def __init__(self, rules: Rules, sources: Sources, key: str, *, sources_first: bool) -> None:
        """`key` tells the ids of this reply's searches from those of others."""
        self._rules = rules
        self._key = key
        self._searches: dict[str, int] = {}
        self.sources = sources
        self._holding = sources_first
        self._begun: list[Event] = []
        self._found: list[Event] = []
        self._held: list[Event] = []
        self._started = False
        self._next = 0
        self._places: dict[int, int] = {}
        self._folder = Folder()
        self._words: dict[int, list[str]] = {}
        self._closing: int | None = None  # A text that may still be given its sources.
        self._cited = False
        self._end: Finished | None = None

    def begin_turn(self) -> None:
        """The model is asked, perhaps again."""
        self._places = {}
        self._folder = Folder()
        self._end = None

    def take(self, events: Iterable[Event]) -> list[Event]:
        """What goes on to the caller of a turn's next events."""
        out: list[Event] = []
        for event in events:
            self._folder.feed(event)
            out += self._pass(self._taken(event))
        return out

    def said(self) -> Said:
        """What the model has said in this turn, whole. Raises the turn's own Fault."""
        choice = self._folder.reply().choices[0]
        return Said(choice.parts, self._end.stop if self._end is not None else choice.stop)

    def searching(self, query: str) -> tuple[str, list[Event]]:
        """A search begins: its id, and what the caller is told."""
        place = self._place()
        id_ = f"{OUR_SEARCH}{self._key}{place:02d}"
        self._searches[id_] = place
        call = ToolCall(id_, "web_search", _action(query), "server")
        closed = self._pass(self._close_text())  # It is held with its text, where that is held.
        return id_, [*closed, *self._tell([PartOpened(place, call)])]

    def found(self, id_: str, cited: Sequence[UrlCitation], error: str | None) -> list[Event]:
        """The search has ended, with these new sources."""
        place = self._place()
        told = Text(error or "", tuple(cited))
        result = ToolResult(id_, (told,), is_error=error is not None, server=True)
        return self._tell([PartOpened(place, result), PartClosed(place), PartClosed(self._searches[id_])])

    def end(self, usage: Usage) -> list[Event]:
        """No more comes: what was held, the sources of a text that names none, the counts, the end."""
        finished = self._end or Finished(Stop.END)
        if not self._cited and self._closing is not None:
            some = self.sources.all[:MOST_UNMARKED]
            self._held += [CitationAdded(self._closing, source) for source in some]
        self._held += self._close_text()
        return [*self.release(), UsageSeen(usage), finished]

    def cut(self) -> Finished:
        """The reply ends here with its length, since it is not to go on."""
        self._end = Finished(Stop.LENGTH)
        return self._end

    def release(self) -> list[Event]:
        """What was held, in its order: the beginning, what searches have found, the words."""
        if not self._started:
            return []
        self._holding = False
        out = [*self._begun, *self._found, *self._held]
        self._begun, self._found, self._held = [], [], []
        return out

    def _tell(self, events: list[Event]) -> list[Event]:
        if self._started and not self._holding:
            return events
        self._found += events
        return []

    def _pass(self, events: Iterable[Event]) -> list[Event]:
        out: list[Event] = []
        for event in events:
            if isinstance(event, Started):
                self._begun.append(event)
                out += [] if self._holding else self.release()
                continue
            if not self._holding:
                out.append(event)
                continue
            if not isinstance(event, Heartbeat):
                self._held.append(event)
            if self._tells_the_answer(event):
                out += self.release()
        return out

    def _tells_the_answer(self, event: Event) -> bool:
        match event:
            case TextDelta(index=index):
                return sum(map(len, self._words.get(index, ()))) > HELD_BACK
            case PartOpened(part=part):
                return not isinstance(part, Text | Reasoning)
            case Failed():
                return True
            case _:
                return False

    def _taken(self, event: Event) -> Iterator[Event]:
        match event:
            case Started():
                if not self._started:
                    self._started = True
                    yield event
            case PartOpened(index=index, part=part):
                if is_search(part, self._rules):
                    return
                yield from self._close_text()
                place = self._places[index] = self._place()
                if isinstance(part, Text):
                    self._words[place] = [part.text]
                yield replace(event, index=place)
            case PartClosed(index=index):
                if (place := self._places.get(index, -1)) >= 0:
                    yield from self._closed(place)
            case TextDelta(index=index, text=text):
                if (place := self._places.get(index, -1)) >= 0:
                    if place in self._words:
                        self._words[place].append(text)
                    yield TextDelta(place, text)
            case ArgumentsDelta() | SignatureDelta() | CitationAdded() | LogprobsAdded() | MediaDelta():
                if (place := self._places.get(event.index, -1)) >= 0:
                    yield replace(event, index=place)
            case UsageSeen():
                return  # The sum of all turns is told at the end.
            case Finished():
                self._end = event
            case Heartbeat() | VendorEvent() | Failed():
                yield event
            case _:
                assert_never(event)

    def _closed(self, place: int) -> Iterator[Event]:
        """A part has ended; a text is given the sources that it names, and may wait for more."""
        words = self._words.pop(place, None)
        if words is None or not self.sources.all:
            yield PartClosed(place)
            return
        cited = self.sources.cited_in("".join(words))
        self._cited = self._cited or bool(cited)
        yield from (CitationAdded(place, source) for source in cited)
        self._closing = place

    def _close_text(self) -> list[Event]:
        closing, self._closing = self._closing, None
        return [] if closing is None else [PartClosed(closing)]

    def _place(self) -> int:
        self._next += 1
        return self._next - 1


def _action(query: str) -> str:
    return encode({"query": query}).decode()
