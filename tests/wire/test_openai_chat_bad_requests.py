"""What is wrong with a request is told by the path of its culprit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.request import decode_request

USER: dict[str, Any] = {"role": "user", "content": "hi"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f"}}


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER]} | members).encode()


def refusal(raw: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        decode_request(raw)
    return caught.value


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"model": None}, "model: this member is required"),
        ({"model": ""}, "model: this member is required"),
        ({"model": 5}, "model: expected a string, got a number"),
        ({"messages": None}, "messages: this member is required"),
        ({"messages": []}, "messages: the array is empty"),
        ({"messages": "hi"}, "messages: expected an array, got a string"),
        ({"messages": [5]}, "messages[0]: expected an object, got a number"),
        ({"messages": [{}]}, "messages[0].role: this member is required"),
        (
            {"messages": [USER | {"content": 5}]},
            "messages[0].content: expected a string or an array, got a number",
        ),
        (
            {"messages": [USER | {"content": None}]},
            "messages[0].content: expected a string or an array of parts",
        ),
        (
            {"messages": [USER | {"content": []}]},
            "messages[0].content: expected a string or an array of parts",
        ),
        (
            {"messages": [USER | {"content": ["x"]}]},
            "messages[0].content[0]: expected an object, got a string",
        ),
        (
            {"messages": [USER | {"content": [{"type": "text"}]}]},
            "messages[0].content[0].text: this member is required",
        ),
        (
            {"messages": [USER | {"content": [{"type": "image_url", "image_url": {"url": 1}}]}]},
            "messages[0].content[0].image_url.url: expected a string, got a number",
        ),
        (
            {"messages": [{"role": "alien", "content": "x"}]},
            "messages[0].role: 'alien' is not a role; use developer, system, user, assistant or tool",
        ),
        (
            {"messages": [{"role": "function", "content": "x"}]},
            "messages[0].role: 'function' is no longer used",
        ),
        (
            {"messages": [{"role": "assistant"}]},
            "messages[0].content: an assistant message needs content or tool_calls",
        ),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].tool_call_id: this member is required",
        ),
        (
            {"messages": [{"role": "tool", "tool_call_id": "c"}]},
            "messages[0].content: expected a string or an array of parts, got null",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
            "messages[0].tool_calls[0].function: this member is required",
        ),
        (
            {"messages": [{"role": "assistant", "content": "x", "function_call": {"name": "f"}}]},
            "messages[0].function_call: it is no longer used; send tool_calls",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "server"}]}]},
            "messages[0].tool_calls[0].type: 'server' is not a kind of tool call",
        ),
        (
            {"messages": [USER | {"content": [{"type": "file", "file": {}}]}]},
            "messages[0].content[0].file: it needs file_id or file_data",
        ),
        (
            {"messages": [USER | {"content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].input_audio: this member is required",
        ),
        ({"tools": [{"type": "custom"}]}, "tools[0].custom: this member is required"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function: this member is required"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools: this member is required"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x", "tools": []}}},
            "tool_choice.allowed_tools.mode: use auto or required",
        ),
        ({"functions": []}, "functions: it is no longer used; send tools"),
        ({"temperature": 2.1}, "temperature: 2.1 is out of range; use a number from 0 to 2"),
        ({"temperature": "hot"}, "temperature: expected a number, got a string"),
        ({"temperature": True}, "temperature: expected a number, got a boolean"),
        ({"top_p": -0.1}, "top_p: -0.1 is out of range; use a number from 0 to 1"),
        ({"presence_penalty": 2.1}, "presence_penalty: 2.1 is out of range"),
        ({"frequency_penalty": -2.1}, "frequency_penalty: -2.1 is out of range"),
        (
            {"max_completion_tokens": 0},
            "max_completion_tokens: 0 is out of range; use a number from 1 to 1000000000",
        ),
        ({"max_tokens": 10**9 + 1}, "max_tokens: 1000000001 is out of range"),
        ({"max_tokens": True}, "max_tokens: expected an integer, got a boolean"),
        ({"max_tokens": 1.5}, "max_tokens: expected an integer, got a number with a fraction"),
        ({"stop": list("abcde")}, "stop: 5 sequences are too many; use at most 4"),
        ({"stop": ["a", ""]}, "stop[1]: an empty text"),
        ({"stop": ""}, "stop: an empty text"),
        ({"n": 9}, "n: 9 is out of range"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs: 21 is out of range"),
        ({"top_logprobs": 2}, "top_logprobs: it needs logprobs: true"),
        ({"seed": 2**64}, "seed: 18446744073709551616 is out of range"),
        ({"thinking": {"type": "maybe"}}, "thinking.type: 'maybe' is not a type"),
        ({"thinking": {}}, "thinking.type: this member is required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens: 0 is out of range"),
        ({"reasoning_effort": "huge"}, "reasoning_effort: 'huge' is not an effort; use none, minimal"),
        ({"response_format": {"type": "xml"}}, "response_format.type: 'xml' is not a format"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema: this member is required",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0].function: this member is required"),
        (
            {"tools": [{"type": "function", "function": {"name": ""}}]},
            "tools[0].function.name: a name has 1 to 128",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a\nb"}}]},
            "tools[0].function.name: a name has no control",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters: expected an object",
        ),
        ({"tools": [TOOL, TOOL]}, "tools[1]: the name 'f' is taken"),
        ({"tools": [{"type": "web_search", "limit": 51}]}, "tools[0].limit: 51 is out of range"),
        (
            {"tools": [{"type": "web_search", "force_search": "yes"}]},
            "tools[0].force_search: expected true or false",
        ),
        ({"tool_choice": "maybe"}, "tool_choice: 'maybe' is not a choice"),
        ({"tool_choice": "required"}, "tool_choice: 'required' needs tools"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice: there is no tool 'g' in tools",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "x"}}, "tool_choice.type: 'x' is not a type"),
        ({"stream": "yes"}, "stream: expected true or false, got a string"),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)
def test_a_wrong_member_is_refused_by_its_path(members: dict[str, Any], message: str) -> None:
    fault = refusal(body(**members))
    assert fault.message.startswith(message)
    assert fault.code is Code.BAD_VALUE
    assert fault.field == message.split(": ")[0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The request body is empty"),
        (b"{", "The request body is not valid JSON"),
        (b"[1]", "The request body: expected an object, got an array"),
        (b'{"model": NaN}', "The request body is not valid JSON"),
        (b'{"model": "\xff"}', "The request body is not UTF-8: the byte at 11 is wrong"),
        (b'{"model": "\\ud800"}', "The request body is not valid JSON"),
        (b'{"model": "m", "x": {"y": "\\ude00 "}}', "The request body is not valid JSON"),
        (b'{"model": "m", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "The request body is nested too deeply"),
        (b'{"model": "m", "stream": true, "model": "n"}', "The request body names 'model' twice"),
        (b'{"model": "m", "\\u006dodel": "n"}', "The request body names 'model' twice"),
        (b'{"model": "m"} {}', "The request body is not valid JSON"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_clean_json_is_refused(raw: bytes, message: str) -> None:
    fault = refusal(raw)
    assert fault.message.startswith(message)
    assert fault.code is Code.BAD_JSON
