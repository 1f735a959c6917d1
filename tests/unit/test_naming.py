"""Shows that faults and drops name members as their caller said them, wherever the canon has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.pairs import read_request
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop
from tokenmill.exchange.naming import named, naming
from tokenmill.kit.faults import Code, Fault

USER = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
F = {"type": "function", "name": "f"}
SPACE = {"type": "namespace", "name": "n", "tools": [F, {"type": "function", "name": "g"}]}
RESPONSE: dict[str, Any] = {
    "model": "m",
    "instructions": "s",
    "input": [
        USER,
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        CALL,
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "r"}]},
    ],
    "tools": [SPACE, F],
}
MESSAGE: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "x-anthropic-billing-header: v"}, {"type": "text", "text": "s"}],
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "on"},
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r"}]},
            ],
        },
    ],
}
CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {
            "role": "assistant",
            "reasoning_content": "hm",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "r"}]},
    ],
}


@pytest.mark.parametrize(
    ("caller", "body", "field", "said"),
    [
        ("openai_responses", RESPONSE, "messages[0].content[0]", "instructions"),
        (
            "openai_responses",
            RESPONSE,
            "messages[1].content[0].cache_control",
            "input[0].content.prompt_cache_breakpoint",
        ),
        ("openai_responses", RESPONSE, "messages[2].content[0].signature", "input[1].encrypted_content"),
        ("openai_responses", RESPONSE, "messages[2].content[1].citations", "input[2].content[0].annotations"),
        ("openai_responses", RESPONSE, "messages[2].content[2].input", "input[3].arguments"),
        ("openai_responses", RESPONSE, "messages[2]", "input[1]"),
        ("openai_responses", RESPONSE, "messages[3].content[0].content[0]", "input[4].output[0]"),
        ("openai_responses", RESPONSE, "messages[9]", "messages[9]"),
        ("openai_responses", RESPONSE, "tools[1].strict", "tools[0].tools[1].strict"),
        ("openai_responses", RESPONSE, "tools[2]", "tools[1]"),
        ("openai_responses", RESPONSE, "response_format.json_schema.strict", "text.format.strict"),
        ("openai_responses", RESPONSE, "response_format", "text.format"),
        ("openai_responses", RESPONSE, "temperature", "temperature"),
        ("anthropic_messages", MESSAGE, "messages[0].content[1].cache_control", "system[1].cache_control"),
        ("anthropic_messages", MESSAGE, "messages[1].content[0]", "messages[0].content"),
        ("anthropic_messages", MESSAGE, "messages[3].content[0].content[0]",
         "messages[2].content[1].content[0]"),
        ("anthropic_messages", MESSAGE, "messages[4].content[0]", "messages[2].content[0]"),
        ("anthropic_messages", MESSAGE, "messages[4].role", "messages[2].role"),
        ("anthropic_messages", MESSAGE, "stop", "stop_sequences"),
        ("openai_chat", CHAT, "messages[0].content[0].signature", "messages[0].reasoning_content.signature"),
        ("openai_chat", CHAT, "messages[0].content[2].cache_control", "messages[0].content[1].cache_control"),
        ("openai_chat", CHAT, "messages[0].content[3].input", "messages[0].tool_calls[0].function.arguments"),
        ("openai_chat", CHAT, "messages[1].content[0].content[0]", "messages[1].content[0]"),
    ],
)  # fmt: skip
def test_a_field_of_the_canon_is_named_as_its_caller_said_it(
    caller: Vendor, body: dict[str, Any], field: str, said: str
) -> None:
    request = read_request(caller, body)
    assert named((Drop(field, "why"),), request, caller) == (Drop(said, "why"),)


def test_the_message_of_a_fault_names_the_same_member_as_its_field() -> None:
    request = read_request("openai_responses", RESPONSE)
    with (
        pytest.raises(Fault) as caught,
        naming(request, "openai_responses"),
    ):
        raise Fault(Code.UNSUPPORTED, "messages[1].content[0]: no.", field="messages[1].content[0]")
    assert (caught.value.field, caught.value.message) == ("input[0].content", "input[0].content: no.")


def test_a_fault_without_a_field_passes_as_it_is() -> None:
    fault = Fault(Code.UPSTREAM_AWAY, "away", retry_after=2)
    with (
        pytest.raises(Fault) as caught,
        naming(read_request("openai_chat", CHAT), "openai_chat"),
    ):
        raise fault
    assert caught.value is fault
