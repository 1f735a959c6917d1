"""What a caller can say in Chat Completions."""

from __future__ import annotations

from typing import Any, Final

from tests.wire.features.shapes import MARK, PDF, PNG, SCHEMA, SHAPE, SOUND, Feature, user
from tests.wire.pairs import Json


def _chat(*messages: Json, **members: Any) -> Json:
    return {"model": "m", "messages": list(messages) or [user("hi")], **members}


def _function(name: str, **members: Any) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": SHAPE, **members}}


def _called(arguments: str = '{"a":"b"}') -> Json:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {"role": "assistant", "tool_calls": [call]}


def _part(part: Json) -> Feature:
    return "messages.0.content.1", _chat(user([{"type": "text", "text": "see"}, part]))


_F, _G = _function("f"), _function("g")
_NAMED = {"type": "function", "function": {"name": "f"}}
_TEXT = {"type": "text", "text": "r"}
_RESULT = {"role": "tool", "tool_call_id": "c", "content": "r"}
_SEARCH = {"type": "web_search", "force_search": True, "max_keyword": 3, "limit": 2}
_SEARCH |= {"user_location": {"type": "approximate", "city": "Chengdu"}}
_IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}}
_VIDEO = {
    "type": "video_url",
    "video_url": {"url": "https://example.org/v"},
    "fps": 2,
    "media_resolution": "max",
}
_FILE = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
_ASSISTANT = {"role": "assistant", "content": "so"}
_PATCH = {"type": "custom", "custom": {"name": "p", "description": "d", "format": {"type": "text"}}}
_PATCHED = {"id": "c", "type": "custom", "custom": {"name": "p", "input": "x"}}

_RULE = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "x"'}}
_GRAMMAR = {"type": "custom", "custom": {"name": "p", "format": _RULE}}
_NAMED_PATCH = {"type": "custom", "custom": {"name": "p"}}

