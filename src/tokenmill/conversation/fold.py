"""Folds a stream of events into a whole reply, and unfolds a reply into events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

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
from tokenmill.conversation.parts import (
    Citation,
    Inline,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    Value,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault


class Choice(Value, frozen=True):
    """One alternative of a reply; its parts stand in the order in which they began."""

    parts: tuple[Part, ...]
    stop: Stop
    index: int = 0
    matched: str | None = None


class Reply(Value, frozen=True):
    """A whole reply."""

    id: str
    model: str
    at: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    fingerprint: str | None = None


class _Growing:
    """A part that is still being written."""

    __slots__ = ("choice", "citations", "logprobs", "part", "signature", "text")

    def __init__(self, opened: PartOpened) -> None:
        self.part = opened.part
        self.choice = opened.choice
        self.text: list[str] = []
        self.signature: list[str] = []
        self.citations: list[Citation] = []
        self.logprobs: list[TokenLogprob] = []

    def whole(self) -> Part:
        text = "".join(self.text)
        match self.part:
            case Text() as part:
                return Text(
                    part.text + text,
                    (*part.citations, *self.citations),
                    (*part.logprobs, *self.logprobs),
                    part.cache,
                )
            case Reasoning() as part:
                signature = (part.signature or "") + "".join(self.signature)
                signed = bool(self.signature) or part.signature is not None
                return Reasoning(part.text + text, part.form, part.origin, signature if signed else None)
            case ToolCall() as part:
                return ToolCall(part.id, part.name, part.arguments + text, part.kind, part.cache)
            case Refusal() as part:
                return Refusal(part.text + text)
            case Media(source=Inline(data=data)) as part if text:
                return Media(
                    part.kind, Inline(data + text), part.media_type, part.name, part.options, part.cache
                )
            case Media() | ToolResult() | Unknown():
                return self.part
            case _:
                assert_never(self.part)


class Folder:
    """Gathers one stream; it trusts the stream to obey the grammar."""

    def __init__(self) -> None:
        self._started: Started | None = None
        self._parts: dict[int, _Growing] = {}
        self._finished: dict[int, Finished] = {}
        self._usage: Usage | None = None
        self._failed: Fault | None = None

    def feed(self, event: Event) -> None:
        """Takes the next event."""
        match event:
            case TextDelta(index=index, text=text) | ArgumentsDelta(index=index, text=text):
                self._parts[index].text.append(text)
            case PartOpened(index=index):
                self._parts[index] = _Growing(event)
            case MediaDelta(index=index, data=data):
                self._parts[index].text.append(data)
            case SignatureDelta(index=index, signature=signature):
                self._parts[index].signature.append(signature)
            case CitationAdded(index=index, citation=citation):
                self._parts[index].citations.append(citation)
            case LogprobsAdded(index=index, logprobs=logprobs):
                self._parts[index].logprobs.extend(logprobs)
            case UsageSeen(usage=usage):
                self._usage = usage
            case Finished(choice=choice):
                self._finished[choice] = event
            case Started():
                self._started = event
            case Failed(fault=fault):
                self._failed = fault
            case PartClosed() | Heartbeat() | VendorEvent():
                pass
            case _:
                assert_never(event)

    def reply(self) -> Reply:
        """The whole reply. Raises the stream's own Fault if it failed, UPSTREAM_BROKE if it never ended."""
        if self._failed is not None:
            raise self._failed
        if self._started is None or not self._finished:
            raise Fault(
                Code.UPSTREAM_BROKE, "The model's reply ended before it was complete. Please try again."
            )
        parts: dict[int, list[Part]] = {choice: [] for choice in self._finished}
        for _, growing in sorted(self._parts.items()):
            parts.setdefault(growing.choice, []).append(growing.whole())
        choices = tuple(
            Choice(tuple(parts[index]), ended.stop, index, ended.matched)
            for index, ended in sorted(self._finished.items())
        )
        start = self._started
        return Reply(start.reply_id, start.model, start.at, choices, self._usage, start.fingerprint)


def fold(events: Iterable[Event]) -> Reply:
    """The reply that `events` tell of; raises as `Folder.reply` does."""
    folder = Folder()
    for event in events:
        folder.feed(event)
    return folder.reply()


def unfold(reply: Reply) -> Iterator[Event]:
    """A lawful stream that folds into `reply` again: each part opens empty, grows once and closes."""
    yield Started(reply.id, reply.model, reply.at, reply.fingerprint)
    index = 0
    for choice in reply.choices:
        for part in choice.parts:
            yield from _unfold_part(index, part, choice.index)
            index += 1
    if reply.usage is not None:
        yield UsageSeen(reply.usage)
    for choice in reply.choices:
        yield Finished(choice.stop, choice.index, choice.matched)


def _unfold_part(index: int, part: Part, choice: int) -> Iterator[Event]:
    match part:
        case Text(text=text, citations=citations, logprobs=logprobs, cache=cache):
            yield PartOpened(index, Text(cache=cache), choice)
            if text:
                yield TextDelta(index, text)
            if logprobs:
                yield LogprobsAdded(index, logprobs)
            for citation in citations:
                yield CitationAdded(index, citation)
        case Reasoning(text=text, form=form, origin=origin, signature=signature):
            yield PartOpened(index, Reasoning(form=form, origin=origin), choice)
            if text:
                yield TextDelta(index, text)
            if signature is not None:
                yield SignatureDelta(index, signature)
        case ToolCall(id=id_, name=name, arguments=arguments, kind=kind, cache=cache):
            yield PartOpened(index, ToolCall(id_, name, "", kind, cache), choice)
            if arguments:
                yield ArgumentsDelta(index, arguments)
        case Refusal(text=text):
            yield PartOpened(index, Refusal(), choice)
            if text:
                yield TextDelta(index, text)
        case Media() | ToolResult() | Unknown():
            yield PartOpened(index, part, choice)
        case _:
            assert_never(part)
    yield PartClosed(index)
