"""Cases of upstreams' replies: decoded, led through the steps, and told to callers of every protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Final, NamedTuple, cast, get_args

from tests.pipeline import stepped, told, written
from tests.proof import seeds
from tests.proof.hunt import Case
from tests.proof.mutation import blocks_of, break_json, break_stream, cuts_of, dumped, odd_text
from tests.property import anthropic_law, chat_law, responses_law
from tests.property.clients import read_json
from tokenmill.catalog.guess import Family
from tokenmill.conversation.events import Event, Failed, Finished, PartOpened
from tokenmill.conversation.fold import Reply, fold
from tokenmill.conversation.frames import Frame, StreamEncoder
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import (
    Citation,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Vendor,
    VendorCitation,
)
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.steps.chain import Chain
from tokenmill.kit.faults import Blame, Code, Fault
from tokenmill.wire.anthropic_messages import reply as anthropic_reply
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder, MessagesStreamEncoder
from tokenmill.wire.openai_chat import reply as chat_reply
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tokenmill.wire.openai_responses import reply as responses_reply
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.stream import ResponsesStreamEncoder

FAMILIES: Final = cast("tuple[Family, ...]", get_args(Family))

SECONDS, SECONDS_A_BYTE = 0.5, 4e-6
"""CPU time that reading or writing a reply may take: twice that of markup without end on a small machine."""

ROOM, ROOM_A_BYTE = 8_000_000, 100
"""Bytes of memory; JSON of nothing but brackets takes some fifty times its size as Python's lists."""


class Way(NamedTuple):
    """What a reply's bytes are read for, and by whom."""

    wire: seeds.Upstream
    family: Family
    offers_tools: bool
    choices: int
    counts: bool
    sealed: bool
    typed: bool
    weighed: bool
    cuts: int


def _way(chance: Random) -> Way:
    return Way(
        wire=chance.choice(["openai_chat", "anthropic_messages"]),
        family=chance.choice(FAMILIES),
        offers_tools=chance.random() < 0.8,
        choices=chance.choice([1, 1, 1, 2]),
        counts=chance.random() < 0.7,
        sealed=chance.random() < 0.5,
        typed=chance.random() < 0.25,
        weighed=chance.random() < 0.02,
        cuts=chance.getrandbits(32),
    )


def stream_case(chance: Random) -> Case:
    """A broken stream of an upstream, or an ordinary one in which the model says odd things."""
    way = _way(chance)
    others = seeds.streams(way.wire)
    parts = chance.choice(others) if chance.random() < 0.7 else blocks_of(_spoken(chance, way))
    return Case(f"stream, {way}", break_stream(chance, parts, others), lambda data: check_stream(way, data))


def reply_case(chance: Random) -> Case:
    """A broken whole reply of an upstream."""
    way = _way(chance)
    body = dumped(chance, break_json(chance, chance.choice(seeds.replies(way.wire))))
    if chance.random() < 0.1:
        body = body[: chance.randint(0, len(body))]
    return Case(f"reply, {way}", [body], lambda data: _check_reply(way, data))


