"""What is wrong with a request is told by the path of its culprit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_responses.items_decode import MOST_ITEMS
from tokenmill.wire.openai_responses.request import decode_request

USER: dict[str, Any] = {"role": "user", "content": "hi"}
TOOL: dict[str, Any] = {"type": "function", "name": "f"}
SPACE: dict[str, Any] = {"type": "namespace", "name": "n", "description": "d"}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hi"} | members).encode()


def refusal(raw: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        decode_request(raw)
    return caught.value


def item(**members: Any) -> dict[str, Any]:
    return {"input": [members]}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"model": None}, "model: this member is required"),
        ({"model": 5}, "model: expected a string, got a number"),
        ({"input": None}, "input: this member is required"),
        ({"input": []}, "input: it says nothing"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input: it says nothing"),
        ({"input": 5}, "input: expected a string or an array, got a number"),
        ({"input": [5]}, "input[0]: expected an object, got a number"),
        ({"input": [{}]}, "input[0].type: this member is required"),
        (item(type="message", content="x"), "input[0].role: this member is required"),
        (item(role="tool", content="x"), "input[0].role: 'tool' is not a role"),
        (item(role="user"), "input[0].content: expected a string or an array of parts, got null"),
        (
            item(role="user", content=[]),
            "input[0].content: expected a string or an array of parts, got an empty",
        ),
        (item(role="assistant"), "input[0].content: expected a string or an array of parts, got null"),
        (
            item(role="user", content=[{"type": "input_text"}]),
            "input[0].content[0].text: this member is required",
        ),
        (
            item(role="assistant", content=[{"type": "refusal"}]),
            "input[0].content[0].refusal: this member is required",
        ),
        (
            item(role="user", content=[{"type": "input_image"}]),
            "input[0].content[0]: it needs image_url",
        ),
        (
            item(role="user", content=[{"type": "input_file"}]),
            "input[0].content[0]: it needs file_data",
        ),
        (
            item(role="user", content=[{"type": "input_audio"}]),
            "input[0].content[0].input_audio: this member is required",
        ),
        (item(type="function_call", name="f"), "input[0].call_id: this member is required"),
        (item(type="function_call", call_id="c"), "input[0].name: this member is required"),
        (item(type="function_call_output", output="x"), "input[0].call_id: this member is required"),
        (item(type="function_call_output", call_id="c"), "input[0].output: expected a string or an array"),
        (
            item(type="function_call_output", call_id="c", output=[{"type": "input_text"}]),
            "input[0].output[0].text: this member is required",
        ),
        (item(type="reasoning", summary=5), "input[0].summary: expected an array, got a number"),
        ({"tools": [{"type": "function"}]}, "tools[0].name: this member is required"),
        ({"tools": [TOOL | {"name": ""}]}, "tools[0].name: a name has 1 to 128 characters"),
        ({"tools": [TOOL | {"name": "a\nb"}]}, "tools[0].name: a name has no control characters"),
        ({"tools": [TOOL | {"parameters": []}]}, "tools[0].parameters: expected an object"),
        ({"tools": [TOOL, TOOL]}, "tools[1]: the name 'f' is taken"),
        ({"tools": [SPACE | {"name": None}]}, "tools[0].name: this member is required"),
        (
            {"tools": [SPACE | {"tools": [{"type": "shell"}]}]},
            "tools[0].tools[0].type: 'shell' has no",
        ),
        ({"tools": [SPACE | {"tools": [TOOL, TOOL]}]}, "tools[0].tools[1]: the name 'f' is taken"),
        ({"tool_choice": "required"}, "tool_choice: 'required' needs tools"),
        ({"tool_choice": "maybe"}, "tool_choice: 'maybe' is not a choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name: this member is required"),
        ({"tool_choice": {"type": "function", "name": "g"}}, "tool_choice: there is no tool 'g' in tools"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type: 'mcp' is no type"),
        (
            {"tool_choice": {"type": "web_search"}},
            "tool_choice: there is no tool of type",
        ),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.tools: this member is required"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.tools: it names no function"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}},
            "tool_choice.mode: use auto or required",
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [TOOL]}},
            "tool_choice.tools[0]: there is no tool 'f' in tools",
        ),
        ({"temperature": 2.1}, "temperature: 2.1 is out of range"),
        ({"top_p": -0.1}, "top_p: -0.1 is out of range"),
        ({"max_output_tokens": 0}, "max_output_tokens: 0 is out of range"),
        ({"top_logprobs": 21}, "top_logprobs: 21 is out of range"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort: 'huge' is not an effort"),
        ({"reasoning": {"summary": 5}}, "reasoning.summary: expected a string, got a number"),
        ({"reasoning": "high"}, "reasoning: expected an object, got a string"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type: 'xml' is not a format"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.name: this member is required"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": 5}}},
            "text.format.schema: expected an object",
        ),
        ({"truncation": "middle"}, "truncation: 'middle' is not a strategy"),
        ({"metadata": []}, "metadata: expected an object"),
        ({"include": "all"}, "include: expected an array, got a string"),
        ({"store": "yes"}, "store: expected true or false, got a string"),
        ({"instructions": [USER]}, "instructions: expected a string, got an array"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(members: dict[str, Any], message: str) -> None:
    fault = refusal(body(**members))
    assert fault.code is Code.BAD_VALUE
    assert fault.message.startswith(message), fault.message
    assert fault.field is not None
    assert fault.message.startswith(fault.field)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
    ],
)
def test_what_needs_a_memory_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    fault = refusal(body(**members))
    assert (fault.code, fault.field) == (Code.UNSUPPORTED, field)


def test_more_items_than_can_be_read_in_good_time_are_refused() -> None:
    fault = refusal(body(input=[USER] * (MOST_ITEMS + 1)))
    assert (fault.code, fault.field) == (Code.BAD_VALUE, "input")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"model":"m","model":"n"}', b'{"model":"\xff"}'])
def test_a_body_that_is_no_object_is_bad_json(raw: bytes) -> None:
    assert refusal(raw).code is Code.BAD_JSON


@pytest.mark.parametrize(
    "members",
    [
        {"x": 1},
        {"context_management": [{"type": "compaction"}]},
        {"client_metadata": {}, "prompt_cache_key": "k", "stream_options": {"include_obfuscation": True}},
        {"tools": [TOOL | {"allowed_callers": ["direct"], "output_schema": {}}]},
        {"input": [USER | {"id": "m", "phase": "x", "new": 1}]},
    ],
)
def test_what_we_do_not_know_is_never_a_refusal(members: dict[str, Any]) -> None:
    assert decode_request(body(**members)).request.model == "m"
