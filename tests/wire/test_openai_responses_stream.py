from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.wire.golden import GOLDEN, check, check_bytes, shown, shown_events
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
    Unknown,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_responses.names import Names
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.stream import ResponsesStreamDecoder, ResponsesStreamEncoder

CASES = sorted((GOLDEN / "openai_responses").glob("*.stream.sse"))
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def decoded(stream: bytes, size: int) -> list[Event] | Fault:
    numbers = itertools.count(1)
    decoder = ResponsesStreamDecoder(lambda: f"call_made_{next(numbers)}", origin="issuer")
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
    encoder = ResponsesStreamEncoder("resp_golden", "public", 1)
    out = b"".join(encoder.feed(event) for event in events) + encoder.close()
    check_bytes(path.with_name(f"{path.name.split('.')[0]}.client.sse"), out)


def told(out: bytes) -> list[dict[str, Any]]:
    """The events in `out`, each checked for its name and its number."""
    events = []
    for block in out.removesuffix(b"\n\n").split(b"\n\n"):
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        events.append(event)
    return events


def spoken(*events: Event, **settings: Any) -> list[dict[str, Any]]:
    encoder = ResponsesStreamEncoder("resp_1", "m", 7, **settings)
    said = told(b"".join(encoder.feed(event) for event in (Started("r", "x", 1), *events)))
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    return said[2:]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


SAID = (PartOpened(0, Text()), TextDelta(0, "hi"), PartClosed(0))
COUNTS = UsageSeen(Usage(3, 2, 1, 5, 4))
END = Finished(Stop.END)


def test_a_stream_tells_the_whole_life_of_a_message() -> None:
    events = spoken(*SAID, COUNTS, END)
    assert kinds(events) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert events[2] == {
        "type": "response.output_text.delta",
        "item_id": "msg_1_0",
        "output_index": 0,
        "content_index": 0,
        "delta": "hi",
        "logprobs": [],
        "sequence_number": 4,
    }
    assert events[-1]["response"]["output"] == [events[-2]["item"]]
    assert events[-1]["response"]["usage"]["total_tokens"] == 11


def test_a_stream_begins_with_the_empty_response_twice() -> None:
    encoder = ResponsesStreamEncoder("resp_1", "m", 7)
    created, begun = told(encoder.feed(Started("r", "x", 1)))
    assert kinds([created, begun]) == ["created", "in_progress"]
    assert created["response"] == begun["response"]
    assert (created["response"]["status"], created["response"]["output"]) == ("in_progress", [])


@pytest.mark.parametrize(
    ("stop", "kind", "reason"),
    [
        (Stop.END, "completed", None),
        (Stop.TOOL, "completed", None),
        (Stop.STOP_SEQUENCE, "completed", None),
        (Stop.PAUSE, "completed", None),
        (Stop.LENGTH, "incomplete", "max_output_tokens"),
        (Stop.CONTEXT, "incomplete", "max_output_tokens"),
        (Stop.FILTER, "incomplete", "content_filter"),
    ],
)
def test_every_stop_has_a_last_event(stop: Stop, kind: str, reason: str | None) -> None:
    last = spoken(*SAID, Finished(stop))[-1]
    assert kinds([last]) == [kind]
    assert last["response"]["status"] == kind
    assert last["response"]["incomplete_details"] == (None if reason is None else {"reason": reason})


def test_counts_are_never_made_up() -> None:
    assert spoken(*SAID, END)[-1]["response"]["usage"] is None


