"""Writes a stream for a caller."""

from __future__ import annotations

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
    Citation,
    Media,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    is_our_search,
)
from tokenmill.conversation.request import Drop
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.losses import Losses
from tokenmill.wire.openai_chat.assembly import BROKE_OFF
from tokenmill.wire.openai_responses.errors import failure
from tokenmill.wire.openai_responses.facts import INCOMPLETE_OF, write_logprobs
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.output import (
    Call,
    CustomCall,
    Foreign,
    Item,
    Json,
    Message,
    Refused,
    Said,
    Sealer,
    Search,
    Summary,
    Thought,
)
from tokenmill.wire.openai_responses.response import ResponseWriter, one_line
from tokenmill.wire.sse import PING

_NO_OPTIONS = ResponsesOptions()

_encode = msgspec.json.Encoder().encode


class ResponsesStreamEncoder:
    """One reply for a caller, from events to bytes.

    Every part becomes an output item of its own, in the order in which the parts began; several may be
    open at once. Reasoning goes as `reasoning_text`, and as a summary where the caller asked for
    `reasoning.summary`: clients that ask show nothing else (Codex, Vercel's SDK). `sealer` makes the
    `encrypted_content` of reasoning, from all of it; without one it is what the upstream gave.

    An item is called done only when the next event shows that it was not cut. A tool call that was cut
    is never called done, since clients run what is done; the last event has it as `incomplete`.

    Other alternatives than the first, media, results of server tools and events of other protocols have
    no place on this wire: `drops` tells of them. `response` is the last `response` object that was written.
    """

    def __init__(
        self,
        reply_id: str,
        model: str,
        at: int,
        options: ResponsesOptions = _NO_OPTIONS,
        *,
        sealer: Sealer | None = None,
    ) -> None:
        self._writer = ResponseWriter(reply_id, model, at, options)
        self._options = options
        self._sealer = sealer
        self._key = reply_id.removeprefix("resp_")
        self._number = 0
        self._items: dict[int, Item] = {}  # Part -> its item, while it is open.
        self._closed: list[Item] = []  # Closed, but not called done yet.
        self._output: list[bytes] = []
        self._call_ids: set[str] = set()
        self._usage: Usage | None = None
        self._started = False
        self._ended = False
        self._losses = Losses()
        self.response = b""

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What of the reply has no place on this wire."""
        return self._losses.drops

    def feed(self, event: Event) -> bytes:
        """The bytes that say `event`; often none."""
        if self._ended:
            return b""
        match event:
            case TextDelta(index=index, text=text) | ArgumentsDelta(index=index, text=text):
                item = self._items.get(index)
                if item is None:
                    return b""
                before = self._settle() if self._closed else b""
                return before + self._words(item, text)
            case UsageSeen(usage=usage):
                self._usage = usage
                return b""
            case PartOpened(part=ToolResult() as result) if is_our_search(result):
                for search in (*self._items.values(), *self._closed):
                    if isinstance(search, Search) and search.call_id == result.call_id:
                        search.found(result)
                return b""
            case PartClosed(index=index):
                if item := self._items.pop(index, None):
                    self._closed.append(item)
                return b""
            case Finished(choice=choice):
                return self._finish(event) if choice == 0 else b""
            case Failed(fault=fault):
                return self.fail(fault)
            case _:
                return self._settle() + self._feed_rarer(event)

    def relay(self, frame: Frame) -> bytes:
        """What `frame` says; an upstream's own events hold its own ids and response, so they never go out."""
        return b"".join(map(self.feed, frame.events))

    def close(self) -> bytes:
        """The stream has ended lawfully; one that never finished is said to have broken off."""
        return self.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))

    def fail(self, fault: Fault) -> bytes:
        """Closes what is open but cut calls, and says `fault` in `response.failed`; nothing comes after."""
        if self._ended:
            return b""
        out = [b"" if self._started else self._start(), self._settle()]
        still_open = sorted(self._items.values(), key=lambda item: item.index)
        out.extend(self._done(item, "incomplete") for item in still_open)
        out.append(self._end("failed", error=failure(fault)))
        return b"".join(out)

    def _feed_rarer(
        self,
        event: Started | PartOpened | SignatureDelta | CitationAdded | LogprobsAdded | MediaDelta
        | Heartbeat | VendorEvent,
    ) -> bytes:  # fmt: skip
        match event:
            case Started():
                return self._start()
            case PartOpened():
                if event.choice == 0:
                    return self._open(event)
                self._losses.add("output", "this wire has one reply to a request")
                return b""
            case SignatureDelta(index=index, signature=signature):
                item = self._items.get(index)
                if isinstance(item, Thought | Summary):
                    item.signature = (item.signature or "") + signature
                return b""
            case CitationAdded(index=index, citation=citation):
                item = self._items.get(index)
                return self._cite(item, citation) if isinstance(item, Message) else b""
            case LogprobsAdded(index=index, logprobs=logprobs):
                item = self._items.get(index)
                return self._add_logprobs(item, logprobs) if isinstance(item, Message) else b""
            case Heartbeat():
                return PING
            case MediaDelta():
                return b""
            case VendorEvent():
                self._losses.add("events", "an event that only another protocol knows has no place here")
                return b""
            case _:
                assert_never(event)

    def _start(self) -> bytes:
        self._started = True
        self.response = self._writer.write("in_progress")
        return self._event("created", self.response) + self._event("in_progress", self.response)

    def _open(self, event: PartOpened) -> bytes:
        part, index = event.part, len(self._output)
        key = f"{self._key}_{index}"
        words = ""
        item: Item
        match part:
            case Text():
                item, words = Message(key, index), part.text
            case Refusal(text=words):
                item = Refused(key, index)
            case Reasoning(text=words, form=form):
                summarised = form == "summary" or self._options.summary is not None
                item = (Summary if summarised else Thought)(key, index, part, self._sealer)
            case ToolCall(name="web_search", arguments=words, kind="server"):
                item = Search(key, index, part.id)
            case ToolCall(kind="server"):
                self._losses.add("output", "a call of a tool that another platform ran has no place here")
                return b""
            case ToolCall(arguments=words, kind=kind):
                made = CustomCall if kind == "custom" else Call
                item = made(key, index, part, self._call_id(part.id, index), self._options.names)
            case Unknown(vendor="openai_responses"):
                item = Foreign(key, index, part)
            case Media() | ToolResult() | Unknown():
                self._losses.add("output", f"a {type(part).__name__} has no shape here")
                return b""
            case _:
                assert_never(part)
        self._items[event.index] = item
        self._output.append(b"")
        out = self._say([("output_item.added", _placed(item, "in_progress"))])
        if not isinstance(item, Thought | Summary):
            out += self._say(item.begin())  # Sealed reasoning may have no words, so it begins with them.
        if words:
            out += self._words(item, words)
        if isinstance(part, Text) and isinstance(item, Message):
            out += self._add_logprobs(item, part.logprobs) if part.logprobs else b""
            out += b"".join(self._cite(item, citation) for citation in part.citations)
        return out

    def _cite(self, item: Message, citation: Citation) -> bytes:
        said = item.cite(citation)
        if not said:
            self._losses.add("output_text.annotations", "a citation of another protocol has no shape here")
        return self._say(said)

    def _call_id(self, given: str, index: int) -> str:
        """The call's id; one that the reply has used before is told apart, as outputs are found by it."""
        call_id = f"{given}_{index}" if given in self._call_ids else given
        self._call_ids.add(call_id)
        return call_id

    def _words(self, item: Item, text: str) -> bytes:
        begin = b"" if item.begun else self._say(item.begin())
        item.words.append(text)
        if not item.before:
            return begin
        number = self._number
        self._number = number + 1
        return begin + item.before + _encode(text) + item.after + b"%d}\n\n" % number

    def _add_logprobs(self, item: Message, logprobs: tuple[TokenLogprob, ...]) -> bytes:
        item.logprobs.extend(logprobs)
        said = item.place | {"delta": "", "logprobs": write_logprobs(logprobs)}
        return self._say([("output_text.delta", said)])

    def _settle(self, *, cut: bool = False) -> bytes:
        """Calls done what was closed; the youngest of it may have been `cut`."""
        if not self._closed:
            return b""
        closed, self._closed = self._closed, []
        youngest = max(closed, key=lambda item: item.index)
        out: list[bytes] = []
        for item in closed:
            whole = not cut or item is not youngest or item.index != len(self._output) - 1
            if isinstance(item, Call) and not whole:
                whole = item.is_whole()
            out.append(self._done(item, "completed" if whole else "incomplete"))
        return b"".join(out)

    def _done(self, item: Item, status: str) -> bytes:
        self._output[item.index] = one_line(_encode(item.item(status)))
        if item.whole_only and status == "incomplete":
            return b""
        return self._say([*item.end(), ("output_item.done", _placed(item, status))])

    def _finish(self, event: Finished) -> bytes:
        if event.matched is not None:
            self._losses.add("status", "this wire does not tell which text ended the reply")
        reason = INCOMPLETE_OF[event.stop]
        out = self._settle(cut=reason is not None)
        if reason is None:
            return out + self._end("completed")
        return out + self._end("incomplete", incomplete=reason)

    def _end(
        self, status: str, *, incomplete: str | None = None, error: dict[str, object] | None = None
    ) -> bytes:
        self._ended = True
        output = [item for item in self._output if item]
        self.response = self._writer.write(status, output, self._usage, incomplete=incomplete, error=error)
        return self._event(status, self.response)

    def _event(self, kind: str, response: bytes) -> bytes:
        name = b"response." + kind.encode()
        number = self._number
        self._number += 1
        return (
            b"event: " + name + b'\ndata: {"type":"' + name + b'","response":' + response
            + b',"sequence_number":%d}\n\n' % number
        )  # fmt: skip

    def _say(self, events: Said) -> bytes:
        out = b""
        for kind, members in events:
            said = {"type": f"response.{kind}"} | members | {"sequence_number": self._number}
            self._number += 1
            out += b"event: response." + kind.encode() + b"\ndata: " + one_line(_encode(said)) + b"\n\n"
        return out


def _placed(item: Item, status: str) -> Json:
    return {"output_index": item.index, "item": item.item(status)}
