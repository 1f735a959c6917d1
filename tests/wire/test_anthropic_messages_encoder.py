from __future__ import annotations

import json
from typing import Any

import pytest

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
    Inline,
    Media,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.stream import MessagesStreamEncoder


def events_of(out: bytes) -> list[Any]:
    """The data of each event; its name must be its type."""
    told = []
    for block in out.removesuffix(b"\n\n").split(b"\n\n") if out else []:
        name, *data = block.split(b"\n")
        event = json.loads(b"\n".join(line.removeprefix(b"data: ") for line in data))
        assert name == b"event: " + event["type"].encode()
        told.append(event)
    return told


def spoken(*events: Event, **options: Any) -> list[Any]:
    encoder = MessagesStreamEncoder("msg_1", "m", 12, **options)
    return events_of(b"".join(encoder.feed(event) for event in (Started("r", "x", 1), *events)))


def kinds(told: list[Any]) -> list[str]:
    """`start 0 text`, `delta 0 text_delta`, `stop 0`; other events by their type."""
    short = []
    for event in told:
        kind = event["type"].removeprefix("content_block_")
        if kind == event["type"]:
            short.append(kind)
        else:
            inner = event.get("content_block") or event.get("delta") or {}
            short.append(f"{kind} {event['index']} {inner.get('type', '')}".strip())
    return short


SAID = (PartOpened(0, Text()), TextDelta(0, "hi"), PartClosed(0))
COUNTS = UsageSeen(Usage(3, 2, 1, 5, 4))
ENDING = ["message_delta", "message_stop"]


def test_a_stream_has_the_published_shape() -> None:
    start, opened, delta, closed, ending, stop = spoken(*SAID, COUNTS, Finished(Stop.END))
    assert start["message"] == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": {
            "input_tokens": 12,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
            "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": None,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "inference_geo": None,
            "service_tier": "standard",
            "speed": None,
        },
    }
    assert opened["content_block"] == {"type": "text", "text": "", "citations": None}
    assert delta == {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
    assert closed == {"type": "content_block_stop", "index": 0}
    assert ending["delta"] == {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }
    assert ending["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 1,
        "cache_read_input_tokens": 2,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": None,
    }
    assert stop == {"type": "message_stop"}


@pytest.mark.parametrize("estimate", [0, -5])
def test_the_first_count_is_never_zero(estimate: int) -> None:
    (start,) = events_of(MessagesStreamEncoder("i", "m", estimate).feed(Started("r", "x", 1)))
    assert start["message"]["usage"]["input_tokens"] == 1


def test_parts_that_are_open_at_once_become_blocks_one_after_another() -> None:
    told = spoken(
        PartOpened(0, Text()),
        TextDelta(0, "a"),
        PartClosed(0),
        PartOpened(1, ToolCall("c1", "f")),
        PartOpened(2, ToolCall("c2", "g")),
        ArgumentsDelta(2, '{"y":'),
        ArgumentsDelta(1, '{"x":'),
        PartOpened(3, Text()),
        TextDelta(3, "later"),
        ArgumentsDelta(2, "2}"),
        ArgumentsDelta(1, "1}"),
        PartClosed(2),
        PartClosed(1),
        TextDelta(3, " on"),
        PartClosed(3),
        Finished(Stop.TOOL),
    )
    assert kinds(told) == [
        "message_start",
        *("start 0 text", "delta 0 text_delta", "stop 0"),
        *("start 1 tool_use", "delta 1 input_json_delta", "stop 1"),
        *("start 2 tool_use", "delta 2 input_json_delta", "stop 2"),
        *("start 3 text", "delta 3 text_delta", "delta 3 text_delta", "stop 3"),
        *ENDING,
    ]
    assert [told[5]["delta"]["partial_json"], told[8]["delta"]["partial_json"]] == ['{"x":1}', '{"y":2}']
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("call", "written", "read"),
    [
        (ToolCall("c", "f"), "", {}),
        (ToolCall("c", "f", " "), "", {}),
        (ToolCall("c", "f"), '{"a": 1.0}', {"a": 1.0}),
        (ToolCall("c", "f", '{"a"'), ": 1}", {"a": 1}),
        (ToolCall("c", "f"), '{"a": "cu', {"arguments": '{"a": "cu'}),
        (ToolCall("c", "f"), "{'a': 1}", {"arguments": "{'a': 1}"}),
        (ToolCall("c", "f"), "7", {"arguments": "7"}),
        (ToolCall("c", "f", kind="custom"), "free", {"input": "free"}),
    ],
)
def test_the_input_of_a_call_is_always_an_object(call: ToolCall, written: str, read: dict[str, Any]) -> None:
    told = spoken(PartOpened(0, call), ArgumentsDelta(0, written), PartClosed(0))
    assert json.loads(told[2]["delta"]["partial_json"]) == read


