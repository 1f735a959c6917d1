from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, check_bytes, shown, shown_events
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    PartClosed,
    PartOpened,
    SignatureDelta,
    UsageSeen,
)
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import (
    Reasoning,
    ToolCall,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder, MessagesStreamEncoder

CASES = sorted((GOLDEN / "anthropic_messages").glob("*.stream.sse"))


def decoded(stream: bytes, size: int) -> list[Event] | Fault:
    numbers = itertools.count(1)
    decoder = MessagesStreamDecoder(at=7, origin="up", new_id=lambda: f"toolu_made_{next(numbers)}")
    events: list[Event] = []
    try:
        for i in range(0, len(stream), size):
            for frame in decoder.feed(stream[i : i + size]):
                events += frame.events
        for frame in decoder.close():
            events += frame.events
    except Fault as fault:
        return fault
    return events


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_stream_means_what_is_written_whole_or_byte_by_byte(path: Path) -> None:
    stream = path.read_bytes()
    stem = path.name.split(".")[0]
    events = decoded(stream, len(stream))
    if isinstance(events, Fault):
        check(path.with_name(f"{stem}.events.json"), shown(events))
        assert decoded(stream, 1) == events
        return
    check(path.with_name(f"{stem}.events.json"), shown_events(events))
    assert decoded(stream, 1) == events
    grammar = Grammar()
    for event in events:
        grammar.see(event)
    assert grammar.whole


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_stream_reaches_the_caller_as_written(path: Path) -> None:
    events = decoded(path.read_bytes(), 4096)
    if isinstance(events, Fault):
        return  # It never began, so the face answers with a status instead.
    encoder = MessagesStreamEncoder("msg_golden", "public", 12)
    out = b"".join(encoder.feed(event) for event in events) + encoder.close()
    check_bytes(path.with_name(f"{path.name.split('.')[0]}.client.sse"), out)


def test_frames_keep_the_exact_bytes_they_came_in() -> None:
    stream = (GOLDEN / "anthropic_messages" / "plain.stream.sse").read_bytes()
    assert b"".join(frame.raw or b"" for frame in MessagesStreamDecoder().feed(stream)) == stream


def test_an_invented_call_id_looks_like_one() -> None:
    data = b'data: {"type":"content_block_start","content_block":{"type":"tool_use","name":"f"}}\n\n'
    opened = MessagesStreamDecoder().feed(data)[0].events[1]
    assert isinstance(opened, PartOpened)
    assert isinstance(opened.part, ToolCall)
    assert opened.part.id.startswith("toolu_")


def test_signed_reasoning_names_its_issuer() -> None:
    data = b'data: {"type":"content_block_start","content_block":{"type":"thinking","signature":"s"}}\n\n'
    _, opened, signed = MessagesStreamDecoder(origin="up").feed(data)[0].events
    assert opened == PartOpened(0, Reasoning(origin="up"))
    assert signed == SignatureDelta(0, "s")


def test_silence_is_a_fault_and_closing_twice_is_not() -> None:
    decoder = MessagesStreamDecoder()
    with pytest.raises(Fault, match="broke off") as caught:
        decoder.close()
    assert caught.value.code is Code.UPSTREAM_BROKE
    assert decoder.close() == decoder.feed(b"data: {}\n\n") == []


def test_a_block_that_never_ends_breaks_the_reply_off() -> None:
    decoder = MessagesStreamDecoder()
    decoder.feed(b'data: {"type":"message_start","message":{}}\n\n')
    (frame,) = decoder.feed(b"data: " + b"x" * (17 * 1024 * 1024))
    assert isinstance(frame.events[0], Failed)
    assert decoder.close() == []


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ([{"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 5}], Usage(9, 0, 0, 5)),
        ([{"input_tokens": 9}, {"input_tokens": 0, "output_tokens": 5}], Usage(9, 0, 0, 5)),
        ([{"input_tokens": 9}, {"input_tokens": 0, "cache_read_input_tokens": 8}], Usage(0, 8, 0, 0)),
        ([{"input_tokens": 9, "cache_creation_input_tokens": 4}, {"input_tokens": 7}], Usage(7, 0, 4, 0)),
        ([{}, {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 9}}], Usage(0, 0, 0, 5, 5)),
        ([{"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 0, "output_tokens": 0}], Usage()),
        ([{"input_tokens": -4, "output_tokens": 1e30}, {}], Usage(0, 0, 0, 10**9)),
        ([{}, {}], None),
    ],
)
def test_counts_are_cumulative_and_disjoint(told: list[dict[str, Any]], usage: Usage | None) -> None:
    start = {"type": "message_start", "message": {"usage": told[0]}}
    ending = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": told[1]}
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in (start, ending))
    seen = [
        event.usage
        for frame in MessagesStreamDecoder().feed(stream)
        for event in frame.events
        if isinstance(event, UsageSeen)
    ]
    assert (seen[-1] if seen else None) == usage


def test_a_made_up_end_in_the_middle_is_not_believed() -> None:
    decoder = MessagesStreamDecoder()
    decoder.feed(b'data: {"type":"message_start","message":{}}\n\n')
    (frame,) = decoder.feed(b"data: [DONE]\n\n")
    assert frame.events == ()
    assert not decoder.over
    (frame,) = decoder.feed(b'data: {"type":"message_stop"}\n\n')
    assert isinstance(frame.events[0], Failed)
    assert decoder.over


def test_an_end_without_a_beginning_is_a_fault() -> None:
    with pytest.raises(Fault, match="broke off"):
        MessagesStreamDecoder().feed(b'data: {"type":"message_stop"}\n\n')


@pytest.mark.parametrize(
    ("input_", "arguments"),
    [('"{\\"a\\": 1}"', '{"a": 1}'), ("{}", "{}"), ("null", "{}"), ('{"a":1}', '{"a":1}')],
)
def test_input_told_with_the_call_counts_when_no_deltas_come(input_: str, arguments: str) -> None:
    block = '{"type":"tool_use","id":"t","name":"f","input":' + input_ + "}"
    start = 'data: {"type":"content_block_start","index":0,"content_block":' + block + "}\n\n"
    stop = 'data: {"type":"content_block_stop","index":0}\n\n'
    events = [e for frame in MessagesStreamDecoder().feed((start + stop).encode()) for e in frame.events]
    assert events[2:] == [ArgumentsDelta(0, arguments), PartClosed(0)]


def test_a_block_that_never_ends_is_noticed_at_the_close_at_the_latest() -> None:
    decoder = MessagesStreamDecoder()
    start = b'data: {"type":"message_start","message":{}}\n\n'
    assert len(decoder.feed(start + b"data: " + b"x" * (17 * 1024 * 1024))) == 1
    (frame,) = decoder.close()
    assert isinstance(frame.events[0], Failed)


def test_nesting_without_end_is_no_event() -> None:
    deep = b'{"type":"content_block_start","index":"x","content_block":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with pytest.raises(Fault, match="not an event"):
        MessagesStreamDecoder().feed(b"data: " + deep + b"\n\n")
