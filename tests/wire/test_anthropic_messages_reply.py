from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.wire.golden import GOLDEN, check, shown, shown_events
from tokenmill.conversation.events import Finished, Started, Stop
from tokenmill.conversation.fold import Choice, Reply, fold
from tokenmill.conversation.parts import (
    Inline,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    UrlCitation,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.models import ModelEntry, encode_count, encode_model, encode_models
from tokenmill.wire.anthropic_messages.reply import decode_reply, encode_reply

CASES = sorted((GOLDEN / "anthropic_messages").glob("*.reply.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_reply_means_what_is_written_and_is_told_as_written(path: Path) -> None:
    stem = path.name.removesuffix(".json")
    try:
        events = decode_reply(path.read_bytes(), at=7, origin="up")
    except Fault as fault:
        check(path.with_name(f"{stem}.events.json"), shown(fault))
        return
    check(path.with_name(f"{stem}.events.json"), shown_events(events))
    told = encode_reply(fold(events), reply_id="msg_golden", model="public")
    check(path.with_name(f"{stem}.client.json"), json.loads(told))


def test_a_reply_has_every_member_of_the_published_schema() -> None:
    reply = Reply(
        "msg_1", "m", 7, (Choice((Text("hi"),), Stop.STOP_SEQUENCE, matched="END"),), Usage(3, 2, 1, 5)
    )
    told = json.loads(encode_reply(reply))
    assert told == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hi", "citations": None}],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 1,
            "cache_read_input_tokens": 2,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 0},
            "server_tool_use": None,
            "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0},
            "inference_geo": None,
            "service_tier": "standard",
            "speed": None,
        },
    }


@pytest.mark.parametrize(
    ("parts", "kinds", "reason"),
    [
        ((), [], "end_turn"),
        ((Text(), Reasoning(), Refusal()), [], "end_turn"),
        ((Refusal("no"),), ["text"], "end_turn"),
        ((Text(citations=(UrlCitation("u"),)),), ["text"], "end_turn"),
        ((ToolCall("c", "f", "{"), ToolCall("c", "g")), ["tool_use", "tool_use"], "tool_use"),
        ((ToolCall("s", "web_search", "{}", "server"), Text("a")), ["server_tool_use", "text"], "end_turn"),
        ((ToolCall("s", "open_page", "{}", "server"), ToolResult("s", server=True)), [], "end_turn"),
        (
            (Media("audio", Inline("AAAA")), Reasoning(form="redacted", signature="d")),
            ["redacted_thinking"],
            "end_turn",
        ),
    ],
)
def test_what_a_reply_says_becomes_blocks(parts: tuple[Part, ...], kinds: list[str], reason: str) -> None:
    told = json.loads(encode_reply(Reply("r", "m", 7, (Choice(parts, Stop.TOOL),))))
    assert [block["type"] for block in told["content"]] == kinds
    assert told["stop_reason"] == reason
    assert len({block.get("id", i) for i, block in enumerate(told["content"])}) == len(kinds)


def test_thoughts_are_sealed_with_the_signature_they_came_with() -> None:
    parts = (Reasoning("a"), Reasoning("b", signature="theirs"), Reasoning("", signature="only"))
    reply = Reply("r", "m", 7, (Choice(parts, Stop.END),))
    told = json.loads(
        encode_reply(reply, signer=lambda thought: f"sealed:{thought.text}:{thought.signature}")
    )
    assert [block["signature"] for block in told["content"]] == [
        "sealed:a:None",
        "sealed:b:theirs",
        "sealed::only",
    ]
    assert json.loads(encode_reply(reply))["content"][0]["signature"] == ""


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[]", b'{"content": 5}'])
def test_what_is_not_a_reply_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        decode_reply(body)
    assert caught.value.code is Code.UPSTREAM_BROKE


def test_a_reply_without_words_but_with_a_reason_is_whole() -> None:
    events = decode_reply(b'{"content": [], "stop_reason": "end_turn"}', at=7)
    assert events == [Started("", "", 7), Finished(Stop.END)]


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODELS = [ModelEntry(id_, id_.upper(), MOMENT, 1000, 100) for id_ in "abcd"]


def test_a_model_is_listed_with_its_limits() -> None:
    assert json.loads(encode_model(MODELS[0])) == {
        "type": "model",
        "id": "a",
        "display_name": "A",
        "created_at": "2026-01-02T03:04:05Z",
        "max_input_tokens": 1000,
        "max_tokens": 100,
        "context_window": 1000,
        "max_output_tokens": 100,
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "capabilities": None,
    }
    old = json.loads(encode_model(ModelEntry("a", "A", MOMENT, 1, 1, MOMENT)))
    assert (old["lifecycle"], old["deprecated_at"]) == ("deprecated", "2026-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("wish", "ids", "more"),
    [
        ({}, "abcd", False),
        ({"limit": 2}, "ab", True),
        ({"limit": 2, "after": "b"}, "cd", False),
        ({"limit": 2, "before": "d"}, "bc", True),
        ({"before": "c"}, "ab", False),
        ({"after": "gone"}, "abcd", False),
        ({"after": "d"}, "", False),
    ],
)
def test_the_list_of_models_comes_in_pages(wish: dict[str, str], ids: str, more: bool) -> None:
    page = json.loads(encode_models(MODELS, **wish))  # type: ignore[arg-type]  # The table mixes both kinds.
    assert "".join(model["id"] for model in page["data"]) == ids
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


def test_a_count_is_a_number_alone() -> None:
    assert json.loads(encode_count(5)) == {"input_tokens": 5}
