"""Holds a reply back for as long as it may still turn into something that is to be withheld."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Final, Literal, NamedTuple

import msgspec

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Failed,
    Finished,
    LogprobsAdded,
    MediaDelta,
    PartClosed,
    PartOpened,
    Stop,
    TextDelta,
    VendorEvent,
)
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import (
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tokenmill.exchange.estimate import Gauge
from tokenmill.kit.faults import Fault
from tokenmill.moderation.folding import fold
from tokenmill.moderation.reading import (
    words_of_call,
    words_of_citation,
    words_of_result,
    words_of_unknown,
)
from tokenmill.moderation.review import Channel, Review, Unjudged
from tokenmill.moderation.watch import Finding

LARGE: Final = 256
"""Characters of a delta from which it goes on in pieces, so that not all of it waits for its end."""
PIECE: Final = 64
"""Characters of such a piece."""


class _Place(NamedTuple):
    """An event of a frame, by their numbers."""

    frame: int
    event: int


_NOWHERE: Final = _Place(2**62, 0)


class _Blocked(NamedTuple):
    """What is to be withheld, and from where on; of the delta that stands there `kept` goes on."""

    finding: Finding
    place: _Place
    kept: TextDelta | None = None


class _Run:
    """The text of one kind of one choice: where each of its deltas stands, until it may go on."""

    __slots__ = ("channel", "waiting")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.waiting: deque[tuple[_Place, int, TextDelta | None]] = deque()  # With the offset behind it.

    def settle(self) -> None:
        """What is safe waits no longer."""
        safe = self.channel.safe
        waiting = self.waiting
        while waiting and waiting[0][1] <= safe:
            waiting.popleft()

    def blocked(self, finding: Finding) -> _Blocked:
        """Where the finding begins, among what waits; what stands before it waits no longer."""
        while self.waiting:
            place, end, delta = self.waiting[0]
            if end > finding.at:
                kept = None if delta is None else _kept(delta, finding.at - (end - _size(delta)))
                return _Blocked(finding, place, kept)
            self.waiting.popleft()
        return _Blocked(finding, _NOWHERE)


class Screen:
    """Leads one reply past its review; what has not been found harmless yet waits, with all that comes after.

    Frames leave whole and in their order. Text waits while its end may be the beginning of a phrase, or until
    the classifier has seen it; a tool call waits until it is whole, since half of one must never be run. From
    what is blocked on the caller sees the ends of what is open and `content_filter`. A policy that
    only flags holds nothing back.
    """

    def __init__(self, review: Review) -> None:
        self._review = review
        self._holding = review.holds
        self._waiting: deque[Frame] = deque()
        self._first = 0  # The number of the first frame that waits.
        self._runs: dict[tuple[int, str], _Run] = {}
        self._parts: dict[int, tuple[int, str]] = {}  # Which run each open part of words belongs to.
        self._calls: dict[int, tuple[_Place, ToolCall, list[str]]] = {}
        self._open: dict[int, int] = {}  # Parts that the caller has seen begin and not end, and their choice.
        self._choices: dict[int, bool] = {0: False}  # Whether the caller has seen them end.
        self._said = Gauge()
        self._sent = Gauge()
        self.blocked: Finding | None = None

    @property
    def waiting(self) -> int:
        """About how many tokens wait."""
        return self._said.tokens - self._sent.tokens

    @property
    def over(self) -> bool:
        """Has the reply been ended here?"""
        return self.blocked is not None

    async def take(self, frame: Frame) -> list[Frame]:
        """What goes on now. Raises Unjudged where nobody can judge and nothing may pass so."""
        out: list[Frame] = []
        for piece in self._pieces(frame):
            out += await self._take(piece)
            if self.over:
                break
        return out

    async def close(self) -> list[Frame]:
        """What still waits when the reply breaks off without an ending."""
        found = await self._finish(lambda _: True)
        return self._released(_NOWHERE) if found is None else self._ended(found)

    async def _take(self, frame: Frame) -> list[Frame]:
        number = self._first + len(self._waiting)
        self._waiting.append(frame)
        for at, event in enumerate(frame.events):
            found = await self._read(event, _Place(number, at))
            if found is not None:
                return self._ended(found)
        return self._released(self._limit()) if self._holding else self._released(_NOWHERE)

    def _pieces(self, frame: Frame) -> Iterable[Frame]:
        """The frame itself, or the pieces of one that says much at once."""
        if not self._holding:
            return (frame,)
        for event in frame.events:
            if type(event) is TextDelta and len(event.text) > LARGE:
                break
        else:
            return (frame,)
        return [
            Frame((each,))
            for event in frame.events
            for each in (_cut(event) if isinstance(event, TextDelta) else (event,))
        ]

    def _limit(self) -> _Place:
        """The first event that must wait."""
        limit = min((place for place, _, _ in self._calls.values()), default=_NOWHERE)
        for run in self._runs.values():
            if run.waiting and run.waiting[0][0] < limit:
                limit = run.waiting[0][0]
        return limit

    def _released(self, limit: _Place) -> list[Frame]:
        """The frames before `limit`, which are gone on from here."""
        out: list[Frame] = []
        while self._waiting and self._first < limit.frame:
            frame = self._waiting.popleft()
            self._first += 1
            self._note(frame.events)
            out.append(frame)
        return out

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case PartOpened(index=index, choice=choice):
                    self._open[index] = choice
                    self._choices.setdefault(choice, False)
                case TextDelta(text=text) | ArgumentsDelta(text=text):
                    self._sent.add(text)
                case PartClosed(index=index):
                    self._open.pop(index, None)
                case Finished(choice=choice):
                    self._choices[choice] = True
                case _:
                    pass

    def _ended(self, blocked: _Blocked) -> list[Frame]:
        """What may still be said before what is blocked, and the ends of everything."""
        self.blocked = blocked.finding
        limit = min(blocked.place, self._limit())
        out = self._released(limit)
        if self._waiting and limit.frame == self._first:
            before = self._waiting[0].events[: limit.event]
            if blocked.kept is not None and limit == blocked.place:
                before = (*before, blocked.kept)
            self._note(before)
            out += [Frame(before)] if before else []
        for frame in self._waiting:  # Choices of which nothing has been seen have to end as well.
            for event in frame.events:
                if isinstance(event, PartOpened):
                    self._choices.setdefault(event.choice, False)
        ends: list[Event] = [PartClosed(index) for index in self._open]
        ends += [Finished(Stop.FILTER, choice) for choice, done in self._choices.items() if not done]
        self._waiting.clear()
        return [*out, Frame(tuple(ends))]

    async def _read(self, event: Event, place: _Place) -> _Blocked | None:
        """Looks at one event; says what is to be withheld, and from where on."""
        match event:
            case TextDelta(index=index, text=text):
                self._said.add(text)
                key = self._parts.get(index)
                return None if key is None else await self._say(key, text, place, event)
            case ArgumentsDelta(index=index, text=text):
                self._said.add(text)
                self._calls[index][2].append(text)
            case PartOpened():
                return await self._begin(event, place)
            case PartClosed(index=index):
                return await self._close_part(index, place)
            case CitationAdded(citation=cited):
                return await self._judge("citations", words_of_citation(cited), place)
            case LogprobsAdded():
                self._review.skip("logprobs", "they are no text")
            case MediaDelta():
                pass  # Said when it began.
            case VendorEvent():
                self._review.skip("vendor events", "only their own protocol knows them")
            case Finished(choice=choice):
                return await self._finish(lambda of: of == choice)
            case Failed():
                return await self._finish(lambda _: True)
            case _:
                pass
        return None

    async def _begin(self, event: PartOpened, place: _Place) -> _Blocked | None:
        match event.part:
            case Text(text=text) | Refusal(text=text):
                return await self._open_run(event, "text", text, place)
            case Reasoning(form="redacted"):
                self._review.skip("reasoning", "it is sealed")
            case Reasoning(text=text):
                return await self._open_run(event, "reasoning", text, place)
            case ToolCall() as call:
                held_at = place if self._holding else _NOWHERE
                self._calls[event.index] = (held_at, call, [call.arguments])
            case ToolResult() as result:
                for kind in {part.kind for part in result.content if isinstance(part, Media)}:
                    self._review.skip(f"tool_results {kind}", "it is no text")
                return await self._judge("tool_results", words_of_result(result), place)
            case Media(kind=kind):
                self._review.skip(kind, "it is no text")
            case Unknown() as unknown:
                return await self._judge("unknown parts", words_of_unknown(unknown), place)
        return None

    async def _open_run(
        self, event: PartOpened, kind: Literal["text", "reasoning"], text: str, place: _Place
    ) -> _Blocked | None:
        key = (event.choice, kind)
        self._parts[event.index] = key
        if key not in self._runs:
            self._runs[key] = _Run(self._review.channel(kind))
        return await self._say(key, text, place) if text else None

    async def _say(
        self, key: tuple[int, str], text: str, place: _Place, delta: TextDelta | None = None
    ) -> _Blocked | None:
        run = self._runs[key]
        offset, finding = run.channel.feed(text)
        if self._holding:
            run.waiting.append((place, offset, delta))
        if finding is None and run.channel.due:
            finding = await run.channel.classify()
        if finding is not None:
            return run.blocked(finding)
        run.settle()
        return None

    async def _close_part(self, index: int, place: _Place) -> _Blocked | None:
        if (key := self._parts.pop(index, None)) is not None:
            return await self._pause(self._runs[key])
        if (held := self._calls.pop(index, None)) is None:
            return None
        begun, call, arguments = held
        whole = msgspec.structs.replace(call, arguments="".join(arguments))
        return await self._judge("arguments", words_of_call(whole), min(begun, place))

    async def _judge(self, kind: str, text: str, place: _Place) -> _Blocked | None:
        finding = await self._review.judge(kind, text)
        return None if finding is None else _Blocked(finding, place)

    async def _finish(self, ends: Callable[[int], bool]) -> _Blocked | None:
        for (choice, _), run in self._runs.items():
            if ends(choice) and (found := await self._pause(run)) is not None:
                return found
        return None

    async def _pause(self, run: _Run) -> _Blocked | None:
        """A part ends: what waited of it goes on, unless it is found out now."""
        finding = await run.channel.pause()
        if finding is not None:
            return run.blocked(finding)
        run.waiting.clear()
        return None


def _cut(event: TextDelta) -> list[TextDelta]:
    return [TextDelta(event.index, event.text[at : at + PIECE]) for at in range(0, len(event.text), PIECE)]


def _size(delta: TextDelta) -> int:
    return len(fold(delta.text))


def _kept(delta: TextDelta, letters: int) -> TextDelta | None:
    """The beginning of a delta, up to so many folded characters; None for nothing."""
    at = 0
    while at < len(delta.text) and (letters := letters - len(fold(delta.text[at]))) >= 0:
        at += 1
    return TextDelta(delta.index, delta.text[:at]) if at else None


async def screened(
    frames: AsyncGenerator[Frame],
    screen: Screen,
    watched: Callable[[Frame], Frame],
    unpaid: Callable[[int], Awaitable[Frame | None]],
) -> AsyncGenerator[Frame]:
    """The frames that may go on, each as `watched` gives it; nobody watches what is withheld.

    `unpaid` is told how many tokens wait, and ends the reply where nobody pays for so many.
    Raises the Fault of a reply that breaks off; what waited, and is harmless, comes before it.
    """
    async with aclosing(frames):
        try:
            async for frame in frames:
                for ready in await screen.take(frame):
                    yield watched(ready)
                if screen.over:
                    return
                if screen.waiting and (ending := await unpaid(screen.waiting)) is not None:
                    for ready in await screen.take(ending):
                        yield watched(ready)
                    return
        except Unjudged:
            raise
        except Fault:
            for ready in await screen.close():
                yield watched(ready)
            if not screen.over:
                raise
            return
        for ready in await screen.close():
            yield watched(ready)
