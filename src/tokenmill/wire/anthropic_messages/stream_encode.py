"""Writes a stream for a caller."""

from __future__ import annotations

import re
from collections import deque
from typing import assert_never

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
    TextDelta,
    UsageSeen,
    VendorEvent,
)
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Part, Reasoning, ToolCall
from tokenmill.conversation.request import Drop
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.assembly import BROKE_OFF
from tokenmill.wire.anthropic_messages.blocks import Signer
from tokenmill.wire.anthropic_messages.errors import fault_body
from tokenmill.wire.anthropic_messages.facts import write_counts, write_stop, write_usage
from tokenmill.wire.anthropic_messages.open_block import OpenBlock
from tokenmill.wire.anthropic_messages.reply import message_of
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds
from tokenmill.wire.losses import Losses
from tokenmill.wire.splice import spliced
from tokenmill.wire.sse import write_block

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_MESSAGE_DELTA = re.compile(rb"\n?event: ?message_delta[\r\n]")

_encode = msgspec.json.Encoder().encode


class _Waiting:
    """A part whose turn has not come, with what was said of it meanwhile."""

    __slots__ = ("closed", "deltas", "part")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.deltas: list[Delta] = []
        self.closed = False


class MessagesStreamEncoder:
    """One reply for a caller, from events to bytes; at most one block is open at any time.

    A part that begins while another is open waits until that has closed, and is then written whole or as far
    as it has come. `input_tokens` is the estimate for `message_start`, which `message_delta` corrects.
    `signer` makes the signatures of reasoning; without one they are the upstream's. Only the choice that
    speaks first has a place on this wire; `drops` gathers what had none.
    """

    def __init__(
        self,
        reply_id: str,
        model: str,
        input_tokens: int,
        *,
        signer: Signer | None = None,
        request_id: str | None = None,
    ) -> None:
        self._reply_id = reply_id
        self._model = model
        self._usage = Usage(input_fresh=max(input_tokens, 1))  # Clients read 0 as "this server cannot count".
        self._signer = signer
        self._request_id = request_id
        self._ids = ToolIds()
        self._choice: int | None = None
        self._block: OpenBlock | None = None
        self._speaking = -1  # The part that `_block` writes.
        self._waiting: dict[int, _Waiting] = {}
        self._queue: deque[int] = deque()
        self._number = 0
        self._called = False
        self._other_end: Finished | None = None
        self._started = False
        self._ended = False
        self._faithful = True
        self._tail = b""  # The upstream's `message_delta`, until nobody can change the end any more.
        self._losses = Losses()

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What of the reply has no place on this wire."""
        return self._losses.drops

    def relay(self, frame: Frame) -> bytes:
        """The upstream's own events, as long as every event before them was one.

        `message_start` tells our id and model name, signatures are the signer's, and the end goes out only
        with the frame that finishes the reply: until then a step may still change what it ended for. From the
        first frame without faithful bytes on, events are written anew.
        """
        raw, events = frame.raw, frame.events
        if not self._faithful or raw is None:
            self._faithful = self._faithful and not events
            return self._feed_all(events)
        if _MESSAGE_DELTA.match(raw):
            self._tail = raw
            return self._feed_all(events)
        if not events:
            return b""
        match events[0]:
            case Heartbeat():
                return raw
            case VendorEvent():
                return raw if self._block is None or self._block.begun else self._feed_all(events)
            case Started():
                return self._relay_start(raw, events)
            case PartOpened(part=Reasoning(form="redacted")) if self._signer is not None:
                return self._feed_all(events)
            case PartOpened(part=ToolCall(id=id_)) if _encode(id_) not in raw:
                self._faithful = False
                return self._feed_all(events)
            case Finished():
                written = self._feed_all(events)
                return self._tail + raw if self._tail else written
            case _:
                return self._relay_block(raw, events)

    def _relay_start(self, raw: bytes, events: tuple[Event, ...]) -> bytes:
        written = self._feed_all(events)
        counted = any(isinstance(event, UsageSeen) and event.usage.input > 0 for event in events)
        found = spliced(raw, _encode(self._reply_id), _encode(self._model)) if counted else None
        return written if found is None else found[0]

    def _relay_block(self, raw: bytes, events: tuple[Event, ...]) -> bytes:
        """An event of the one block that is open, or of its beginning or end."""
        block = self._block
        reasons = block is not None and block.reasons and self._signer is not None
        written = self._feed_all(events)
        if reasons and isinstance(events[0], SignatureDelta | PartClosed):
            return written
        if self._block is not None:
            self._block.pass_over()
        return raw

    def _feed_all(self, events: tuple[Event, ...]) -> bytes:
        return b"".join(map(self.feed, events))

    def feed(self, event: Event) -> bytes:
        """The bytes that say `event`; often none."""
        if self._ended:
            return b""
        match event:
            case (
                TextDelta(index=index)
                | ArgumentsDelta(index=index)
                | SignatureDelta(index=index)
                | CitationAdded(index=index)
                | LogprobsAdded(index=index)
                | MediaDelta(index=index)
            ):
                if index == self._speaking and self._block is not None:
                    return self._block.grow(event)
                if index in self._waiting:
                    self._waiting[index].deltas.append(event)
                return b""
            case PartOpened():
                return self._open(event)
            case PartClosed(index=index):
                if index == self._speaking:
                    return self._close_block() + self._go_on()
                if index in self._waiting:
                    self._waiting[index].closed = True
                return b""
            case Started():
                return self._start()
            case UsageSeen(usage=usage):
                self._usage = usage
                return b""
            case Heartbeat():
                return PING
            case VendorEvent():
                self._losses.add("events", "an event that only another protocol knows has no place here")
                return b""
            case Finished():
                return self._finish(event)
            case Failed(fault=fault):
                return self.fail(fault)
            case _:
                assert_never(event)

    def close(self) -> bytes:
        """The stream has ended lawfully; when the choice that spoke never ended, another's end is its own."""
        if self._ended or not self._started:
            self._ended = True
            return b""
        if self._other_end is None:
            return self.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))
        return self._end(self._other_end)

    def fail(self, fault: Fault) -> bytes:
        """Ends what is open and says `fault` as an error event; nothing comes after."""
        if self._ended:
            return b""
        self._ended = True
        ending = b"" if self._block is None else self._block.abort()
        return ending + write_block(fault_body(fault, self._request_id), "error")

    def _start(self) -> bytes:
        self._started = True
        message = message_of(self._reply_id, self._model) | {"usage": write_usage(self._usage)}
        return write_block(_encode({"type": "message_start", "message": message}), "message_start")

    def _open(self, event: PartOpened) -> bytes:
        if self._choice is None:
            self._choice = event.choice
        if event.choice != self._choice:
            self._losses.add(f"choices[{event.choice}]", "this wire has one reply to a request")
            return b""
        if self._block is not None:
            self._waiting[event.index] = _Waiting(event.part)
            self._queue.append(event.index)
            return b""
        return self._open_block(event.index, event.part)

    def _open_block(self, index: int, part: Part) -> bytes:
        self._block = OpenBlock(part, self._number, self._ids, self._signer)
        self._speaking = index
        said = self._block.open()
        self._called = self._called or (isinstance(part, ToolCall) and part.kind != "server")
        return said

    def _close_block(self) -> bytes:
        block = self._block
        if block is None:
            return b""
        said = block.close()
        self._number += block.begun
        if block.lost:
            self._losses.add("content", f"{block.lost} has no shape here")
        self._block = None
        self._speaking = -1
        return said

    def _go_on(self) -> bytes:
        """Writes the parts that waited, up to the first that is still growing."""
        said: list[bytes] = []
        while self._queue and self._block is None:
            index = self._queue.popleft()
            waiting = self._waiting.pop(index)
            said.append(self._open_block(index, waiting.part))
            block = self._block
            assert block is not None  # `_open_block` made it.
            said.extend(map(block.grow, waiting.deltas))
            if waiting.closed:
                said.append(self._close_block())
        return b"".join(said)

    def _finish(self, event: Finished) -> bytes:
        if self._choice is None or event.choice == self._choice:
            return self._end(event)
        self._other_end = event
        return b""

    def _end(self, finished: Finished) -> bytes:
        self._ended = True
        said = self._close_block()
        while self._queue:
            said += self._go_on() + self._close_block()
        delta: dict[str, object] = {
            "stop_reason": write_stop(finished.stop, called=self._called),
            "stop_sequence": finished.matched,
            "stop_details": None,
            "container": None,
        }
        ending = {"type": "message_delta", "delta": delta, "usage": write_counts(self._usage)}
        return said + write_block(_encode(ending), "message_delta") + STOP