CHAT: Final[dict[str, Feature]] = {
    "system message": ("messages.0", _chat({"role": "system", "content": "s"}, user("hi"))),
    "developer message": ("messages.0", _chat({"role": "developer", "content": "s"}, user("hi"))),
    "system message in the middle": (
        "messages.2",
        _chat(user("hi"), _ASSISTANT, {"role": "system", "content": "s"}, user("on")),
    ),
    "user after user": ("messages.1", _chat(user("hi"), user("again"))),
    "name of a speaker": ("messages.0.name", _chat(user("hi", name="ann"))),
    "cache mark on words": (
        "messages.0.content.0.cache_control",
        _chat(user([{"type": "text", "text": "a", "cache_control": MARK | {"ttl": "1h"}}])),
    ),
    "image": _part(_IMAGE),
    "image: detail": ("messages.0.content.0.image_url.detail", _chat(user([_IMAGE]))),
    "sound": _part(SOUND),
    "film": _part(_VIDEO),
    "film: fps": ("messages.0.content.0.fps", _chat(user([_VIDEO]))),
    "file": _part({"type": "file", "file": _FILE}),
    "file: name": (
        "messages.0.content.0.file.filename",
        _chat(user([{"type": "file", "file": _FILE}])),
    ),
    "file: uploaded before": _part({"type": "file", "file": {"file_id": "file-1"}}),
    "part of an unknown type": _part({"type": "hologram"}),
    "unknown member of a message": ("messages.0.traceId", _chat(user("hi", traceId="t"))),
    "prefill": ("messages.1", _chat(user("hi"), _ASSISTANT)),
    "refusal": ("messages.1.refusal", _chat(user("hi"), _ASSISTANT | {"refusal": "no"}, user("on"))),
    "sound that the model made": (
        "messages.1.audio",
        _chat(user("hi"), _ASSISTANT | {"audio": {"id": "a"}}, user("on")),
    ),
    "reasoning": (
        "messages.1.reasoning_content",
        _chat(user("hi"), _ASSISTANT | {"reasoning_content": "hm"}, user("on")),
    ),
    "tool call": ("messages.1.tool_calls", _chat(user("hi"), _called() | {"content": "so"}, tools=[_F])),
    "tool call: arguments that are no JSON": (
        "messages.1.tool_calls.0.function.arguments",
        _chat(user("hi"), _called('{"a'), _RESULT, tools=[_F]),
    ),
    "tool call of free text": (
        "messages.1.tool_calls",
        _chat(user("hi"), {"role": "assistant", "content": "so", "tool_calls": [_PATCHED]}),
    ),
    "tool result": ("messages.2", _chat(user("hi"), _called(), _RESULT, user("on"), tools=[_F])),
    "tool result: several texts": (
        "messages.2.content.1",
        _chat(user("hi"), _called(), _RESULT | {"content": [_TEXT, _TEXT]}),
    ),
    "tool result: name": ("messages.2.name", _chat(user("hi"), _called(), _RESULT | {"name": "f"})),
    "tool result: image": (
        "messages.2.content.1",
        _chat(user("hi"), _called(), _RESULT | {"content": [{"type": "text", "text": "r"}, _IMAGE]}),
    ),
    "tool": ("tools.0", _chat(tools=[_function("f", description="d")])),
    "tool: strict": ("tools.0.function.strict", _chat(tools=[_function("f", strict=True)])),
    "tool: cache mark": ("tools.0.cache_control", _chat(tools=[_F | {"cache_control": MARK}])),
    "tool of free text": ("tools.0", _chat(tools=[_PATCH])),
    "tool of free text: grammar": ("tools.0.custom.format", _chat(tools=[_GRAMMAR])),
    "tool choice: free text": ("tool_choice", _chat(tools=[_PATCH, _F], tool_choice=_NAMED_PATCH)),
    "tool of an unknown type": ("tools.0", _chat(tools=[{"type": "hologram"}])),
    "web search": ("tools.0", _chat(tools=[_SEARCH])),
    "web search: at any rate": ("tools.0.force_search", _chat(tools=[_SEARCH])),
    "web search: at any rate, and another call": (
        "tools.0.force_search",
        _chat(tools=[_SEARCH, _F], tool_choice="required"),
    ),
    "web search: limit": ("tools.0.limit", _chat(tools=[_SEARCH])),
    "web search: place": ("tools.0.user_location", _chat(tools=[_SEARCH])),
    "tool choice: none": ("tool_choice", _chat(tools=[_F], tool_choice="none")),
    "tool choice: required": ("tool_choice", _chat(tools=[_F], tool_choice="required")),
    "tool choice: one": ("tool_choice", _chat(tools=[_F, _G], tool_choice=_NAMED)),
    "tool choice: some": (
        "tool_choice",
        _chat(
            tools=[_F, _G],
            tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [_NAMED]}},
        ),
    ),
    "no parallel calls": ("parallel_tool_calls", _chat(tools=[_F], parallel_tool_calls=False)),
    "longest reply": ("max_completion_tokens", _chat(max_completion_tokens=9)),
    "temperature": ("temperature", _chat(temperature=0.5)),
    "temperature above 1": ("temperature", _chat(temperature=1.2)),
    "temperature of 2": ("temperature", _chat(temperature=2)),
    "top_p": ("top_p", _chat(top_p=0.9)),
    "top_p of 0": ("top_p", _chat(top_p=0)),
    "top_k": ("top_k", _chat(top_k=40)),
    "presence_penalty": ("presence_penalty", _chat(presence_penalty=1)),
    "frequency_penalty": ("frequency_penalty", _chat(frequency_penalty=1)),
    "seed": ("seed", _chat(seed=7)),
    "stop": ("stop", _chat(stop=["END"])),
    "thinking on": ("thinking", _chat(thinking={"type": "enabled"}, max_tokens=9000)),
    "thinking off": ("thinking", _chat(thinking={"type": "disabled"})),
    "thinking: budget": (
        "thinking.budget_tokens",
        _chat(thinking={"type": "enabled", "budget_tokens": 2000}, max_tokens=9000),
    ),
    "thinking: effort": ("reasoning_effort", _chat(reasoning_effort="high", max_tokens=9000)),
    "thinking: effort max": ("reasoning_effort", _chat(reasoning_effort="max", max_tokens=90000)),
    "any JSON": ("response_format", _chat(response_format={"type": "json_object"})),
    "JSON of a shape": (
        "response_format",
        _chat(response_format={"type": "json_schema", "json_schema": SCHEMA}),
    ),
    "log probabilities": ("logprobs", _chat(logprobs=True)),
    "log probabilities: rivals": ("top_logprobs", _chat(logprobs=True, top_logprobs=2)),
    "several replies": ("n", _chat(n=2)),
    "stream": ("stream", _chat(stream=True)),
    "counts in the stream": ("stream_options", _chat(stream=True, stream_options={"include_usage": True})),
    "user": ("user", _chat(user="u")),
    "user: 65 characters": ("user", _chat(user="u" * 65)),
    "member of the published schema": ("logit_bias", _chat(logit_bias={"5": 1})),
    "unknown member": ("repetition_penalty", _chat(repetition_penalty=1.1)),
    "member that the platform sets": ("max_tokens", _chat(max_tokens=9)),
}
