"""What is wrong with a request is told by the path of its culprit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.request import decode_request

USER: dict[str, Any] = {"role": "user", "content": "hi"}
TOOL: dict[str, Any] = {"name": "f", "input_schema": {"type": "object"}}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": [USER]} | members).encode()


def of_user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def of_assistant(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"model": None}, "model: this member is required"),
        ({"model": 5}, "model: expected a string, got a number"),
        ({"messages": None}, "messages: this member is required"),
        ({"messages": []}, "messages: the array is empty"),
        ({"messages": [USER] * 10_001}, "messages: 10001 are too many; send at most 10000"),
        ({"messages": [{}]}, "messages[0].role: this member is required"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role: 'tool' is not a role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content: expected a string or an array of blocks"),
        (of_user(), "messages[0].content: expected a string or an array of blocks, got an empty array"),
        (of_user("x"), "messages[0].content[0]: expected an object, got a string"),
        (of_user({}), "messages[0].content[0].type: this member is required"),
        (of_user({"type": "text"}), "messages[0].content[0].text: this member is required"),
        (of_user({"type": "text", "text": 5}), "messages[0].content[0].text: expected a string"),
        (of_user({"type": "image"}), "messages[0].content[0].source: this member is required"),
        (
            of_user({"type": "image", "source": {"type": "url"}}),
            "messages[0].content[0].source.url: this member is required",
        ),
        (
            of_user({"type": "document", "source": {"type": "base64"}}),
            "messages[0].content[0].source.data: this member is required",
        ),
        (of_user({"type": "tool_result"}), "messages[0].content[0].tool_use_id: this member is required"),
        (
            of_user({"type": "tool_result", "tool_use_id": "t", "content": 5}),
            "messages[0].content[0].content: expected a string or an array",
        ),
        (
            of_user(
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "tool_result", "tool_use_id": "u"}],
                }
            ),
            "messages[0].content[0].content[0]: a result holds no other results",
        ),
        (
            of_user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference"}]}),
            "messages[0].content[0].content[0]: it names no tool",
        ),
        (of_user({"type": "thinking"}), "messages[0].content[0]: a thinking block belongs to an assistant"),
        (
            of_assistant({"type": "tool_result"}),
            "messages[0].content[0]: a tool_result block belongs to a user",
        ),
        (
            of_assistant({"type": "tool_use", "name": "f"}),
            "messages[0].content[0].id: this member is required",
        ),
        (
            of_assistant({"type": "tool_use", "id": "t"}),
            "messages[0].content[0].name: this member is required",
        ),
        (
            of_assistant({"type": "tool_use", "id": "t", "name": "f", "input": [1]}),
            "messages[0].content[0].input: expected an object",
        ),
        (of_assistant({"type": "redacted_thinking"}), "messages[0].content[0].data: this member is required"),
        ({"system": 5}, "system: expected a string or an array, got a number"),
        ({"system": [{"type": "text"}]}, "system[0].text: this member is required"),
        ({"max_tokens": 0}, "max_tokens: 0 is out of range"),
        ({"max_tokens": "many"}, "max_tokens: expected an integer, got a string"),
        ({"temperature": 2.1}, "temperature: 2.1 is out of range; use a number from 0 to 2"),
        ({"top_p": 2}, "top_p: 2.0 is out of range"),
        ({"stop_sequences": ["a", ""]}, "stop_sequences[1]: an empty text"),
        ({"stop_sequences": "a"}, "stop_sequences: expected an array, got a string"),
        ({"thinking": {"type": "maybe"}}, "thinking.type: 'maybe' is not a type"),
        ({"thinking": {"type": 5}}, "thinking.type: expected a string, got a number"),
        ({"thinking": "on"}, "thinking: expected an object, got a string"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens: 0 is out of range"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: 'huge' is not an effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type: 'xml' is not a format"),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            "output_config.format.schema: this member is required",
        ),
        ({"output_format": {"type": "json_schema", "schema": 1}}, "output_format.schema: expected an object"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id: expected a string, got a number"),
        ({"tools": [{}]}, "tools[0].name: this member is required"),
        ({"tools": [TOOL | {"name": "a\nb"}]}, "tools[0].name: a name has no control characters"),
        (
            {"tools": [TOOL | {"name": "a" * 129}]},
            "tools[0].name: a name has 1 to 128 char",
        ),
        ({"tools": [TOOL, TOOL]}, "tools[1]: the name 'f' is taken"),
        ({"tools": [TOOL | {"input_schema": 5}]}, "tools[0].input_schema: expected an object"),
        ({"tool_choice": {"type": "any"}}, "tool_choice: 'any' needs tools"),
        ({"tool_choice": {"type": "x"}}, "tool_choice.type: 'x' is not a type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name: this member is required"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
            "tool_choice.name: there is no tool 'g'",
        ),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)
def test_a_wrong_member_is_refused_by_its_path(members: dict[str, Any], message: str) -> None:
    with pytest.raises(Fault) as caught:
        decode_request(body(**members))
    fault = caught.value
    assert fault.message.startswith(message)
    assert fault.code is Code.BAD_VALUE
    assert fault.field == message.split(": ")[0]


@pytest.mark.parametrize(
    "members",
    [
        {
            "betas": ["x"],
            "anthropic_version": 5,
            "diagnostics": None,
            "speed": "fast",
            "context_management": {},
        },
        {"thinking": {"type": "adaptive", "display": "omitted", "new": 1}},
        {"output_config": {"effort": "low", "new": 1}, "metadata": {"new": 1}},
        {"tools": [TOOL | {"new": 1}, {"type": "new_20990101", "name": "n", "input_schema": 5}]},
        of_user({"type": "text", "text": "x", "new": 1}, {"type": "new", "text": 5, "content": 6}),
        {"messages": [USER, {"role": "system", "content": "x", "clear_at": "never"}]},
        {"max_tokens": 128_000},
        of_user({"type": "image", "source": {"type": "new"}}),
    ],
)
def test_what_is_new_to_us_is_no_reason_to_refuse(members: dict[str, Any]) -> None:
    decode_request(body(**members))
