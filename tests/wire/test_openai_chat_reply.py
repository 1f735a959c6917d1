from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from tests.wire.golden import GOLDEN, check, shown, shown_events
from tokenmill.conversation.events import Failed, Started, Stop
from tokenmill.conversation.fold import Choice, Reply, fold
from tokenmill.conversation.parts import Reasoning, Refusal, Text, ToolCall, ToolResult, UrlCitation
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.reply import decode_reply, encode_reply

CASES = sorted((GOLDEN / "openai_chat").glob("*.reply.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_reply_means_what_is_written_and_is_told_as_written(path: Path) -> None:
    stem = path.name.removesuffix(".json")
    try:
        events = decode_reply(path.read_bytes())
    except Fault as fault:
        check(path.with_name(f"{stem}.events.json"), shown(fault))
        return
    check(path.with_name(f"{stem}.events.json"), shown_events(events))
    told = encode_reply(fold(events), reply_id="chatcmpl-golden", model="public")
    check(path.with_name(f"{stem}.client.json"), json.loads(told))
    assert fold(decode_reply(told)).choices == fold(events).choices


def test_a_reply_has_every_member_of_the_published_schema() -> None:
    reply = Reply("chatcmpl-1", "m", 7, (Choice((Text("hi"),), Stop.END),), Usage(3, 2, 0, 5, 4))
    told = json.loads(encode_reply(reply))
    assert list(told) == ["id", "object", "created", "model", "choices", "usage"]
    marked = json.loads(encode_reply(msgspec.structs.replace(reply, fingerprint="f")))
    assert marked == told | {"system_fingerprint": "f"}  # The schema has no null here.
    assert told["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert ChatCompletion.model_validate(told).choices[0].message.content == "hi"


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((), ""),
        ((Reasoning("hm"),), ""),
        ((ToolCall("c", "f"),), None),
        ((Refusal("no"),), None),
        ((Text("a"), ToolCall("c", "f"), Text("b")), "ab"),
        ((Text("a"), ToolCall("c", "f", kind="server"), ToolResult("c", server=True)), "a"),
    ],
)
def test_content_is_null_only_where_something_else_is_said(
    parts: tuple[Text, ...], content: str | None
) -> None:
    told = json.loads(encode_reply(Reply("r", "m", 7, (Choice(parts, Stop.END),))))
    assert told["choices"][0]["message"]["content"] == content
    assert "usage" not in told


def test_spans_of_citations_move_with_the_texts_before_them() -> None:
    texts = (Text("你好"), Text("abc", (UrlCitation("https://example.org", start=1, end=3),)))
    told = json.loads(encode_reply(Reply("r", "m", 7, (Choice(texts, Stop.END),))))
    nested = told["choices"][0]["message"]["annotations"][0]["url_citation"]
    assert (nested["start_index"], nested["end_index"]) == (3, 5)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[]", b'{"choices": 5}'])
def test_what_is_not_a_reply_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        decode_reply(body)
    assert caught.value.code is Code.UPSTREAM_BROKE


def test_a_reply_without_choices_fails() -> None:
    started, failed = decode_reply(b'{"choices": []}')
    assert isinstance(started, Started)
    assert isinstance(failed, Failed)