def test_ids_of_calls_are_lawful_and_told_apart() -> None:
    calls: list[Event] = [
        PartOpened(0, ToolCall("call_0", "f")),
        PartClosed(0),
        PartOpened(1, ToolCall("call_0", "f")),
    ]
    told = spoken(*calls, PartClosed(1), PartOpened(2, ToolCall("a.b", "f")))
    ids = [event["content_block"]["id"] for event in told if event["type"] == "content_block_start"]
    assert ids[0] == "call_0"
    assert len(set(ids)) == 3
    assert "." not in ids[2]


def seal(thought: Reasoning) -> str:
    return f"sealed:{thought.text}:{thought.signature or ''}"


@pytest.mark.parametrize(
    ("part", "deltas", "signatures"),
    [
        (Reasoning(), [TextDelta(0, "h"), TextDelta(0, "m")], ["sealed:hm:"]),
        (Reasoning("h"), [TextDelta(0, "m")], ["sealed:hm:"]),
        (Reasoning(), [TextDelta(0, "hm"), SignatureDelta(0, "a"), SignatureDelta(0, "b")], ["sealed:hm:ab"]),
        (Reasoning("hm", signature="a"), [SignatureDelta(0, "b")], ["sealed:hm:ab"]),
        (Reasoning(signature="only"), [], ["sealed::only"]),
        (Reasoning(), [], None),
    ],
)
def test_a_thinking_block_ends_with_one_signature(
    part: Reasoning, deltas: list[Event], signatures: list[str] | None
) -> None:
    told = spoken(PartOpened(0, part), *deltas, PartClosed(0), signer=seal)
    if signatures is None:
        assert kinds(told) == ["message_start"]
        return
    assert told[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    sealed = [e["delta"]["signature"] for e in told if e.get("delta", {}).get("type") == "signature_delta"]
    assert sealed == signatures
    assert told[-2]["delta"]["type"] == "signature_delta"


def test_without_a_signer_unsigned_thinking_stays_unsigned() -> None:
    told = spoken(PartOpened(0, Reasoning("hm")), PartClosed(0))
    assert kinds(told) == ["message_start", "start 0 thinking", "delta 0 thinking_delta", "stop 0"]


def test_sealed_reasoning_is_one_block_without_deltas() -> None:
    told = spoken(PartOpened(0, Reasoning(form="redacted", signature="d")), PartClosed(0), signer=seal)
    assert told[1]["content_block"] == {"type": "redacted_thinking", "data": "sealed::d"}
    assert kinds(told) == ["message_start", "start 0 redacted_thinking", "stop 0"]
    assert kinds(spoken(PartOpened(0, Reasoning(form="redacted")), PartClosed(0))) == ["message_start"]


def test_a_refusal_is_text() -> None:
    told = spoken(PartOpened(0, Refusal("n")), TextDelta(0, "o"), PartClosed(0), Finished(Stop.FILTER))
    assert [event["delta"]["text"] for event in told[2:4]] == ["n", "o"]
    assert told[-2]["delta"]["stop_reason"] == "refusal"


def test_empty_parts_are_not_sent() -> None:
    empty = (PartOpened(0, Text()), TextDelta(0, ""), PartClosed(0))
    assert kinds(spoken(*empty, Finished(Stop.END))) == ["message_start", *ENDING]


def test_sources_are_told_even_of_a_text_without_words() -> None:
    sealed = VendorCitation("anthropic_messages", b'{"type": "char_location",\n"cited_text": "x"}')
    told = spoken(
        PartOpened(0, Text()),
        CitationAdded(0, UrlCitation("https://example.org", "E", "so")),
        CitationAdded(0, sealed),
        PartClosed(0),
    )
    assert told[2]["delta"]["citation"] == {
        "type": "web_search_result_location",
        "url": "https://example.org",
        "title": "E",
        "cited_text": "so",
        "encrypted_index": "",
    }
    assert told[3]["delta"]["citation"] == {"type": "char_location", "cited_text": "x"}


def test_blocks_of_this_wire_that_we_do_not_know_go_out_as_they_came() -> None:
    kept = Unknown("anthropic_messages", "compaction", b'{"type": "compaction",\n "x": 1}')
    result = Unknown("anthropic_messages", "web_search_tool_result", b'{"type": "web_search_tool_result"}')
    told = spoken(
        PartOpened(0, kept),
        PartClosed(0),
        PartOpened(1, ToolCall("srvtoolu_1", "web_search", "{}", "server")),
        PartClosed(1),
        PartOpened(2, ToolResult("srvtoolu_1", (result,), server=True)),
        PartClosed(2),
        Finished(Stop.END),
    )
    assert kinds(told)[1:-2] == [
        *("start 0 compaction", "stop 0"),
        *("start 1 server_tool_use", "delta 1 input_json_delta", "stop 1"),
        *("start 2 web_search_tool_result", "stop 2"),
    ]
    assert told[-2]["delta"]["stop_reason"] == "end_turn"


def test_what_has_no_shape_here_is_dropped_once_by_name() -> None:
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    lost: list[Event] = [
        PartOpened(0, Media("audio", Inline("AAAA"))),
        MediaDelta(0, "AAAA"),
        PartClosed(0),
        PartOpened(1, ToolCall("ws", "open_page", "", "server")),
        ArgumentsDelta(1, "{}"),
        PartClosed(1),
        PartOpened(2, ToolResult("ws", server=True)),
        PartClosed(2),
        PartOpened(3, Text(logprobs=(TokenLogprob("a", -1.0),))),
        LogprobsAdded(3, (TokenLogprob("a", -1.0),)),
        CitationAdded(3, VendorCitation("openai_chat", b"{}")),
        PartClosed(3),
        PartOpened(4, Text("another"), choice=1),
        TextDelta(4, "x"),
        PartClosed(4),
        VendorEvent("openai_responses", b"{}"),
        VendorEvent("openai_responses", b"{}"),
        Finished(Stop.END, 1),
    ]
    assert b"".join(map(encoder.feed, lost)) == b""
    assert [drop.field for drop in encoder.drops] == ["content"] * 4 + ["choices[1]", "events"]
    assert kinds(events_of(encoder.feed(Finished(Stop.END)))) == ENDING


@pytest.mark.parametrize(
    ("stop", "called", "reason"),
    [
        (Stop.END, False, "end_turn"),
        (Stop.END, True, "tool_use"),
        (Stop.TOOL, False, "end_turn"),
        (Stop.TOOL, True, "tool_use"),
        (Stop.LENGTH, True, "max_tokens"),
        (Stop.LENGTH, False, "max_tokens"),
        (Stop.FILTER, False, "refusal"),
        (Stop.STOP_SEQUENCE, False, "stop_sequence"),
        (Stop.PAUSE, False, "pause_turn"),
        (Stop.CONTEXT, False, "model_context_window_exceeded"),
    ],
)
def test_every_stop_has_a_reason_and_tool_use_means_that_a_call_was_sent(
    stop: Stop, called: bool, reason: str
) -> None:
    call = (PartOpened(0, ToolCall("c", "f", "{}")), PartClosed(0)) if called else ()
    assert spoken(*call, Finished(stop, 0, "END" if stop is Stop.STOP_SEQUENCE else None))[-2]["delta"] == {
        "stop_reason": reason,
        "stop_sequence": "END" if stop is Stop.STOP_SEQUENCE else None,
        "stop_details": None,
        "container": None,
    }


def test_a_failure_ends_the_open_block_and_then_the_stream() -> None:
    encoder = MessagesStreamEncoder("msg_1", "m", 12, request_id="req_1")
    for event in (Started("r", "x", 1), PartOpened(0, Text("said")), PartOpened(1, Text("held"))):
        encoder.feed(event)
    fault = Fault(Code.UPSTREAM_BUSY, "Busy.\nTry again.")
    stop, error = events_of(encoder.fail(fault))
    assert stop == {"type": "content_block_stop", "index": 0}
    assert error == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Busy.\nTry again."},
        "request_id": "req_1",
    }
    assert encoder.feed(TextDelta(1, "late")) == encoder.fail(fault) == encoder.close() == b""