def test_items_may_be_open_side_by_side() -> None:
    events = spoken(
        PartOpened(0, ToolCall("a", "f")),
        PartOpened(1, ToolCall("b", "g", kind="custom")),
        ArgumentsDelta(1, "x"),
        ArgumentsDelta(0, "{}"),
        PartClosed(1),
        PartClosed(0),
        Finished(Stop.TOOL),
    )
    assert kinds(events) == [
        "output_item.added",
        "output_item.added",
        "custom_tool_call_input.delta",
        "function_call_arguments.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert [item["call_id"] for item in events[-1]["response"]["output"]] == ["a", "b"]


def test_reasoning_is_told_as_it_is_or_as_the_summary_that_was_asked_for() -> None:
    thought = (PartOpened(0, Reasoning()), TextDelta(0, "hm"), PartClosed(0), END)
    plain = spoken(*thought)
    assert kinds(plain)[2:5] == ["reasoning_text.delta", "reasoning_text.done", "content_part.done"]
    assert plain[-2]["item"]["content"] == [{"type": "reasoning_text", "text": "hm"}]
    asked = spoken(*thought, options=ResponsesOptions(summary="auto"))
    assert kinds(asked)[1:5] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ]
    assert asked[-2]["item"]["summary"] == [{"type": "summary_text", "text": "hm"}]


def seal(thought: Reasoning) -> str:
    return f"sealed {thought.text} {thought.signature}"


@pytest.mark.parametrize(
    ("part", "sealer", "sealed"),
    [
        (Reasoning(), None, None),
        (Reasoning(), seal, "sealed hm None"),
        (Reasoning(signature="E"), None, "E!"),
        (Reasoning(signature="E"), seal, "sealed hm E!"),
        (Reasoning(form="summary"), seal, "sealed hm None"),
        (Reasoning(signature="E"), lambda _: None, None),
    ],
)
def test_encrypted_content_is_the_upstreams_own_or_ours(
    part: Reasoning, sealer: Any, sealed: str | None
) -> None:
    signed = [SignatureDelta(0, "!")] if part.signature else []
    events = spoken(PartOpened(0, part), TextDelta(0, "hm"), *signed, PartClosed(0), END, sealer=sealer)
    member = {} if sealed is None else {"encrypted_content": sealed}  # The schema has no null here.
    item = events[-2]["item"]
    assert {name: item[name] for name in item if name == "encrypted_content"} == member
    assert "encrypted_content" not in events[0]["item"]


def test_sealed_reasoning_without_words_is_an_item_without_content() -> None:
    redacted = PartOpened(0, Reasoning(form="redacted", signature="E"))
    events = spoken(redacted, PartClosed(0), END)
    assert kinds(events) == ["output_item.added", "output_item.done", "completed"]
    assert events[1]["item"] == {
        "id": "rs_1_0",
        "type": "reasoning",
        "summary": [],
        "content": [],
        "encrypted_content": "E",
    }


def test_a_tool_gets_its_namespace_back() -> None:
    names = Names({"mcp__search": ("mcp", "search")})
    call = (PartOpened(0, ToolCall("c", "mcp__search", "{}")), PartClosed(0), END)
    item = spoken(*call, options=ResponsesOptions(names=names))[-2]["item"]
    assert (item["namespace"], item["name"]) == ("mcp", "search")
    assert "namespace" not in spoken(*call)[-2]["item"]


def test_calls_that_share_an_id_are_told_apart() -> None:
    calls = (PartOpened(i, ToolCall("c", "f", "{}")) for i in range(2))
    events = spoken(*calls, PartClosed(0), PartClosed(1), END)
    assert [item["call_id"] for item in events[-1]["response"]["output"]] == ["c", "c_1"]


@pytest.mark.parametrize(
    ("call", "done"),
    [
        (ToolCall("c", "f", '{"x":'), False),
        (ToolCall("c", "f", '{"x":1}'), True),
        (ToolCall("c", "f", "*** Begin", "custom"), False),
    ],
)
@pytest.mark.parametrize("stop", [Stop.LENGTH, Stop.FILTER, Stop.CONTEXT])
def test_a_call_that_was_cut_is_never_called_done(call: ToolCall, done: bool, stop: Stop) -> None:
    events = spoken(PartOpened(0, call), PartClosed(0), COUNTS, Finished(stop))
    assert ("output_item.done" in kinds(events)) == done
    assert events[-1]["response"]["output"][0]["status"] == ("completed" if done else "incomplete")


