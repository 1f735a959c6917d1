from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.wire.golden import GOLDEN, check, check_bytes, shown, shown_events
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
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import (
    Inline,
    Media,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder

CASES = sorted((GOLDEN / "openai_chat").glob("*.stream.sse"))


def decoded(stream: bytes, size: int) -> list[Event] | Fault:
    numbers = itertools.count(1)
    decoder = ChatStreamDecoder(lambda: f"call_made_{next(numbers)}")
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
    choices = sum(isinstance(event, Finished) for event in events) or 1
    encoder = ChatStreamEncoder("chatcmpl-golden", "public", 1, fingerprint="fp", choices=choices)
    out = b"".join(encoder.feed(event) for event in events) + encoder.close()
    check_bytes(path.with_name(f"{path.name.split('.')[0]}.client.sse"), out)


def chunks(out: bytes) -> list[Any]:
    blocks = out.removesuffix(b"\n\n").split(b"\n\n")
    return [json.loads(block[6:]) if block[6:7] == b"{" else block.decode() for block in blocks]


def spoken(*events: Event, **options: Any) -> list[Any]:
    encoder = ChatStreamEncoder("chatcmpl-1", "m", 7, **options)
    return chunks(b"".join(encoder.feed(event) for event in (Started("r", "x", 1), *events)))


SAID = (PartOpened(0, Text()), TextDelta(0, "hi"), PartClosed(0))
COUNTS = UsageSeen(Usage(3, 2, 1, 5, 4))


def test_a_stream_has_the_published_shape() -> None:
    first, delta, last, counts, done = spoken(*SAID, COUNTS, Finished(Stop.END))
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
    }
    assert list(first) == [*head, "choices", "usage"]
    choice = {
        "index": 0,
        "delta": {"role": "assistant", "content": ""},
        "logprobs": None,
        "finish_reason": None,
    }
    assert first == head | {"choices": [choice], "usage": None}
    assert delta["choices"] == [choice | {"delta": {"content": "hi"}}]
    assert last["choices"] == [choice | {"delta": {}, "finish_reason": "stop"}]
    assert counts["choices"] == []
    assert counts["usage"] == {
        "prompt_tokens": 6,
        "completion_tokens": 5,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0, "cache_write_tokens": 1},
        "completion_tokens_details": {
            "reasoning_tokens": 4,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert done == "data: [DONE]"


def test_counts_are_left_out_when_not_wanted_and_never_made_up() -> None:
    hidden = spoken(*SAID, COUNTS, Finished(Stop.END), include_usage=False)
    assert not any("usage" in chunk for chunk in hidden[:-1])
    unknown = spoken(*SAID, Finished(Stop.END))
    assert [chunk["usage"] for chunk in unknown[:-1]] == [None] * 3


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop.END, "stop"),
        (Stop.LENGTH, "length"),
        (Stop.TOOL, "stop"),
        (Stop.FILTER, "content_filter"),
        (Stop.STOP_SEQUENCE, "stop"),
        (Stop.PAUSE, "stop"),
        (Stop.CONTEXT, "length"),
    ],
)
def test_every_stop_has_a_finish_reason(stop: Stop, reason: str) -> None:
    assert spoken(*SAID, Finished(stop))[-2]["choices"][0]["finish_reason"] == reason


@pytest.mark.parametrize("stop", [Stop.END, Stop.TOOL])
def test_a_choice_that_made_a_call_ends_with_tool_calls_whatever_its_upstream_says(stop: Stop) -> None:
    said = (Started("r", "x", 1), PartOpened(0, ToolCall("c", "f", "{}")), PartClosed(0), Finished(stop))
    assert spoken(*said)[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_what_has_no_place_on_the_wire_is_on_the_record_once() -> None:
    encoder = ChatStreamEncoder("chatcmpl-1", "m", 7)
    encoder.feed(Started("r", "x", 1))
    for index in (0, 4):
        encoder.feed(PartOpened(index, Reasoning(signature="s")))
        encoder.feed(PartOpened(index + 1, ToolCall("s", "web_search", kind="server")))
        encoder.feed(PartOpened(index + 2, ToolResult("s", server=True)))
        encoder.feed(PartOpened(index + 3, Text("x", (VendorCitation("anthropic_messages", b"{}"),))))
        encoder.feed(VendorEvent("anthropic_messages", b"{}"))
    encoder.feed(Finished(Stop.STOP_SEQUENCE, matched="END"))
    assert [drop.field for drop in encoder.drops] == [
        "message.reasoning_content.signature",
        "message.tool_calls",
        "message.content",
        "message.annotations",
        "events",
        "finish_reason",
    ]


def test_a_failure_ends_the_stream_with_an_error_and_done() -> None:
    encoder = ChatStreamEncoder("chatcmpl-1", "m", 7, request_id="req_1")
    begun = encoder.feed(Started("r", "x", 1)) + encoder.feed(PartOpened(0, Text()))
    fault = Fault(Code.UPSTREAM_BROKE, "It broke.\nTry again.")
    error, done = chunks(encoder.fail(fault))
    assert chunks(begun)[0]["choices"][0]["delta"]["role"] == "assistant"
    assert error == {
        "error": {
            "message": "It broke.\nTry again.",
            "type": "server_error",
            "param": None,
            "code": "upstream_broke",
            "request_id": "req_1",
        }
    }
    assert done == "data: [DONE]"
    assert encoder.feed(TextDelta(0, "late")) == encoder.fail(fault) == encoder.close() == b""


def test_a_failed_event_is_said_like_a_fault() -> None:
    fault = Fault(Code.UPSTREAM_AWAY, "Away.")
    assert spoken(Failed(fault))[1:] == chunks(ChatStreamEncoder("x", "m", 7).fail(fault))


def test_a_ping_is_a_comment() -> None:
    assert spoken(Heartbeat())[1:] == [": ping"]


def test_a_part_that_opens_with_words_says_them() -> None:
    told = spoken(
        PartOpened(0, Text("a", (UrlCitation("https://example.org"),), (TokenLogprob("a", -1.0),))),
        PartOpened(1, Reasoning("b")),
        PartOpened(2, Refusal("c")),
        PartOpened(3, ToolCall("call_1", "f", "{}")),
    )
    deltas = [chunk["choices"][0]["delta"] for chunk in told[1:]]
    assert deltas[0] == {"content": "a"}
    assert told[2]["choices"][0]["logprobs"]["content"][0]["token"] == "a"
    assert deltas[2]["annotations"][0]["url_citation"]["url"] == "https://example.org"
    assert deltas[3:] == [
        {"reasoning_content": "b"},
        {"refusal": "c"},
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]
        },
    ]