def test_a_call_that_was_cut_is_never_said_to_have_ended() -> None:
    """Clients run a call when its block stops, and this one would look like a call without input."""
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    for event in (Started("r", "x", 1), PartOpened(0, ToolCall("c", "f")), ArgumentsDelta(0, '{"a": "cu')):
        encoder.feed(event)
    (error,) = events_of(encoder.fail(Fault(Code.UPSTREAM_BROKE, "It broke off.")))
    assert error["type"] == "error"


def test_a_failed_event_is_said_like_a_fault() -> None:
    fault = Fault(Code.UPSTREAM_AWAY, "Away.")
    assert spoken(Failed(fault))[1:] == events_of(MessagesStreamEncoder("x", "m", 7).fail(fault))


def test_a_heartbeat_is_a_ping() -> None:
    assert spoken(Heartbeat())[1:] == [{"type": "ping"}]


def test_nothing_follows_the_end() -> None:
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    assert encoder.close() == b""
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    encoder.feed(Started("r", "x", 1))
    encoder.feed(Finished(Stop.END))
    assert encoder.feed(Heartbeat()) == encoder.feed(Finished(Stop.END, 1)) == encoder.close() == b""


def test_a_choice_that_never_ends_is_ended_as_another_was() -> None:
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    for event in (Started("r", "x", 1), PartOpened(0, Text("a")), PartOpened(1, ToolCall("c", "f"))):
        encoder.feed(event)
    assert encoder.feed(Finished(Stop.LENGTH, 1)) == b""
    ending = events_of(encoder.close())
    assert kinds(ending) == ["stop 0", "start 1 tool_use", "delta 1 input_json_delta", "stop 1", *ENDING]
    assert ending[-2]["delta"]["stop_reason"] == "max_tokens"


def test_a_stream_that_breaks_off_without_a_word_is_an_error() -> None:
    encoder = MessagesStreamEncoder("msg_1", "m", 12)
    encoder.feed(Started("r", "x", 1))
    assert kinds(events_of(encoder.close())) == ["error"]
