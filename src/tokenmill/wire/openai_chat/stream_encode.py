"""Writes a stream for a caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec

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
    TextDelta,
    UsageSeen,
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
    UrlCitation,
    found_by,
    is_our_search,
)
from tokenmill.conversation.request import Drop
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Fault
from tokenmill.wire.losses import Losses
from tokenmill.wire.openai_chat.errors import fault_body
from tokenmill.wire.openai_chat.facts import (
    write_citation,
    write_found,
    write_logprobs,
    write_stop,
    write_usage,
)
from tokenmill.wire.splice import Mould
from tokenmill.wire.sse import PING, write_block

DONE = b"data: [DONE]\n\n"

NO_SEALS = "this wire carries no signatures"

_NOTHING: Mapping[str, object] = {}

_encode = msgspec.json.Encoder().encode


class ChatStreamEncoder:
    """One reply for a caller, from events to bytes.

    The counts and `[DONE]` follow the last of `choices` ends; `close` writes them when fewer came. A choice
    ends with `tool_calls` exactly when it made one, unless it was cut. Signatures, media, calls and results
    of server tools and events of other protocols have no place on this wire: `drops` tells of them.
    """

    def __init__(
        self,
        reply_id: str,
        model: str,
        at: int,
        include_usage: bool = True,
        fingerprint: str | None = None,
        *,
        choices: int = 1,
        request_id: str | None = None,
        sources_first: bool = False,
    ) -> None:
        """`sources_first` lets the first chunk wait for what a search has found, to tell of it."""
        self._at = at
        self._names = _encode(reply_id), _encode(model)
        self._fingerprint = b"" if fingerprint is None else b',"system_fingerprint":' + _encode(fingerprint)
        self._head = self._write_head(at)
        self._foot = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._idle = b',"logprobs":null,"finish_reason":null}' + self._foot
        self._deep_idle = b"}" + self._idle
        self._include_usage = include_usage
        self._awaited = choices
        self._request_id = request_id
        self._patient = sources_first
        self._cited: set[str] = set()  # Sources that a search has told of already.
        self._usage: Usage | None = None
        self._greeted: set[int] = set()
        self._calls: dict[int, int] = {}  # Choice -> how many calls it has made.
        self._openings: dict[
            int, tuple[int, bytes, bytes]
        ] = {}  # Part -> its choice, and what stands around words.
        self._ended = False
        self._losses = Losses()
        self._mould: Mould | None = None
        self._faithful = True
        self._tail: list[bytes] = []  # Ends that are out only when nobody has changed the end.

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What of the reply has no place on this wire."""
        return self._losses.drops

    def _write_head(self, at: int) -> bytes:
        reply_id, model = self._names
        return (
            b'data: {"id":' + reply_id + b',"object":"chat.completion.chunk","created":' + _encode(at)
            + b',"model":' + model + self._fingerprint + b',"choices":['
        )  # fmt: skip

    def relay(self, frame: Frame) -> bytes:
        """The upstream's own chunk under our id and model name, as long as every chunk before it was one.

        From the first frame without faithful bytes on, chunks are written anew. An upstream's end goes out
        only with the frame that finishes the reply: until then a step may still change what it ended for.
        """
        if not self._faithful:
            return self._feed_all(frame.events)
        raw, events = frame.raw, frame.events
        if raw is None or self._awaited != 1:
            if events:
                self._faithful = False
            return self._feed_all(events)
        if self._mould is None:
            if not events or not isinstance(events[0], Started):
                return b""  # A comment before the beginning.
            self._mould = Mould.learn(raw, *self._names, b'"choices"')
            self._head = self._write_head(events[0].at)
        alive = bool(events) and isinstance(events[0], Heartbeat)
        chunk = raw if alive else self._mould.spliced(raw) if self._mould is not None else None
        if chunk is None:
            self._faithful = False
            return self._feed_all(events)
        return self._relay_chunk(chunk, events)

    def _relay_chunk(self, chunk: bytes, events: tuple[Event, ...]) -> bytes:
        if not events:
            self._tail.append(chunk)
            return b""
        written = self._feed_all(events)
        last = events[-1]
        if isinstance(last, Finished):
            if not self._tail or not self._include_usage:
                return written
            return b"".join(self._tail) + chunk + DONE
        if isinstance(last, UsageSeen) and not self._include_usage:
            return written
        if self._tail and not isinstance(last, Heartbeat):  # Words after an end: it was none.
            self._faithful = False
            return written
        return chunk

    def _feed_all(self, events: tuple[Event, ...]) -> bytes:
        return b"".join(map(self.feed, events))

    def feed(self, event: Event) -> bytes:
        """The bytes that say `event`; often none."""
        if self._ended:
            return b""
        match event:
            case TextDelta(index=index, text=text) | ArgumentsDelta(index=index, text=text):
                opening = self._openings.get(index)
                return b"" if opening is None else opening[1] + _encode(text) + opening[2]
            case PartOpened():
                return self._open(event)
            case PartClosed() | MediaDelta():
                return b""
            case SignatureDelta():
                self._losses.add("message.reasoning_content.signature", NO_SEALS)
                return b""
            case VendorEvent():
                self._losses.add("events", "an event that only another protocol knows has no place here")
                return b""
            case Started():
                return b"" if self._patient else self._greet(0)
            case CitationAdded(citation=UrlCitation(url=url)) if url in self._cited:
                return b""
            case CitationAdded(index=index, citation=citation):
                annotation = write_citation(citation)
                if annotation is None:
                    self._losses.add(
                        "message.annotations", "a citation of another protocol has no shape here"
                    )
                    return b""
                return self._delta(self._openings[index][0], {"annotations": [annotation]})
            case LogprobsAdded(index=index, logprobs=logprobs):
                said = {"content": write_logprobs(logprobs), "refusal": None}
                return self._chunk(self._openings[index][0], b"{}", _encode(said), b"null")
            case UsageSeen(usage=usage):
                self._usage = usage
                return b""
            case Heartbeat():
                return PING
            case Finished():
                return self._finish(event)
            case Failed(fault=fault):
                return self.fail(fault)
            case _:
                assert_never(event)

    def close(self) -> bytes:
        """The stream has ended lawfully: counts and `[DONE]`, unless they are out."""
        if self._ended:
            return b""
        self._ended = True
        counts = b""
        if self._include_usage and self._usage is not None:
            counts = self._head + b'],"usage":' + _encode(write_usage(self._usage)) + b"}\n\n"
        return counts + DONE

    def fail(self, fault: Fault) -> bytes:
        """Says `fault` as an error object and ends the stream; nothing comes after."""
        if self._ended:
            return b""
        self._ended = True
        return write_block(fault_body(fault, self._request_id)) + DONE

    def _open(self, event: PartOpened) -> bytes:
        choice, part = event.choice, event.part
        if is_our_search(part):
            return self._tell_found(choice, part) if isinstance(part, ToolResult) else b""
        greeting = b"" if choice in self._greeted else self._greet(choice)
        match part:
            case Text(text=text):
                self._lead(event, b'{"content":')
                rest = self.feed(LogprobsAdded(event.index, part.logprobs)) if part.logprobs else b""
                rest += b"".join(self.feed(CitationAdded(event.index, c)) for c in part.citations)
            case Reasoning(text=text, signature=signature):
                self._lead(event, b'{"reasoning_content":')
                if signature is not None:
                    self._losses.add("message.reasoning_content.signature", NO_SEALS)
                rest = b""
            case Refusal(text=text):
                self._lead(event, b'{"refusal":')
                rest = b""
            case ToolCall(kind="server"):
                self._losses.add(
                    "message.tool_calls", "a call of a tool that another platform ran has no place here"
                )
                return greeting
            case ToolCall():
                return greeting + self._open_call(event, part)
            case Media() | ToolResult() | Unknown():
                self._losses.add("message.content", f"a {type(part).__name__} has no shape here")
                return greeting
            case _:
                assert_never(part)
        words = self.feed(TextDelta(event.index, text)) if text else b""
        return greeting + words + rest

    def _lead(self, event: PartOpened, key: bytes) -> None:
        before = self._head + b'{"index":%d,"delta":' % event.choice + key
        self._openings[event.index] = (event.choice, before, self._deep_idle)

    def _open_call(self, event: PartOpened, call: ToolCall) -> bytes:
        number = self._calls.get(event.choice, 0)
        self._calls[event.choice] = number + 1
        key, words = ("custom", "input") if call.kind == "custom" else ("function", "arguments")
        first: dict[str, object] = {
            "index": number,
            "id": call.id,
            "type": key,
            key: {"name": call.name, words: call.arguments},
        }
        before = self._head + b'{"index":%d,"delta":{"tool_calls":[{"index":%d,' % (event.choice, number)
        before += b'"%s":{"%s":' % (key.encode(), words.encode())
        self._openings[event.index] = (event.choice, before, b"}}]" + self._deep_idle)
        return self._delta(event.choice, {"tool_calls": [first]})

    def _tell_found(self, choice: int, result: ToolResult) -> bytes:
        """What a search has found, or why it found nothing; in the first chunk, if that has waited."""
        told = write_found(result)
        if not told:
            return b""
        self._cited.update(source.url for source in found_by(result)[0])
        return self._delta(choice, told) if choice in self._greeted else self._greet(choice, told)

    def _greet(self, choice: int, told: Mapping[str, object] = _NOTHING) -> bytes:
        self._greeted.add(choice)
        return self._delta(choice, {"role": "assistant", "content": "", **told})

    def _finish(self, event: Finished) -> bytes:
        greeting = b"" if event.choice in self._greeted else self._greet(event.choice)
        if event.matched is not None and self._mould is None:  # Else servers say it in their own words.
            self._losses.add("finish_reason", "this wire does not tell which text ended the reply")
        reason = _encode(write_stop(event.stop, called=bool(self._calls.get(event.choice))))
        self._awaited -= 1
        last = self._chunk(event.choice, b"{}", b"null", reason)
        return greeting + last + (self.close() if self._awaited <= 0 else b"")

    def _delta(self, choice: int, delta: dict[str, object]) -> bytes:
        return self._chunk(choice, _encode(delta), b"null", b"null")

    def _chunk(self, choice: int, delta: bytes, logprobs: bytes, reason: bytes) -> bytes:
        return (
            self._head + b'{"index":%d,"delta":' % choice + delta + b',"logprobs":' + logprobs
            + b',"finish_reason":' + reason + b"}" + self._foot
        )  # fmt: skip
