"""A stored conversation goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses.response_item import ResponseItem
from pydantic import TypeAdapter

from tokenmill.wire.openai_responses.request import decode_request
from tokenmill.wire.openai_responses.thread import encode_items, own_items, with_history

_LISTED: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", **members}, ensure_ascii=False).encode()


def test_a_text_as_input_becomes_a_message_of_the_user() -> None:
    """So that all that is stored are items."""
    (item,) = own_items(body(input="你好"))

    assert json.loads(item) == {"type": "message", "role": "user", "content": "你好"}


def test_items_keep_the_bytes_that_the_caller_wrote() -> None:
    """Numbers, escapes and the order of members survive."""
    raw = b'{"model":"m","input":[{"role":"user","content":"\\u4f60 1.0"},{"type":"x","n":1.0}]}'

    assert own_items(raw) == (b'{"role":"user","content":"\\u4f60 1.0"}', b'{"type":"x","n":1.0}')


def test_history_goes_before_the_new_items_and_nothing_else_changes() -> None:
    """The request reads as if its caller had sent everything."""
    history = [b'{"role":"user","content":"first"}', b'{"role":"assistant","content":"answer"}']
    whole = with_history(body(input="second", temperature=0.5, previous_response_id="resp_1"), history)

    said = json.loads(whole)
    assert [item["content"] for item in said["input"]] == ["first", "answer", "second"]
    assert (said["temperature"], said["previous_response_id"]) == (0.5, "resp_1")
    assert [turn.role for turn in decode_request(whole).request.turns] == ["user", "assistant", "user"]


def test_input_items_are_listed_newest_first_by_pages_and_each_under_an_id() -> None:
    """As the published list is."""
    items = [json.dumps({"role": "user", "content": str(at)}).encode() for at in range(3)]
    items.append(b'{"type":"function_call_output","id":"fc_1","call_id":"c","output":"x"}')

    first = json.loads(encode_items("resp_9", items, limit=2, after=None, newest_first=True))
    second = json.loads(encode_items("resp_9", items, limit=2, after=first["last_id"], newest_first=True))
    assert (first["object"], first["has_more"], second["has_more"]) == ("list", True, False)
    assert [item["id"] for item in first["data"]] == ["fc_1", "msg_9_2"]
    assert [item["content"][0]["text"] for item in second["data"]] == ["1", "0"]
    assert second["first_id"] == "msg_9_1"
    empty = json.loads(encode_items("resp_9", [], limit=2, after=None, newest_first=False))
    assert (empty["data"], empty["first_id"], empty["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "a", "id": None, "type": None},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}],
        },
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.org/a.png"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "a", "status": None},
        {"type": "function_call_output", "call_id": "c", "output": "a", "status": "incomplete"},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "a"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "a"},
        {"type": "reasoning", "summary": []},
    ],
)
def test_a_listed_item_has_what_its_published_type_demands(item: dict[str, Any]) -> None:
    """A caller may leave out much of it, and what it says stays as it is."""
    page = json.loads(
        encode_items("resp_9", [json.dumps(item).encode()], limit=2, after=None, newest_first=True)
    )

    (listed,) = page["data"]
    assert _LISTED.validate_python(listed)
    said = {name: value for name, value in item.items() if value is not None and name != "content"}
    assert listed | said == listed