def test_a_call_before_the_cut_is_whole() -> None:
    events = spoken(PartOpened(0, ToolCall("c", "f", "free text", "custom")), PartClosed(0), *(
        PartOpened(1, Text()), TextDelta(1, "hi"), PartClosed(1), Finished(Stop.LENGTH)
    ))  # fmt: skip
    assert [item["status"] for item in events[-1]["response"]["output"]] == ["completed", "incomplete"]


def test_a_failure_closes_the_words_and_leaves_cut_calls_open() -> None:
    encoder = ResponsesStreamEncoder("resp_1", "m", 7)
    for event in (Started("r", "x", 1), *SAID, PartOpened(1, Text()), PartOpened(2, ToolCall("c", "f"))):
        encoder.feed(event)
    fault = Fault(Code.UPSTREAM_BROKE, "It broke.\nTry again.")
    events = told(encoder.fail(fault))
    assert kinds(events) == ["output_text.done", "content_part.done", "output_item.done", "failed"]
    response = events[-1]["response"]
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete", "incomplete"]
    assert response["error"] == {"code": "server_error", "message": "It broke.\nTry again."}
    assert response["status"] == "failed"
    assert encoder.feed(TextDelta(1, "late")) == encoder.fail(fault) == encoder.close() == b""


def test_a_failure_before_the_beginning_is_a_whole_stream() -> None:
    events = told(ResponsesStreamEncoder("resp_1", "m", 7).fail(Fault(Code.INTERNAL, "Oh.")))
    assert kinds(events) == ["created", "in_progress", "failed"]


def test_a_failed_event_is_said_like_a_fault() -> None:
    assert kinds(spoken(Failed(Fault(Code.UPSTREAM_AWAY, "Away.")))) == ["failed"]


def test_a_stream_that_never_finished_broke_off() -> None:
    encoder = ResponsesStreamEncoder("resp_1", "m", 7)
    encoder.feed(Started("r", "x", 1))
    (failed,) = told(encoder.close())
    assert "broke off" in failed["response"]["error"]["message"]


def test_a_ping_is_a_comment() -> None:
    encoder = ResponsesStreamEncoder("resp_1", "m", 7)
    encoder.feed(Started("r", "x", 1))
    assert encoder.feed(Heartbeat()) == b": ping\n\n"


def test_a_part_that_opens_with_words_says_them() -> None:
    citation = UrlCitation("https://example.org", "t", start=0, end=1)
    events = spoken(
        PartOpened(0, Text("a", (citation,), (TokenLogprob("a", -1.0),))),
        PartOpened(1, Refusal("b")),
        PartOpened(2, Reasoning("c")),
        PartOpened(3, ToolCall("c", "f", "{}")),
        *(PartClosed(i) for i in range(4)),
        END,
    )
    message, refusal, thought, call = events[-1]["response"]["output"]
    assert message["content"] == [
        {
            "type": "output_text",
            "text": "a",
            "annotations": [
                {
                    "type": "url_citation",
                    "url": "https://example.org",
                    "title": "t",
                    "start_index": 0,
                    "end_index": 1,
                }
            ],
            "logprobs": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}],
        }
    ]
    assert refusal["content"] == [{"type": "refusal", "refusal": "b"}]
    assert thought["content"] == [{"type": "reasoning_text", "text": "c"}]
    assert call["arguments"] == "{}"
    deltas = [event["delta"] for event in events if event["type"].endswith(".delta")]
    assert deltas == ["a", "", "b", "c", "{}"]


def test_sources_and_log_probabilities_are_told_as_they_come() -> None:
    events = spoken(
        PartOpened(0, Text()),
        TextDelta(0, "a"),
        LogprobsAdded(0, (TokenLogprob("a", -1.0, (97,)),)),
        CitationAdded(0, VendorCitation("anthropic_messages", b"{}")),
        CitationAdded(0, UrlCitation("https://example.org/1")),
        CitationAdded(0, UrlCitation("https://example.org/2")),
    )
    assert kinds(events)[2:] == [
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.annotation.added",
    ]
    assert events[3]["logprobs"] == [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]
    assert [event["annotation_index"] for event in events[4:]] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        ('{"query":"x"}', {"type": "search", "query": "x"}),
        ('{"type":"open_page","url":"u"}', {"type": "open_page", "url": "u"}),
        ("x", {"type": "search", "query": "x"}),
        ("[1]", {"type": "search", "query": "[1]"}),
    ],
)
def test_a_search_is_an_item_of_its_own(arguments: str, action: dict[str, str]) -> None:
    call = ToolCall("srv", "web_search", kind="server")
    events = spoken(PartOpened(0, call), ArgumentsDelta(0, arguments), PartClosed(0), END)
    assert kinds(events) == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
        "completed",
    ]
    assert events[-2]["item"]["action"] == action


