"""Makes a lawful stream of events out of chunks, however sloppy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Failed,
    Finished,
    LogprobsAdded,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import Part, Reasoning, Refusal, Text, ToolCall
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.errors import decode_stream_error
from tokenmill.wire.openai_chat.facts import (
    REASONS,
    is_exact,
    read_citation,
    read_logprobs,
    read_stop,
    read_usage,
)
from tokenmill.wire.openai_chat.lenient import lenient_chunk
from tokenmill.wire.openai_chat.schema import CallDelta, ChoiceChunk, Chunk, MessageDelta
from tokenmill.wire.utf8 import as_utf8

BROKE_OFF = "The model's reply broke off before it was complete. Please try again."

MOST_CHOICES = 8
"""The most alternatives a caller can ask for."""

_LATEST = 2**53  # Later times are not exact in JavaScript.

_CHUNK = msgspec.json.Decoder(Chunk)


def read_chunk(data: bytes) -> Chunk:
    """The chunk in `data`; one that had to be guessed at names no `object`.

    Raises the Fault that an error object tells of, or UPSTREAM_BROKE.
    """
    data = as_utf8(data)
    try:
        chunk = _CHUNK.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        chunk = lenient_chunk(data)
        if chunk.object != "error":
            chunk.object = None
    if (len(chunk.error) and bytes(chunk.error) not in (b"null", b"{}", b'""')) or chunk.object == "error":
        raise decode_stream_error(data)
    return chunk


_UNCUT = (None, Stop.END, Stop.TOOL)
"""Ends after which a call without arguments has none, and has not lost them."""


class _Call:
    """A tool call that is being written; until it has a name it is not opened."""

    __slots__ = ("held", "id", "index", "kind", "name", "spoke")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.kind: Literal["function", "custom"] = "function"
        self.index = -1
        self.held: list[str] = []
        self.spoke = False


class _Choice:
    """What is open in one alternative; words of one kind at a time, tool calls side by side."""

    __slots__ = ("by_id", "by_index", "calls", "cites", "kind", "matched", "number", "open", "stop")

    def __init__(self, number: int) -> None:
        self.number = number
        self.kind: type[Part] | None = None
        self.open = -1
        self.calls: list[_Call] = []
        self.by_index: dict[int, _Call] = {}
        self.by_id: dict[str, _Call] = {}
        self.cites: list[Raw] = []
        self.stop: Stop | None = None
        self.matched: str | None = None

    @property
    def owes(self) -> bool:
        """Is something held back, a source without its text or a call without its name?"""
        return bool(self.cites) or any(call.index < 0 for call in self.calls)


class Assembly:
    """One reply in the making.

    Words close when words of another kind begin; tool calls stay open to the end, since calls may
    interleave; text after a call is a new part. The ends of choices are held back until the reply is
    over, because counts may follow the last words.
    """

    def __init__(self, new_id: Callable[[], str], most: int = MOST_CHOICES) -> None:
        self._new_id = new_id
        self._most = most
        self._choices: dict[int, _Choice] = {}
        self._parts = 0
        self._usage: Usage | None = None
        self._events: list[Event] = []
        self._end_told = False  # Has a faithful chunk said why the reply ends?
        self.started = False
        self.ended = False
        self.faithful = False
        """Was the last chunk lawful as it stood, and did it say no more than its events?"""
        self.completed = False
        """Did the end add arguments that the upstream left out?"""

    def take(self, chunk: Chunk) -> tuple[Event, ...]:
        """The events of one chunk."""
        before = self._choices.get(0)
        calls, over = (0, False) if before is None else (len(before.calls), before.stop is not None)
        owing = before is not None and before.owes
        events = self._take(chunk)
        self.faithful = (
            chunk.object == "chat.completion.chunk"
            and isinstance(chunk.created, int)
            and 0 <= chunk.created <= _LATEST
            and chunk.choices is not None
            and not (owing or self.completed)
            and (chunk.usage is None or is_exact(chunk.usage, self._usage))
            and (not chunk.choices or (not over and self._is_faithful(chunk.choices, calls, events)))
        )
        if self.ended:
            self.faithful = self.faithful and self._end_told
        elif chunk.choices and chunk.choices[0].finish_reason:
            self._end_told = self.faithful
        return events

    def _take(self, chunk: Chunk) -> tuple[Event, ...]:
        events = self._events = []
        if not self.started:
            if chunk.choices is None:
                return ()
            self.started = True
            at = int(min(max(chunk.created or 0, 0), _LATEST))
            events.append(Started(chunk.id or "", chunk.model or "", at, chunk.system_fingerprint))
        for choice in chunk.choices or ():
            self._take_choice(choice)
        if chunk.usage is not None:
            usage = read_usage(chunk.usage)
            if usage is not None and usage != self._usage:
                self._usage = usage
                events.append(UsageSeen(usage))
            all_told = bool(self._choices) and all(c.stop is not None for c in self._choices.values())
            if usage is not None and not chunk.choices and all_told:
                self._finish()
        return tuple(events)

    def end(self, *, vouched: bool) -> tuple[Event, ...]:
        """The upstream is done; `vouched` when it said itself that the reply is whole.

        A choice that never said why it ended is believed to be whole only when vouched for and not empty.
        """
        events = self._events = []
        choices = self._choices.values()
        whole = bool(choices) and all(
            c.stop is not None or (vouched and (c.kind is not None or c.calls)) for c in choices
        )
        if not whole:
            return self.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))
        self._finish()
        return tuple(events)

    def fail(self, fault: Fault) -> tuple[Event, ...]:
        """The reply breaks off: Failed, or the fault raised where nothing has been said yet."""
        self.ended = True
        if not self.started:
            raise fault
        return (Failed(fault),)

    def _is_faithful(self, chunks: list[ChoiceChunk], calls: int, events: tuple[Event, ...]) -> bool:
        """Does the one choice say what its events say? `calls` is how many it had before."""
        chunk, choice = chunks[0], self._choices.get(0)
        delta = chunk.delta
        if len(chunks) > 1 or len(self._choices) > 1 or choice is None or chunk.index != 0 or delta is None:
            return False
        if delta.reasoning is not None and delta.reasoning != delta.reasoning_content:
            return False  # Callers look for the other name.
        if chunk.finish_reason is not None and (events or chunk.finish_reason not in REASONS):
            return False  # The end goes out last, whatever else this chunk says.
        if chunk.finish_reason in ("stop", "tool_calls"):
            return (chunk.finish_reason == "tool_calls") is bool(choice.calls)
        if delta.annotations and (choice.cites or not all(map(_is_object, delta.annotations))):
            return False  # They wait for their text.
        told = delta.tool_calls or ()
        apart = len(told) < 2 or len({call.index for call in told}) == len(told)
        return apart and all(_is_in_step(choice, call, calls) for call in told)

    def _take_choice(self, chunk: ChoiceChunk) -> None:
        number = max(chunk.index or 0, 0)
        choice = self._choices.get(number)
        if choice is None:
            if number >= self._most:
                return
            choice = self._choices[number] = _Choice(number)
        delta = chunk.delta
        if delta is not None:
            thought = delta.reasoning_content or delta.reasoning
            if thought:
                self._say(choice, Reasoning, thought)
            if delta.content:
                self._say(choice, Text, delta.content)
        if chunk.logprobs is not None and chunk.logprobs.content and choice.kind is Text:
            self._events.append(LogprobsAdded(choice.open, read_logprobs(chunk.logprobs.content)))
        if delta is not None and (delta.annotations or delta.refusal or delta.tool_calls):
            self._take_rest(choice, delta)
        if chunk.finish_reason:
            choice.stop, choice.matched = read_stop(chunk.finish_reason, _matched(chunk))

    def _say(self, choice: _Choice, kind: type[Text | Reasoning | Refusal], words: str) -> None:
        if choice.kind is not kind:
            self._begin(choice, kind)
        self._events.append(TextDelta(choice.open, words))

    def _begin(self, choice: _Choice, kind: type[Text | Reasoning | Refusal]) -> None:
        self._hush(choice)
        choice.kind = kind
        choice.open = self._open(kind(), choice)
        if kind is Text and choice.cites:
            self._cite(choice)

    def _hush(self, choice: _Choice) -> None:
        """Closes the words that are open."""
        if choice.open >= 0:
            self._events.append(PartClosed(choice.open))
            choice.open = -1
        choice.kind = None

    def _open(self, part: Part, choice: _Choice) -> int:
        index = self._parts
        self._parts += 1
        self._events.append(PartOpened(index, part, choice.number))
        return index

    def _cite(self, choice: _Choice) -> None:
        self._events.extend(CitationAdded(choice.open, read_citation(raw)) for raw in choice.cites)
        choice.cites = []

    def _take_rest(self, choice: _Choice, delta: MessageDelta) -> None:
        if delta.annotations:
            # Some come before the text they belong to.
            choice.cites.extend(filter(_is_object, delta.annotations))
            if choice.kind is Text:
                self._cite(choice)
        if delta.refusal:
            self._say(choice, Refusal, delta.refusal)
        for call in delta.tool_calls or ():
            self._take_call(choice, call)

    def _take_call(self, choice: _Choice, delta: CallDelta) -> None:
        if delta.function is not None:
            name, words = delta.function.name, delta.function.arguments
        elif delta.custom is not None:
            name, words = delta.custom.name, delta.custom.input
        else:
            name = words = None
        call = _find_call(choice, delta, name)
        if delta.type == "custom" or delta.custom is not None:
            call.kind = "custom"
        call.id = call.id or delta.id or ""
        if delta.id:
            choice.by_id[delta.id] = call
        if not call.name and name:
            call.name = name
            self._open_call(choice, call)
        call.spoke = call.spoke or bool(words)
        if words and call.index >= 0:
            self._events.append(ArgumentsDelta(call.index, words))
        elif words:
            call.held.append(words)

    def _open_call(self, choice: _Choice, call: _Call) -> None:
        self._hush(choice)
        call.id = call.id or self._new_id()
        call.index = self._open(ToolCall(call.id, call.name, "", call.kind), choice)
        if call.held:
            self._events.append(ArgumentsDelta(call.index, "".join(call.held)))
            call.held = []

    def _finish(self) -> None:
        """Closes all that is open, then says how each choice ended."""
        for choice in self._choices.values():
            if choice.cites:
                self._begin(choice, Text)  # Sources without any words after them.
            self._hush(choice)
            for call in choice.calls:
                if call.index < 0:
                    self._open_call(choice, call)
                if not call.spoke and call.kind == "function" and choice.stop in _UNCUT:
                    self._events.append(
                        ArgumentsDelta(call.index, "{}")
                    )  # Clients parse it, and "" is no JSON.
                    self.completed = True
                self._events.append(PartClosed(call.index))
        for number, choice in sorted(self._choices.items()):
            stop = choice.stop or (Stop.TOOL if choice.calls else Stop.END)
            self._events.append(Finished(stop, number, choice.matched))
        self.ended = True


def _matched(chunk: ChoiceChunk) -> str | int | None:
    """The sequence at which the reply stopped: vLLM's name for it, else SGLang's."""
    return chunk.matched_stop if chunk.stop_reason is None else chunk.stop_reason


def _is_object(raw: Raw) -> bool:
    return bytes(raw).startswith(b"{")


def _is_in_step(choice: _Choice, delta: CallDelta, before: int) -> bool:
    """Is the call numbered as ours, and said as clients join it: id and name once, at its beginning?"""
    if delta.index is None or delta.function is None or not 0 <= delta.index < len(choice.calls):
        return False
    call = choice.calls[delta.index]
    if choice.by_index.get(delta.index) is not call or call.index < 0:
        return False
    if delta.index < before:
        return not delta.id and not delta.function.name
    return delta.id == call.id and delta.function.name == call.name and delta.type == "function"


def _find_call(choice: _Choice, delta: CallDelta, name: str | None) -> _Call:
    """The call that `delta` goes on with, or a new one.

    An index names a call, else an id does, else it is the last one. But a name where the call has one
    already, with another id or unlike it, begins a new call: some servers number every call 0, or give
    every call the same id.
    """
    known: _Call | None = None
    if delta.index is not None:
        known = choice.by_index.get(delta.index)
    elif choice.calls:
        known = choice.by_id.get(delta.id) if delta.id else None
        if known is None and not (delta.id and name):
            known = choice.calls[-1]
    if known is not None and name and known.name:
        same_id = delta.id == known.id if delta.id else delta.index is not None
        if name != known.name or not same_id:
            known = None
    if known is None:
        known = _Call()
        choice.calls.append(known)
    if delta.index is not None:
        choice.by_index[delta.index] = known
    return known
