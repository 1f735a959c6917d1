"""What a caller can say in Messages."""

from __future__ import annotations

from typing import Any, Final

from tests.wire.features.shapes import MARK, PDF, PNG, SHAPE, Feature, user
from tests.wire.pairs import Json


def _messages(*messages: Json, **members: Any) -> Json:
    return {"model": "m", "max_tokens": 9000, "messages": list(messages) or [user("hi")], **members}


def _block(block: Json) -> Feature:
    return "messages.0.content.1", _messages(user([{"type": "text", "text": "see"}, block]))


def _answer(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def _base64(kind: str, type_: str, data: str) -> Json:
    return {"type": kind, "source": {"type": "base64", "media_type": type_, "data": data}}


_TF = {"name": "f", "description": "d", "input_schema": SHAPE}
_TG = {"name": "g", "input_schema": SHAPE}
_USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": "b"}}
_USED = {"type": "tool_result", "tool_use_id": "t", "content": "r"}
_THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sealed:S"}
_SO = {"type": "text", "text": "so"}
_PAPER = _base64("document", "application/pdf", PDF) | {
    "title": "a.pdf",
    "context": "old",
    "citations": {"enabled": True},
}
_RAN = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
_FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
_HIT = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}
_QUOTE = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 1,
}
_WEB = {
    "type": "web_search_20250305",
    "name": "web_search",
    "max_uses": 3,
    "user_location": {"type": "approximate"},
}

_SEALED_SOURCE = {
    "type": "web_search_result_location",
    "url": "https://example.org",
    "title": "E",
    "cited_text": "x",
    "encrypted_index": "i",
}

