from __future__ import annotations

import json
from pathlib import Path

import pytest
from openai.types.responses import Response

from tests.wire.golden import GOLDEN, check, shown, shown_events
from tokenmill.conversation.events import Failed, Finished, Started, Stop
from tokenmill.conversation.fold import Choice, Reply, fold
from tokenmill.conversation.parts import Reasoning, Refusal, Text, ToolCall, ToolResult
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.reply import decode_reply, encode_reply

CASES = sorted((GOLDEN / "openai_responses").glob("*.reply.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_reply_means_what_is_written_and_is_told_as_written(path: Path) -> None:
    stem = path.name.removesuffix(".json")
    try:
        events = decode_reply(path.read_bytes(), origin="issuer")
    except Fault as fault:
        check(path.with_name(f"{stem}.events.json"), shown(fault))
        return
    check(path.with_name(f"{stem}.events.json"), shown_events(events))
    told = encode_reply(fold(events), reply_id="resp_golden", model="public")
    check(path.with_name(f"{stem}.client.json"), json.loads(told))
    assert fold(decode_reply(told, origin="issuer")).choices == fold(events).choices


def test_a_reply_has_every_member_of_the_published_schema() -> None:
    reply = Reply("resp_1", "m", 7, (Choice((Text("hi"),), Stop.END),), Usage(3, 2, 1, 5, 4))
    told = json.loads(encode_reply(reply))
    required = {name for name, field in Response.model_fields.items() if field.is_required()}
    nullable = {
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "temperature",
        "top_p",
        "usage",
        "status",
    }
    assert required | nullable <= set(told)
    assert told["usage"] == {
        "input_tokens": 6,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 11,
    }
    assert Response.model_validate(told).output_text == "hi"


def test_a_reply_without_counts_has_none() -> None:
    assert json.loads(encode_reply(Reply("resp_1", "m", 7, (Choice((), Stop.END),))))["usage"] is None


def test_what_a_response_repeats_is_what_the_caller_wrote() -> None:
    options = ResponsesOptions(echo=(("temperature", b"0.5"), ("metadata", b'{"k":"v"}')))
    told = json.loads(encode_reply(Reply("resp_1", "m", 7, (Choice((), Stop.END),)), options))
    assert (told["temperature"], told["metadata"], told["tools"]) == (0.5, {"k": "v"}, [])


def test_every_part_is_an_item_and_what_has_no_place_is_left_out() -> None:
    parts = (Reasoning("hm"), Text("a"), ToolCall("s", "bash", kind="server"), ToolResult("s"), Refusal("b"))
    told = json.loads(encode_reply(Reply("resp_1", "m", 7, (Choice(parts, Stop.END),))))
    assert [(item["id"], item["type"]) for item in told["output"]] == [
        ("rs_1_0", "reasoning"),
        ("msg_1_1", "message"),
        ("msg_1_2", "message"),
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[]", b'{"output": 5}'])
def test_what_is_not_a_reply_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        decode_reply(body)
    assert caught.value.code is Code.UPSTREAM_BROKE


def test_a_reply_that_is_still_being_made_is_none() -> None:
    with pytest.raises(Fault, match="broke off"):
        decode_reply(b'{"output": [], "status": "in_progress"}')


def test_a_cancelled_reply_broke_off() -> None:
    with pytest.raises(Fault, match="broke off"):
        decode_reply(b'{"output": [], "status": "cancelled"}')


def test_an_empty_reply_is_whole() -> None:
    started, finished = decode_reply(b'{"output": [], "status": "completed"}')
    assert isinstance(started, Started)
    assert finished == Finished(Stop.END)
    assert not isinstance(finished, Failed)


def test_a_reply_without_a_first_choice_is_a_response_that_failed() -> None:
    told = json.loads(encode_reply(Reply("resp_1", "m", 7, (Choice((Text("x"),), Stop.END, 1),))))
    assert (told["status"], told["output"]) == ("failed", [])
