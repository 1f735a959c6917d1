"""Checks that a stream is one that every client of Anthropic Messages can read."""

from __future__ import annotations

from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import (
    Message,
    RawContentBlockDeltaEvent,
    RawContentBlockStartEvent,
    RawContentBlockStopEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    RawMessageStopEvent,
)

from tests.property.clients import read_json
from tokenmill.conversation.events import Event
from tokenmill.conversation.parts import ToolResult, Unknown, VendorCitation
from tokenmill.wire.sse import SseReader

_TYPES: dict[str, Any] = {
    "message_start": RawMessageStartEvent,
    "content_block_start": RawContentBlockStartEvent,
    "content_block_delta": RawContentBlockDeltaEvent,
    "content_block_stop": RawContentBlockStopEvent,
    "message_delta": RawMessageDeltaEvent,
    "message_stop": RawMessageStopEvent,
}
_DELTAS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
}
_CALLS = ("tool_use", "server_tool_use")
_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_WORDS = {"text": "text", "thinking": "thinking"}


def has_type(event: Event) -> bool:
    """May the official types judge it? They know neither sources nor blocks that we keep unread."""
    cited = getattr(event, "citation", None)
    part = getattr(event, "part", None)
    return not isinstance(cited, VendorCitation) and not isinstance(part, Unknown | ToolResult)


class Seen:
    """What a lawful stream said; `see` raises an AssertionError that names the law it breaks.

    With `typed` each event must be valid by the official types, which know no blocks and sources of other
    vendors, and `message` is what the official client makes of the stream. With `relayed` there may be events
    and deltas that only the upstream knows, which clients pass over.
    """

    def __init__(self, *, typed: bool, relayed: bool = False) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.deltas: list[list[dict[str, Any]]] = []
        self.pings = 0
        self.started = False
        self.over = False
        self.ending: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.message: Any = None
        self._typed = typed
        self._relayed = relayed
        self._open: int | None = None
        self._buffers: dict[int, bytes] = {}

    def see(self, event: dict[str, Any]) -> None:
        """Takes the next event."""
        assert not self.over, "nothing follows message_stop or error"
        match event["type"]:
            case "ping":
                self.pings += 1
                return
            case "error":
                cut = self._open is not None and self.blocks[-1]["type"] in _CALLS
                assert self._open is None or cut, "an error comes when nothing but a cut call is open"
                self.error, self.over = event, True
                return
            case "message_start":
                assert not self.started, "there is one message_start"
                assert sum(event["message"]["usage"].get(name) or 0 for name in _PROMPT) > 0
                assert event["message"]["content"] == []
                self.started = True
            case kind:
                assert self.started, "message_start comes first"
                assert self.ending is None or kind == "message_stop", "only its end follows message_delta"
                self._see_inner(kind, event)
        if self._typed:
            parsed = _TYPES[event["type"]].model_validate(event)
            self.message = accumulate_event(
                event=parsed, current_snapshot=self.message, json_bufs=self._buffers
            )

    def _see_inner(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "content_block_start":
                assert self._open is None, "one block is open at a time"
                assert event["index"] == len(self.blocks), "blocks are numbered from 0 without gaps"
                self._open = event["index"]
                block = event["content_block"]
                assert block["type"], "a block is of a kind"
                assert isinstance(block.get(_WORDS.get(block["type"], "type")), str), "words grow from words"
                self.blocks.append(event["content_block"])
                self.deltas.append([])
            case "content_block_delta":
                assert event["index"] == self._open, "a delta is of the open block"
                assert event["delta"]["type"], "a delta is of a kind"
                fits = event["delta"]["type"] in _DELTAS.get(self.blocks[-1]["type"], set())
                assert fits or self._relayed, "a delta is of its block's kind"
                self.deltas[-1].append(event["delta"])
            case "content_block_stop":
                assert event["index"] == self._open, "the open block ends"
                self._open = None
            case "message_delta":
                assert self._open is None
                assert event["usage"]["output_tokens"] >= 0
                self.ending = event
            case "message_stop":
                assert self.ending is not None
                self.over = True
            case other:
                assert self._relayed, f"{other} is no event of this wire"

    def text(self, kind: str, member: str) -> list[str]:
        """The words of each block of one kind."""
        return [
            "".join(delta.get(member, "") for delta in deltas if delta["type"] in _DELTAS[kind])
            for block, deltas in zip(self.blocks, self.deltas, strict=True)
            if block["type"] == kind
        ]

    def must_agree(self) -> None:
        """The end fits what went before it."""
        if self.ending is None:
            return
        for block, deltas in zip(self.blocks, self.deltas, strict=True):
            if block["type"] in _CALLS:
                assert isinstance(block["input"], dict)
                written = "".join(delta.get("partial_json", "") for delta in deltas)
                sound = self._relayed or isinstance(read_json(written), dict)
                assert block["input"] == {}, "clients read the input from deltas alone"
                assert sound, "the input of a call is an object"
        called = any(block["type"] == "tool_use" for block in self.blocks)
        reason = self.ending["delta"]["stop_reason"]
        assert called or reason != "tool_use"
        assert not (called and reason == "end_turn")
        ids = [block["id"] for block in self.blocks if block["type"] in _CALLS]
        assert len(set(ids)) == len(ids), "ids are told apart"
        assert self.message is None or isinstance(self.message, Message)


def read_lawfully(stream: bytes, *, typed: bool = True, relayed: bool = False) -> Seen:
    """What `stream` says; an AssertionError names the law that it breaks."""
    reader = SseReader()
    seen = Seen(typed=typed, relayed=relayed)
    for block in reader.feed(stream) + reader.close():
        if block.data is None:
            assert relayed, "this wire has no comments"
            continue
        event = read_json(block.data)
        assert block.event == event["type"], "an event's name is its type"
        seen.see(event)
    assert seen.over or not stream, "a stream ends with message_stop or error"
    seen.must_agree()
    return seen