MESSAGES: Final[dict[str, Feature]] = {
    "system": ("system", _messages(system="s")),
    "system: billing header of Claude Code": (
        "system.0",
        _messages(
            system=[{"type": "text", "text": "x-anthropic-billing-header: v"}, {"type": "text", "text": "s"}]
        ),
    ),
    "system: cache mark": (
        "system.0.cache_control",
        _messages(system=[{"type": "text", "text": "s", "cache_control": MARK}]),
    ),
    "system message in the middle": (
        "messages.1",
        _messages(user("hi"), {"role": "system", "content": "s"}),
    ),
    "user after user": ("messages.1", _messages(user("hi"), user("again"))),
    "image": _block(_base64("image", "image/png", PNG)),
    "image: transformations": (
        "messages.0.content.0.transformations",
        _messages(user([_base64("image", "image/png", PNG) | {"transformations": {"resize": "fit"}}])),
    ),
    "image: cache mark": (
        "messages.0.content.0.cache_control",
        _messages(user([_base64("image", "image/png", PNG) | {"cache_control": MARK}])),
    ),
    "image: uploaded before": _block({"type": "image", "source": {"type": "file", "file_id": "file_1"}}),
    "document": _block(_base64("document", "application/pdf", PDF)),
    "document: title": ("messages.0.content.0.title", _messages(user([_PAPER]))),
    "document: context": ("messages.0.content.0.context", _messages(user([_PAPER]))),
    "document: to be cited": ("messages.0.content.0.citations", _messages(user([_PAPER]))),
    "document of plain text": _block(
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    ),
    "search result": _block(_HIT),
    "block of an unknown type": _block({"type": "container_upload", "file_id": "f"}),
    "prefill": ("messages.1", _messages(user("hi"), _answer(_SO))),
    "thinking signed by the target": (
        "messages.1.content.0",
        _messages(user("hi"), _answer(_THOUGHT, _SO), user("on")),
    ),
    "thinking signed elsewhere": (
        "messages.1.content.0",
        _messages(user("hi"), _answer(_THOUGHT | {"signature": "x"}, _SO), user("on")),
    ),
    "thinking without a signature": (
        "messages.1.content.0",
        _messages(user("hi"), _answer(_THOUGHT | {"signature": ""}, _SO), user("on")),
    ),
    "redacted thinking": (
        "messages.1.content.0",
        _messages(user("hi"), _answer({"type": "redacted_thinking", "data": "sealed:R"}, _SO), user("on")),
    ),
    "source that the target sealed": (
        "messages.1.content.0.citations",
        _messages(user("hi"), _answer(_SO | {"citations": [_SEALED_SOURCE]}), user("on")),
    ),
    "sources": (
        "messages.1.content.0.citations",
        _messages(user("hi"), _answer(_SO | {"citations": [_QUOTE]}), user("on")),
    ),
    "tool call": ("messages.1.content.1", _messages(user("hi"), _answer(_SO, _USE), tools=[_TF])),
    "tool call: cache mark": (
        "messages.1.content.0.cache_control",
        _messages(user("hi"), _answer(_USE | {"cache_control": MARK}), user([_USED])),
    ),
    "tool result": ("messages.2.content.0", _messages(user("hi"), _answer(_USE), user([_USED, _SO]))),
    "tool result: error": (
        "messages.2.content.0.is_error",
        _messages(user("hi"), _answer(_USE), user([_USED | {"is_error": True}])),
    ),
    "tool result: cache mark": (
        "messages.2.content.0.cache_control",
        _messages(user("hi"), _answer(_USE), user([_USED | {"cache_control": MARK}])),
    ),
    "tool result: image": (
        "messages.2.content.0.content.1",
        _messages(
            user("hi"),
            _answer(_USE),
            user([_USED | {"content": [_SO, _base64("image", "image/png", PNG)]}]),
        ),
    ),
    "tool result: reference to a tool": (
        "messages.2.content.0.content.1",
        _messages(
            user("hi"),
            _answer(_USE),
            user([_USED | {"content": [_SO, {"type": "tool_reference", "tool_name": "f"}]}]),
        ),
    ),
    "call of the platform's search": (
        "messages.1.content.0",
        _messages(user("hi"), _answer(_RAN, _FOUND, _SO), user("on")),
    ),
    "result of the platform's search": (
        "messages.1.content.1",
        _messages(user("hi"), _answer(_RAN, _FOUND, _SO), user("on")),
    ),
    "tool": ("tools.0", _messages(tools=[_TF])),
    "tool: strict": ("tools.0.strict", _messages(tools=[_TF | {"strict": True}])),
    "tool: deferred": ("tools.0.defer_loading", _messages(tools=[_TF | {"defer_loading": True}])),
    "tool: cache mark": ("tools.0.cache_control", _messages(tools=[_TF | {"cache_control": MARK}])),
    "tool: examples": ("tools.0.input_examples", _messages(tools=[_TF | {"input_examples": [{}]}])),
    "tool of an unknown type": ("tools.0", _messages(tools=[{"type": "bash_20250124", "name": "bash"}])),
    "tool of an unknown type, demanded": (
        "tool_choice",
        _messages(
            tools=[{"type": "bash_20250124", "name": "bash"}, _TF],
            tool_choice={"type": "tool", "name": "bash"},
        ),
    ),
    "web search": ("tools.0", _messages(tools=[_WEB])),
    "web search: cache mark": ("tools.0.cache_control", _messages(tools=[_WEB | {"cache_control": MARK}])),
    "web search: most uses": ("tools.0.max_uses", _messages(tools=[_WEB])),
    "web search: place": ("tools.0.user_location", _messages(tools=[_WEB])),
    "web search: fences": (
        "tools.0.allowed_domains",
        _messages(tools=[_WEB | {"allowed_domains": ["example.org"]}]),
    ),
    "tool choice: none": ("tool_choice", _messages(tools=[_TF], tool_choice={"type": "none"})),
    "tool choice: any": ("tool_choice", _messages(tools=[_TF], tool_choice={"type": "any"})),
    "tool choice: one": (
        "tool_choice",
        _messages(tools=[_TF, _TG], tool_choice={"type": "tool", "name": "f"}),
    ),
    "no parallel calls": (
        "tool_choice.disable_parallel_tool_use",
        _messages(tools=[_TF], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    "longest reply": ("max_tokens", _messages()),
    "temperature": ("temperature", _messages(temperature=0.5)),
    "temperature above 1": ("temperature", _messages(temperature=2)),
    "top_p": ("top_p", _messages(top_p=0.9)),
    "top_p of 0": ("top_p", _messages(top_p=0)),
    "top_k": ("top_k", _messages(top_k=40)),
    "stop": ("stop_sequences", _messages(stop_sequences=["END"])),
    "stop: five": ("stop_sequences.4", _messages(stop_sequences=["a", "b", "c", "d", "e"])),
    "thinking on": ("thinking", _messages(thinking={"type": "adaptive"})),
    "thinking off": ("thinking", _messages(thinking={"type": "disabled"})),
    "thinking: budget": (
        "thinking.budget_tokens",
        _messages(thinking={"type": "enabled", "budget_tokens": 2000}),
    ),
    "thinking: display": (
        "thinking.display",
        _messages(thinking={"type": "enabled", "budget_tokens": 2000, "display": "omitted"}),
    ),
    "thinking: effort": ("output_config.effort", _messages(output_config={"effort": "high"})),
    "JSON of a shape": (
        "output_config.format",
        _messages(output_config={"format": {"type": "json_schema", "schema": SHAPE}}),
    ),
    "stream": ("stream", _messages(stream=True)),
    "user": ("metadata.user_id", _messages(metadata={"user_id": "u"})),
    "user: 65 characters": ("metadata.user_id", _messages(metadata={"user_id": "u" * 65})),
    "member of the published schema": ("service_tier", _messages(service_tier="auto")),
    "unknown member": ("context_management", _messages(context_management={"edits": []})),
}
