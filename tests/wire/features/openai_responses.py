"""What a caller can say in Responses."""

from __future__ import annotations

from typing import Any, Final

from tests.wire.features.shapes import PDF, PNG, SCHEMA, SHAPE, SOUND, Feature, user
from tests.wire.pairs import Json


def _responses(*items: Json, **members: Any) -> Json:
    return {"model": "m", "input": list(items) or "hi", **members}


def _input(part: Json) -> Feature:
    return "input.0.content.1", _responses(user([{"type": "input_text", "text": "see"}, part]))


_RF = {"type": "function", "name": "f", "parameters": SHAPE}
_RG = {"type": "function", "name": "g", "parameters": SHAPE}
_CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":"b"}'}
_OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "r"}
_INPUT_IMAGE = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"}
_INPUT_FILE = {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}
_SPACE = {"type": "namespace", "name": "n", "description": "d", "tools": [_RF, _RG]}
_NOTE = {"type": "url_citation", "url": "https://example.org", "title": "E", "start_index": 0, "end_index": 1}
_SAID = {"role": "assistant", "content": [{"type": "output_text", "text": "so", "annotations": [_NOTE]}]}
_SEALED_ITEM = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
_WORDS_ITEM = {
    "type": "reasoning",
    "id": "r",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "hm"}],
}
_TEXT_FORMAT = {"format": {"type": "json_schema", **SCHEMA}}

_GRAMMAR = {
    "type": "custom",
    "name": "p",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'},
}

RESPONSES: Final[dict[str, Feature]] = {
    "instructions": ("instructions", _responses(instructions="s")),
    "developer message": ("input.0", _responses({"role": "developer", "content": "s"}, user("hi"))),
    "cache mark on words": (
        "input.0.content.0.prompt_cache_breakpoint",
        _responses(user([{"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"ttl": "1h"}}])),
    ),
    "image": _input(_INPUT_IMAGE),
    "image: detail": ("input.0.content.0.detail", _responses(user([_INPUT_IMAGE]))),
    "image: uploaded before": _input({"type": "input_image", "file_id": "file-1"}),
    "sound": _input(SOUND),
    "file": _input(_INPUT_FILE),
    "file: detail": ("input.0.content.0.detail", _responses(user([_INPUT_FILE | {"detail": "low"}]))),
    "part of an unknown type": _input({"type": "input_hologram"}),
    "item of an unknown type": ("input.1", _responses(user("hi"), {"type": "local_shell_call"})),
    "id and status of an item": ("input.1.status", _responses(user("hi"), _CALL | {"status": "completed"})),
    "refusal": (
        "input.1.content.1",
        _responses(
            user("hi"), {**_SAID, "content": [_SAID["content"][0], {"type": "refusal", "refusal": "n"}]}
        ),
    ),
    "sources": ("input.1.content.0.annotations", _responses(user("hi"), _SAID, user("on"))),
    "reasoning in words": ("input.1", _responses(user("hi"), _WORDS_ITEM, _CALL, _OUTPUT)),
    "reasoning sealed by the target": (
        "input.1.encrypted_content",
        _responses(user("hi"), _SEALED_ITEM | {"encrypted_content": "sealed:S"}, _CALL, _OUTPUT),
    ),
    "reasoning sealed elsewhere": (
        "input.1.encrypted_content",
        _responses(user("hi"), _SEALED_ITEM | {"encrypted_content": "gAAA"}, _CALL, _OUTPUT),
    ),
    "tool call": ("input.1", _responses(user("hi"), _CALL)),
    "tool call of free text": (
        "input.1",
        _responses(user("hi"), {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x"}),
    ),
    "call of the platform's search": (
        "input.1",
        _responses(user("hi"), {"type": "web_search_call", "id": "ws", "action": {"type": "search"}}, _SAID),
    ),
    "tool result": ("input.2", _responses(user("hi"), _CALL, _OUTPUT, user("on"))),
    "tool result: image": (
        "input.2.output.1",
        _responses(
            user("hi"), _CALL, _OUTPUT | {"output": [{"type": "input_text", "text": "r"}, _INPUT_IMAGE]}
        ),
    ),
    "tool": ("tools.0", _responses(tools=[_RF])),
    "tool: deferred": ("tools.0.defer_loading", _responses(tools=[_RF | {"defer_loading": True}])),
    "tools of a namespace": ("tools.0", _responses(tools=[_SPACE])),
    "tool of free text": ("tools.0", _responses(tools=[{"type": "custom", "name": "p", "description": "d"}])),
    "tool of free text: grammar": ("tools.0.format", _responses(tools=[_GRAMMAR])),
    "tool of an unknown type, demanded": (
        "tool_choice",
        _responses(tools=[{"type": "image_generation"}], tool_choice={"type": "image_generation"}),
    ),
    "tool of an unknown type in a namespace's company": (
        "tools.1",
        _responses(tools=[_SPACE, {"type": "file_search"}]),
    ),
    "tool of an unknown type": ("tools.0", _responses(tools=[{"type": "local_shell"}])),
    "web search": ("tools.0", _responses(tools=[{"type": "web_search"}])),
    "web search: fences": (
        "tools.0.filters",
        _responses(tools=[{"type": "web_search", "filters": {"allowed_domains": ["example.org"]}}]),
    ),
    "web search: from its index only": (
        "tools.0.external_web_access",
        _responses(tools=[{"type": "web_search", "external_web_access": False}]),
    ),
    "web search: size": (
        "tools.0.search_context_size",
        _responses(tools=[{"type": "web_search", "search_context_size": "high"}]),
    ),
    "tool choice: the search": (
        "tool_choice",
        _responses(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"}),
    ),
    "tool choice: one": (
        "tool_choice",
        _responses(tools=[_RF], tool_choice={"type": "function", "name": "f"}),
    ),
    "tool choice: some": (
        "tool_choice",
        _responses(
            tools=[_RF, _RG],
            tool_choice={
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            },
        ),
    ),
    "no parallel calls": ("parallel_tool_calls", _responses(tools=[_RF], parallel_tool_calls=False)),
    "longest reply": ("max_output_tokens", _responses(max_output_tokens=9)),
    "temperature": ("temperature", _responses(temperature=0.5)),
    "thinking: effort": (
        "reasoning.effort",
        _responses(reasoning={"effort": "high"}, max_output_tokens=9000),
    ),
    "thinking off": ("reasoning.effort", _responses(reasoning={"effort": "none"})),
    "thinking: summary": ("reasoning.summary", _responses(reasoning={"summary": "auto"})),
    "any JSON": ("text.format", _responses(text={"format": {"type": "json_object"}})),
    "JSON of a shape": ("text.format", _responses(text=_TEXT_FORMAT)),
    "verbosity": ("text.verbosity", _responses(text={"verbosity": "low"})),
    "log probabilities": ("top_logprobs", _responses(top_logprobs=2)),
    "encrypted reasoning wanted": ("include", _responses(include=["reasoning.encrypted_content"])),
    "something else included": ("include", _responses(include=["web_search_call.action.sources"])),
    "store": ("store", _responses(store=False)),
    "metadata": ("metadata", _responses(metadata={"k": "v"})),
    "truncation": ("truncation", _responses(truncation="auto")),
    "background": ("background", _responses(background=True)),
    "conversation": ("conversation", _responses(conversation="conv_1")),
    "prompt template": ("prompt", _responses(prompt={"id": "p"})),
    "user": ("user", _responses(user="u")),
    "prefill": ("input.1", _responses(user("hi"), {"role": "assistant", "content": "so"})),
    "unknown member": ("prompt_cache_key", _responses(prompt_cache_key="k")),
}