def test_what_the_wire_cannot_say_is_left_out() -> None:
    assert (
        spoken(
            PartOpened(0, Media("audio", Inline("AAAA"))),
            PartOpened(1, ToolCall("srv", "search", "", "server")),
            ArgumentsDelta(1, "{}"),
            PartOpened(2, Reasoning()),
            SignatureDelta(2, "sealed"),
            VendorEvent("anthropic_messages", b"{}"),
        )[1:]
        == []
    )


def test_the_stream_of_two_choices_ends_after_the_second() -> None:
    told = spoken(Finished(Stop.END, 0), Finished(Stop.LENGTH, 1), choices=2)
    assert [c["choices"][0]["finish_reason"] for c in told[:-1]] == [None, "stop", None, "length"]
    assert told[-1] == "data: [DONE]"


def test_fewer_choices_than_awaited_are_ended_by_close() -> None:
    encoder = ChatStreamEncoder("chatcmpl-1", "m", 7, choices=2)
    encoder.feed(Started("r", "x", 1))
    assert b"[DONE]" not in encoder.feed(Finished(Stop.END))
    assert encoder.close() == b"data: [DONE]\n\n"
    assert encoder.close() == b""


def test_chunks_parse_by_the_official_type() -> None:
    for chunk in spoken(*SAID, COUNTS, Finished(Stop.END))[:-1]:
        ChatCompletionChunk.model_validate(chunk)


def test_frames_keep_the_exact_bytes_they_came_in() -> None:
    stream = (GOLDEN / "openai_chat" / "plain.stream.sse").read_bytes()
    assert b"".join(frame.raw or b"" for frame in ChatStreamDecoder().feed(stream)) == stream


def test_an_invented_call_id_looks_like_one() -> None:
    decoder = ChatStreamDecoder()
    frames = decoder.feed(b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}\n\n')
    opened = frames[0].events[1]
    assert isinstance(opened, PartOpened)
    assert isinstance(opened.part, ToolCall)
    assert opened.part.id.startswith("call_")


def test_silence_is_a_fault_and_closing_twice_is_not() -> None:
    decoder = ChatStreamDecoder()
    with pytest.raises(Fault, match="broke off") as caught:
        decoder.close()
    assert caught.value.code is Code.UPSTREAM_BROKE
    assert decoder.close() == []


def test_an_error_page_instead_of_a_stream_is_a_fault() -> None:
    with pytest.raises(Fault, match="not a chunk"):
        ChatStreamDecoder().feed(b"data: 5\n\n")


def test_a_block_that_never_ends_is_noticed_at_the_close_at_the_latest() -> None:
    decoder = ChatStreamDecoder()
    start = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    assert len(decoder.feed(start + b"data: " + b"x" * (17 * 1024 * 1024))) == 1
    (frame,) = decoder.close()
    assert isinstance(frame.events[0], Failed)


def test_a_citation_of_another_protocol_is_left_out() -> None:
    citation = VendorCitation("anthropic_messages", b"{}")
    assert spoken(PartOpened(0, Text()), CitationAdded(0, citation))[1:] == []


def test_a_block_that_never_ends_breaks_the_reply_off() -> None:
    decoder = ChatStreamDecoder()
    decoder.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
    (frame,) = decoder.feed(b"data: " + b"x" * (17 * 1024 * 1024))
    (failed,) = frame.events
    assert isinstance(failed, Failed)
    assert failed.fault.code is Code.UPSTREAM_BROKE
    assert decoder.close() == []