def _spoken(chance: Random, way: Way) -> bytes:
    """A lawful stream of what a model of the family says, cut anywhere, with odd marks thrown in."""
    said = chance.choice(seeds.spoken(way.family))
    at = chance.randint(0, len(said))
    said = chance.choice(
        [
            said,
            said[:at] + odd_text(chance) + said[at:],
            said[:at],
            said + chance.choice(seeds.spoken(way.family)),
        ]
    )
    said = said.encode("utf-8", "replace").decode()
    cuts = sorted(chance.randint(0, len(said)) for _ in range(chance.randrange(30)))
    pieces = [said[a:b] for a, b in itertools.pairwise([0, *cuts, len(said)])]
    thinks = chance.random() < 0.4
    if way.wire == "openai_chat":
        member = "reasoning_content" if thinks else "content"
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        choices = [{"index": 0, "delta": {member: piece}, "finish_reason": None} for piece in pieces]
        end = {"index": 0, "delta": {}, "finish_reason": chance.choice(["stop", "length", "tool_calls"])}
        told = [f"data: {json.dumps(chunk | {'choices': [choice]})}\n\n" for choice in [*choices, end]]
        return "".join([*told, "data: [DONE]\n\n"]).encode()
    kind = "thinking" if thinks else "text"
    events: list[dict[str, object]] = [
        {
            "type": "message_start",
            "message": {"id": "m", "model": "m", "content": [], "usage": {"input_tokens": 3}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": kind, kind: ""}},
        *[
            {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", kind: p}}
            for p in pieces
        ],
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": chance.choice(["end_turn", "max_tokens"])},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


# --- what must hold ---


def check_stream(way: Way, data: bytes) -> None:
    """Raises what is wrong with how a stream is read, or with what callers are told of it."""
    pieces = cuts_of(Random(way.cuts), data)
    with _bounded(len(data), weighed=way.weighed):
        frames, fault = _decoded(way, [data])
    again = _decoded(way, pieces)
    assert again[1] == fault, "where a stream is cut changes no fault"
    if fault is not None:
        assert not any(frame.events for frame in (*frames, *again[0])), "a reply that began fails by an event"
        _must_not_blame_us(fault)
        return
    assert _up_to_the_end(again[0]) == _up_to_the_end(frames), "where a stream is cut changes nothing"
    _check_told(way, len(data), frames)


def _check_reply(way: Way, data: bytes) -> None:
    try:
        with _bounded(len(data), weighed=way.weighed):
            if way.wire == "openai_chat":
                events = chat_reply.decode_reply(data, choices=way.choices)
            else:
                events = anthropic_reply.decode_reply(data)
    except Fault as fault:
        _must_not_blame_us(fault)
        return
    _check_told(way, len(data), [Frame(tuple(events))])


def _check_told(way: Way, size: int, frames: list[Frame]) -> None:
    must_obey([event for frame in frames for event in frame.events])
    for protocol in seeds.PROTOCOLS:
        heard = _Heard(_encoder(way, protocol))
        reply = stepped(told(frames), Chain(way.family, _request(way)))
        with _bounded(size, weighed=way.weighed):
            out = _runner().run(written(reply, heard, same_wire=protocol == way.wire))
        must_obey(heard.events)
        _LAWS[protocol](way, heard.events, out, relayed=protocol == way.wire)
    if not any(isinstance(event, Failed) for event in heard.events) and heard.events:
        _check_whole(fold(heard.events))


def _check_whole(reply: Reply) -> None:
    """The reply in one piece is JSON, for callers of every protocol."""
    for body in (
        chat_reply.encode_reply(reply),
        anthropic_reply.encode_reply(reply, signer=lambda thought: "s"),
        responses_reply.encode_reply(reply),
    ):
        read_json(body)


def must_obey(events: Sequence[Event]) -> None:
    """The events are a lawful whole, or none at all."""
    grammar = Grammar()
    for event in events:
        grammar.see(event)
    assert grammar.whole or not events, "a stream has an end"


def _must_not_blame_us(fault: Fault) -> None:
    assert fault.blame is not Blame.US, f"{fault!r} came from an upstream"


def _up_to_the_end(frames: list[Frame]) -> list[tuple[tuple[Event, ...], bytes | None]]:
    """What may not depend on cuts.

    It does not matter whether blocks after the end are read at all, nor which of two blocks has the LF of a
    CR LF between them.
    """
    said = [at for at, frame in enumerate(frames) if frame.events]
    return [
        (frame.events, None if frame.raw is None else frame.raw.strip(b"\r\n"))
        for frame in frames[: said[-1] + 1 if said else 0]
    ]


@contextmanager
def _bounded(size: int, *, weighed: bool) -> Iterator[None]:
    """The block takes time and, where it is `weighed`, memory in proportion to `size` in bytes."""
    if weighed:
        tracemalloc.start()
    began = time.process_time()
    try:
        yield
        took = time.process_time() - began
        if weighed:
            _, peak = tracemalloc.get_traced_memory()
            assert peak <= ROOM + ROOM_A_BYTE * size, f"{peak} bytes of memory for {size} bytes"
        else:
            assert took <= SECONDS + SECONDS_A_BYTE * size, f"{took:.2f} s for {size} bytes"
    finally:
        if weighed:
            tracemalloc.stop()


def _decoded(way: Way, pieces: Sequence[bytes]) -> tuple[list[Frame], Fault | None]:
    numbers = itertools.count()

    def new_id() -> str:
        return f"made_{next(numbers)}"

    decoder: ChatStreamDecoder | MessagesStreamDecoder
    if way.wire == "openai_chat":
        decoder = ChatStreamDecoder(new_id, choices=way.choices)
    else:
        decoder = MessagesStreamDecoder(at=7, origin="issuer", new_id=new_id)
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += decoder.feed(piece)
            if decoder.over:
                return frames, None
        frames += decoder.close()
    except Fault as fault:
        return frames, fault
    return frames, None


def _request(way: Way) -> Request:
    return Request(
        model="m", turns=(), tools=seeds.tools() if way.offers_tools else (), choices=way.choices, stream=True
    )


def _encoder(way: Way, protocol: Vendor) -> StreamEncoder:
    if protocol == "openai_chat":
        return ChatStreamEncoder("chatcmpl-1", "public", 1, way.counts, choices=way.choices, request_id="req")
    if protocol == "anthropic_messages":
        return MessagesStreamEncoder("msg_1", "public", 3, signer=_seal if way.sealed else None)
    options = ResponsesOptions(summary="auto" if way.counts else None)
    return ResponsesStreamEncoder("resp_1", "public", 1, options, sealer=_seal if way.sealed else None)


def _seal(thought: Reasoning) -> str:
    return f"sealed:{len(thought.text)}"


class _Heard:
    """An encoder that keeps what it was given."""

    def __init__(self, encoder: StreamEncoder) -> None:
        self._encoder = encoder
        self.events: list[Event] = []

    @property
    def drops(self) -> Sequence[Drop]:
        return self._encoder.drops

    def feed(self, event: Event) -> bytes:
        self.events.append(event)
        return self._encoder.feed(event)

    def relay(self, frame: Frame) -> bytes:
        self.events += frame.events
        return self._encoder.relay(frame)

    def close(self) -> bytes:
        return self._encoder.close()

    def fail(self, fault: Fault) -> bytes:
        self.events.append(Failed(fault))
        return self._encoder.fail(fault)


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


# --- the callers' laws ---


def _failed(events: Sequence[Event]) -> bool:
    return any(isinstance(event, Failed) for event in events)


def _parts(events: Sequence[Event], choice: int) -> list[Part]:
    """The parts of a choice, in the order in which they began."""
    return [part for one in fold(events).choices if one.index == choice for part in one.parts]


def _check_chat(way: Way, events: Sequence[Event], out: bytes, *, relayed: bool) -> None:
    odd = any(isinstance(event, PartOpened) and _is_custom(event.part) for event in events)
    typed = way.typed and not relayed and not odd and all(map(anthropic_law.has_type, events))
    seen = chat_law.read_lawfully(out, typed=typed)
    assert (seen.error is not None) == _failed(events)
    if _failed(events) or not events:
        return
    for event in events:
        if isinstance(event, Finished):
            parts = _parts(events, event.choice)
            _must_say(seen.words.get((event.choice, "content"), ""), parts, Text)
            _must_say(seen.words.get((event.choice, "reasoning_content"), ""), parts, Reasoning)
            _must_say(seen.words.get((event.choice, "refusal"), ""), parts, Refusal)
            sources = [source for part in parts if isinstance(part, Text) for source in part.citations]
            assert seen.sources.get(event.choice, 0) == sum(map(_has_shape, sources))
            called = [(call.name, call.arguments) for call in _calls(parts)]
            assert called == [
                (c["name"], c.get("arguments", c.get("input"))) for c in seen.calls.get(event.choice, [])
            ]


def _has_shape(source: Citation) -> bool:
    return not isinstance(source, VendorCitation) or source.vendor == "openai_chat"


def _is_custom(part: Part) -> bool:
    return isinstance(part, ToolCall) and part.kind == "custom"


def _must_say(said: str, parts: Sequence[Part], kind: type[Text | Reasoning | Refusal]) -> None:
    """The words of one kind reached the caller, each of them once."""
    meant = "".join(part.text for part in parts if isinstance(part, kind))
    alike = said == meant or Counter(said) == Counter(
        meant
    )  # Parts that interleave are put in another order.
    assert alike, f"{kind.__name__}: {meant[:200]!r} was said as {said[:200]!r}"


def _calls(parts: Sequence[Part]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall) and part.kind != "server"]


def _check_messages(way: Way, events: Sequence[Event], out: bytes, *, relayed: bool) -> None:
    typed = not relayed and all(map(anthropic_law.has_type, events))
    seen = anthropic_law.read_lawfully(out, typed=typed and way.typed, relayed=relayed)
    assert (seen.error is not None) == _failed(events)
    if _failed(events) or not events:
        return
    opened = [event for event in events if isinstance(event, PartOpened)]
    parts = _parts(events, opened[0].choice if opened else 0)
    _must_say("".join(seen.text("text", "text")), [_as_text(part) for part in parts], Text)
    _must_say("".join(seen.text("thinking", "thinking")), parts, Reasoning)
    named = [block["name"] for block in seen.blocks if block["type"] == "tool_use"]
    assert named == [call.name for call in _calls(parts)]


def _as_text(part: Part) -> Part:
    return Text(part.text) if isinstance(part, Refusal) else part


def _unpublished(event: Event) -> bool:
    """Does it end with a code that clients know and the published type does not?"""
    return isinstance(event, Failed) and event.fault.code is Code.CONTEXT_EXCEEDED


def _check_responses(way: Way, events: Sequence[Event], out: bytes, *, relayed: bool) -> None:
    assert not relayed
    typed = way.typed and not any(map(_unpublished, events)) and all(map(anthropic_law.has_type, events))
    response = responses_law.read_lawfully(out, typed=typed)
    ended = any(isinstance(event, Finished) and event.choice == 0 for event in events)
    assert (response["status"] == "failed") == (not ended)
    if not ended:
        return
    parts = _parts(events, 0)
    content = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    _must_say("".join(part.get("text", "") for part in content), parts, Text)
    _must_say("".join(part.get("refusal", "") for part in content), parts, Refusal)
    called = [item for item in response["output"] if item["type"].endswith("tion_call")]
    functions = [call for call in _calls(parts) if call.kind == "function"]
    assert [call.arguments for call in functions] == [item["arguments"] for item in called]


_LAWS: Final = {
    "openai_chat": _check_chat,
    "anthropic_messages": _check_messages,
    "openai_responses": _check_responses,
}