def test_an_unknown_item_of_this_wire_is_passed_on_in_one_line() -> None:
    item = Unknown("openai_responses", "hologram", b'{"type":"hologram",\n"depth":1.0}')
    events = spoken(PartOpened(0, item), PartClosed(0), END)
    assert kinds(events) == ["output_item.added", "output_item.done", "completed"]
    assert events[-1]["response"]["output"] == [{"type": "hologram", "depth": 1.0}]


def test_what_the_caller_wrote_in_many_lines_is_repeated_in_one() -> None:
    options = ResponsesOptions(echo=(("metadata", b'{\r\n "k": "v"\n}'),))
    assert spoken(END, options=options)[-1]["response"]["metadata"] == {"k": "v"}


def test_what_the_wire_cannot_say_is_left_out() -> None:
    events = spoken(
        PartOpened(0, Media("audio", Inline("AAAA"))),
        MediaDelta(0, "BBBB"),
        PartClosed(0),
        PartOpened(1, ToolCall("srv", "bash", "", "server")),
        ArgumentsDelta(1, "{}"),
        PartOpened(2, ToolResult("srv", server=True)),
        PartOpened(3, Unknown("openai_chat", "x", b"{}")),
        PartOpened(4, Text("second choice"), 1),
        TextDelta(4, "more"),
        SignatureDelta(0, "E"),
        VendorEvent("openai_responses", b"{}"),
        Finished(Stop.END, 1),
    )
    assert events == []


def test_events_parse_by_the_official_types() -> None:
    for event in spoken(*SAID, COUNTS, END):
        EVENT.validate_python(event)


def test_an_invented_call_id_looks_like_one() -> None:
    item = b'{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}'
    (frame,) = ResponsesStreamDecoder().feed(b"data: " + item + b"\n\n")
    opened = frame.events[1]
    assert isinstance(opened, PartOpened)
    assert isinstance(opened.part, ToolCall)
    assert opened.part.id.startswith("call_")


def test_silence_is_a_fault_and_closing_twice_is_not() -> None:
    decoder = ResponsesStreamDecoder()
    assert not decoder.over
    with pytest.raises(Fault, match="broke off") as caught:
        decoder.close()
    assert decoder.over
    assert caught.value.code is Code.UPSTREAM_BROKE
    assert decoder.close() == []


def test_an_error_page_instead_of_a_stream_is_a_fault() -> None:
    with pytest.raises(Fault, match="not an event"):
        ResponsesStreamDecoder().feed(b"data: 5\n\n")


def test_a_block_that_never_ends_breaks_the_reply_off() -> None:
    decoder = ResponsesStreamDecoder()
    decoder.feed(b'data: {"type":"response.output_text.delta","delta":"a"}\n\n')
    (frame,) = decoder.feed(b"data: " + b"x" * (17 * 1024 * 1024))
    (failed,) = frame.events
    assert isinstance(failed, Failed)
    assert failed.fault.code is Code.UPSTREAM_BROKE
    assert decoder.close() == []


def test_a_block_that_never_ends_is_noticed_at_the_close_at_the_latest() -> None:
    decoder = ResponsesStreamDecoder()
    start = b'data: {"type":"response.output_text.delta","delta":"a"}\n\n'
    assert len(decoder.feed(start + b"data: " + b"x" * (17 * 1024 * 1024))) == 1
    (frame,) = decoder.close()
    assert isinstance(frame.events[0], Failed)
