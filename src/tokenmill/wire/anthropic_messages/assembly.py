"""Makes a lawful stream of events out of an upstream's events, however sloppy."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Failed,
    Finished,
    Heartbeat,
    PartClosed,
    PartOpened,
    SignatureDelta,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
    VendorEvent,
)
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall, ToolResult, Unknown
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.errors import decode_stream_error
from tokenmill.wire.anthropic_messages.facts import (
    REASONS,
    SERVER_RESULTS,
    STOP_OF,
    is_exact,
    read_citation,
    read_usage,
)
from tokenmill.wire.anthropic_messages.lenient import fitted, lenient
from tokenmill.wire.anthropic_messages.schema import (
    DeltaMember,
    Message,
    ReplyBlock,
    StreamEvent,
    UsageMember,
    WholeReply,
)
from tokenmill.wire.members import STRING
from tokenmill.wire.utf8 import as_utf8

BROKE_OFF = "The model's reply broke off before it was complete. Please try again."

_EVENT = msgspec.json.Decoder(StreamEvent)
_REPLY = msgspec.json.Decoder(WholeReply)
_BLOCK = msgspec.json.Decoder(ReplyBlock)
_EMPTY = (b"", b"null", b"{}")


def read_event(data: bytes) -> tuple[StreamEvent, bool]:
    """The event in `data`, which is UTF-8, and whether it was well formed.

    Raises Fault(UPSTREAM_BROKE) for what is none.
    """
    try:
        return _EVENT.decode(data), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient(StreamEvent, data), False


def read_reply(body: bytes) -> WholeReply:
    """The whole reply in `body`. Raises the Fault that an error object tells of, or UPSTREAM_BROKE."""
    reply = fitted(_REPLY, WholeReply, as_utf8(body))
    if reply.type == "error" or bytes(reply.error) not in _EMPTY:
        raise decode_stream_error(body)
    if reply.content is None:
        raise Fault(
            Code.UPSTREAM_BROKE,
            "The model's server answered with something that is not a message. Please try again.",
        )
    return reply


_IN_A_BLOCK = (TextDelta, ArgumentsDelta, SignatureDelta, CitationAdded, VendorEvent)


def _is_empty(block: ReplyBlock) -> bool:
    """Is the block begun as clients expect it? What is in it they read from deltas alone."""
    match block.type:
        case "text":
            return block.text == "" and not block.citations
        case "thinking":
            return block.thinking == "" and not block.signature
        case "redacted_thinking":
            return block.data is not None
        case "tool_use" | "server_tool_use":
            return bool(block.id and block.name) and bytes(block.input) == b"{}"
        case kind:
            return bool(kind)


class _Block:
    """A block that is being written."""

    __slots__ = ("index", "input", "part", "said")

    def __init__(self, index: int, part: Part, input_: str) -> None:
        self.index = index
        self.part = part
        self.input = input_  # Told at the start; it counts when no deltas come.
        self.said = False


class Assembly:
    """One reply in the making.

    Blocks are told apart by the upstream's numbers, whatever these are: one that begins again ends the one
    before it, and words for a number that is not open begin a block of their own. `at` and `origin` are
    what the wire itself does not say of a reply.
    """

    def __init__(self, new_id: Callable[[], str], at: int, origin: str | None) -> None:
        self._new_id = new_id
        self._at = at
        self._origin = origin
        self._open: dict[int, _Block] = {}
        self._parts = 0
        self._called = False
        self._empty = False  # Had the last block nothing in it when it began?
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._matched: str | None = None
        self._events: list[Event] = []
        self.started = False
        self.ended = False
        self.faithful = False
        """Was the last event lawful as it stood, and did it say no more than our events?"""

    def take(self, event: StreamEvent, kind: str, data: bytes) -> tuple[Event, ...]:
        """The events of one event, whose type is `kind`. Raises the Fault of an error event."""
        lawful = self._is_lawful(event, kind)
        events = self._take(event, kind, data)
        match kind:
            case "content_block_start":
                self.faithful = lawful and self._empty
            case "content_block_delta":
                self.faithful = lawful and all(isinstance(told, _IN_A_BLOCK) for told in events)
            case _:
                self.faithful = lawful
        return events

    def _is_lawful(self, event: StreamEvent, kind: str) -> bool:
        """May this event follow what came before?"""
        match kind:
            case "content_block_delta":
                typed = event.delta is not None and bool(event.delta.type)
                return typed and event.index in self._open
            case "content_block_start":
                return self.started and not self._open and event.index == self._parts
            case "content_block_stop":
                return event.index in self._open
            case "message_start":
                message = event.message
                empty = message is not None and message.content == [] and is_exact(message.usage)
                return not self.started and empty
            case "message_delta":
                reason = None if event.delta is None else event.delta.stop_reason
                counted = event.usage is not None and event.usage.output_tokens is not None
                counted = counted and is_exact(event.usage)
                first = self.started and not self._open and self._stop is None
                return first and counted and reason in REASONS and (reason == "tool_use") is self._called
            case "message_stop":
                return self._stop is not None and not self._open
            case _:
                return self.started

    def _take(self, event: StreamEvent, kind: str, data: bytes) -> tuple[Event, ...]:
        events = self._events = []
        match kind:
            case "content_block_delta":
                if event.delta is not None:
                    self._begin(None)
                    self._grow(event.index or 0, event.delta, data)
            case "content_block_start":
                self._begin(None)
                self._start(event.index or 0, event.content_block)
            case "content_block_stop":
                if (block := self._open.pop(event.index or 0, None)) is not None:
                    self._close(block)
            case "ping":
                if self.started:
                    events.append(Heartbeat())
            case "message_start":
                self._begin(event.message)
            case "message_delta":
                self._begin(None)
                if event.delta is not None:
                    self._note_end(event.delta.stop_reason, event.delta.stop_sequence)
                self._count(event.usage)
            case "message_stop":
                self._finish()
            case "error":
                raise decode_stream_error(data)
            case _:
                if self.started:
                    events.append(VendorEvent("anthropic_messages", data))
        return self._told()

    def take_whole(self, reply: WholeReply) -> tuple[Event, ...]:
        """The events of a reply that came in one piece."""
        self._begin(reply)
        for i, raw in enumerate(reply.content or ()):
            self._start(i, raw)
            if (block := self._open.pop(i, None)) is not None:
                self._close(block)
        self._note_end(reply.stop_reason, reply.stop_sequence)
        self._count(reply.usage)  # Zeros count now that the reply has ended.
        self._finish()
        return self._told()

    def fail(self, fault: Fault) -> tuple[Event, ...]:
        """The reply breaks off: Failed, or the fault raised where nothing has been said yet.

        What an event had said before it turned out to be broken comes first.
        """
        self.ended = True
        if not self.started:
            raise fault
        return (*self._told(), Failed(fault))

    def _told(self) -> tuple[Event, ...]:
        """What has been said and not been given out."""
        events, self._events = tuple(self._events), []
        return events

    def _begin(self, message: Message | None) -> None:
        if not self.started:
            self.started = True
            message = message or Message()
            self._events.append(Started(message.id or "", message.model or "", self._at))
        if message is not None:
            self._count(message.usage)

    def _count(self, told: UsageMember | None) -> None:
        """Counts go out when they change; zeros, with which some servers begin, are no counts yet."""
        if told is None:
            return
        usage = read_usage(told, self._usage)
        if usage is None or usage == self._usage or (usage == Usage() and self._stop is None):
            return
        self._usage = usage
        self._events.append(UsageSeen(usage))

    def _note_end(self, reason: str | None, matched: str | None) -> None:
        if reason:
            self._stop = STOP_OF.get(reason, Stop.END)
            self._matched = matched if self._stop is Stop.STOP_SEQUENCE else None

    def _start(self, number: int, raw: Raw) -> None:
        self._empty = False
        if (before := self._open.pop(number, None)) is not None:
            self._close(before)
        if bytes(raw) in _EMPTY:
            return
        block = fitted(_BLOCK, ReplyBlock, raw)
        self._empty = _is_empty(block)
        match block.type:
            case "text":
                said = self._begin_block(number, Text())
                if block.text:
                    self._say(said, block.text)
                for source in block.citations or ():
                    self._events.append(CitationAdded(said.index, read_citation(source)))
            case "thinking":
                said = self._begin_block(number, Reasoning(origin=self._origin))
                if block.thinking:
                    self._say(said, block.thinking)
                if block.signature:
                    self._events.append(SignatureDelta(said.index, block.signature))
            case "redacted_thinking":
                sealed = Reasoning(form="redacted", origin=self._origin, signature=block.data or "")
                self._begin_block(number, sealed)
            case "tool_use" | "server_tool_use" as kind:
                self._start_call(number, block, server=kind == "server_tool_use")
            case str(kind) if kind in SERVER_RESULTS and block.tool_use_id:
                kept = Unknown("anthropic_messages", kind, bytes(raw))
                self._begin_block(number, ToolResult(block.tool_use_id, (kept,), server=True))
            case kind:
                self._begin_block(number, Unknown("anthropic_messages", kind or "", bytes(raw)))

    def _start_call(self, number: int, block: ReplyBlock, *, server: bool) -> None:
        written = bytes(block.input)
        if written.startswith(b'"'):
            input_ = STRING.decode(written)
        else:
            input_ = "{}" if written in _EMPTY else written.decode()
        call = ToolCall(block.id or self._new_id(), block.name or "", "", "server" if server else "function")
        self._called = self._called or not server
        self._begin_block(number, call, input_)

    def _begin_block(self, number: int, part: Part, input_: str = "") -> _Block:
        block = self._open[number] = _Block(self._parts, part, input_)
        self._parts += 1
        self._events.append(PartOpened(block.index, part))
        return block

    def _close(self, block: _Block) -> None:
        if block.input and not block.said:
            self._events.append(ArgumentsDelta(block.index, block.input))
        self._events.append(PartClosed(block.index))

    def _say(self, block: _Block, words: str) -> None:
        self._events.append(TextDelta(block.index, words))

    def _grow(self, number: int, delta: DeltaMember, data: bytes) -> None:
        block = self._open.get(number)
        part = None if block is None else block.part
        match delta.type:
            case "text_delta":
                if delta.text:
                    self._say(self._of_kind(number, Text()), delta.text)
            case "input_json_delta":
                if block is None or not isinstance(part, ToolCall):
                    self._events.append(VendorEvent("anthropic_messages", data))
                elif delta.partial_json:
                    block.said = True
                    self._events.append(ArgumentsDelta(block.index, delta.partial_json))
            case "thinking_delta":
                if delta.thinking:
                    self._say(self._of_kind(number, Reasoning(origin=self._origin)), delta.thinking)
            case "signature_delta":
                if delta.signature:
                    thought = self._of_kind(number, Reasoning(origin=self._origin))
                    self._events.append(SignatureDelta(thought.index, delta.signature))
            case "citations_delta" if bytes(delta.citation) not in _EMPTY:
                cited = self._of_kind(number, Text())
                self._events.append(CitationAdded(cited.index, read_citation(delta.citation)))
            case _:
                self._events.append(VendorEvent("anthropic_messages", data))

    def _of_kind(self, number: int, part: Text | Reasoning) -> _Block:
        """The open block of this number, if it grows by such words; else a new one."""
        block = self._open.get(number)
        sealed = block is not None and isinstance(block.part, Reasoning) and block.part.form == "redacted"
        if block is not None and type(block.part) is type(part) and not sealed:
            return block
        if block is not None:
            self._close(block)
        return self._begin_block(number, part)

    def _finish(self) -> None:
        """The upstream says that the reply is whole; one without words or a reason is not believed."""
        if not self.started or (self._stop is None and not self._parts):
            told = self.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))  # It empties what is held.
            self._events.extend(told)
            return
        for block in self._open.values():
            self._close(block)
        self._open.clear()
        stop = self._stop or (Stop.TOOL if self._called else Stop.END)
        self._events.append(Finished(stop, 0, self._matched))
        self.ended = True
