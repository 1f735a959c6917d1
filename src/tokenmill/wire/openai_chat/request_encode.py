"""Writes a request for an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    Drop,
    Effort,
    FunctionTool,
    JsonObject,
    JsonSchema,
    ReplyFormat,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.openai_chat.joining import Json
from tokenmill.wire.openai_chat.turns_encode import TurnWriter, unsupported

DEGREES: Mapping[Effort, Effort] = {"minimal": "low", "xhigh": "high", "max": "high"}
"""What goes for the efforts beside low, medium and high, which MiMo's own servers answer with 400."""

_STRICT = "the target takes only the members it knows"
_MOST_STOPS = 4  # OpenAI's limit; most other servers have none.


def encode_request(
    request: Request, route: Route, *, stream: bool = True, ask_usage: bool = True
) -> tuple[bytes, tuple[Drop, ...]]:
    """The body that asks `request` of `route`, and what it does not say.

    `ask_usage` False is for servers that refuse `stream_options`, which asks for the counts of a stream.
    Raises Fault(UNSUPPORTED) for a feature, naming it; a tuning knob the target lacks is a Drop.
    When nothing was dropped and the target is switched by `thinking`, `decode_request` gives the request
    back but for this: `model` is the upstream's, `stream` and `include_usage` are ours, an empty text
    beside other parts of an assistant is gone, its parts stand in the order reasoning, content, audio,
    tool calls with the reasoning in one piece, each tool result is a turn of its own, and a target
    that is not strict hears `system` for `developer`.
    """
    writer = TurnWriter(route)
    body: Json = {"model": route.upstream_model, "messages": writer.messages(request.turns)}
    if stream:
        body["stream"] = True
        if ask_usage and not route.strict:
            body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_tool(tool, f"tools[{i}]", writer) for i, tool in enumerate(request.tools)]
        custom = {tool.name for tool in request.tools if isinstance(tool, CustomTool)}
        body |= _tool_choice(request.tool_choice, custom)
        if request.parallel_tools is not None:
            body["parallel_tool_calls"] = request.parallel_tools
    if request.max_output is not None:
        body["max_completion_tokens" if route.strict else "max_tokens"] = request.max_output
    body |= _sampling(request.sampling, route, writer)
    body |= _thinking(request.thinking, route, writer)
    if request.format is not None:
        body["response_format"] = _format(request.format)
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs.top:
            body["top_logprobs"] = request.logprobs.top
    if request.choices != 1:
        body["n"] = request.choices
    if request.user is not None:
        body["user"] = request.user
    _add_extras(request, route, body, writer)
    return msgspec.json.encode(body), tuple(writer.drops)


def _add_extras(request: Request, route: Route, body: Json, writer: TurnWriter) -> None:
    if request.extras is None:
        return
    for name, _ in request.extras.headers:
        writer.drop(name, "only the protocol it came from knows it")
    for name, raw in request.extras.fields:
        if request.extras.vendor != "openai_chat":
            writer.drop(name, "only the protocol it came from knows it")
        elif route.strict:
            writer.drop(name, _STRICT)
        elif name == "chat_template_kwargs" and name in body:
            body[name] = _merged(raw, body[name])
        elif name in body:
            writer.drop(name, "the platform sets it by itself")
        else:
            body[name] = Raw(raw)


def _merged(raw: bytes, ours: object) -> object:
    """The caller's template arguments with ours among them; ours win, as they come from `thinking`."""
    assert isinstance(ours, dict)  # `_thinking` wrote it.
    if not raw.startswith(b"{"):
        return ours
    return msgspec.json.decode(raw, type=dict[str, Raw]) | ours


def _sampling(sampling: Sampling, route: Route, writer: TurnWriter) -> Json:
    members: Json = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    if route.strict and len(sampling.stop) > _MOST_STOPS:
        raise unsupported("stop", f"more than {_MOST_STOPS} texts to stop at")
    if sampling.top_k is not None and route.strict:
        writer.drop("top_k", _STRICT)
    else:
        members["top_k"] = sampling.top_k
    return {name: value for name, value in members.items() if value is not None}


def _thinking(thinking: Thinking, route: Route, writer: TurnWriter) -> Json:
    if thinking == Thinking():
        return {}
    match route.thinking_switch:
        case "thinking":
            return _by_thinking(thinking, route, writer)
        case "enable_thinking":
            if thinking.effort is not None:
                writer.drop("reasoning_effort", "the target can only switch thinking on and off")
            if thinking.budget is not None:
                writer.drop("thinking.budget_tokens", "the target can only switch thinking on and off")
            on = thinking.on if thinking.on is not None else True
            return {"chat_template_kwargs": {"enable_thinking": on}}
        case "reasoning_effort":
            if thinking.budget is not None:
                writer.drop("thinking.budget_tokens", "the target knows degrees of effort only")
            if thinking.on is False:
                return {"reasoning_effort": "none"}
            if thinking.effort is None and thinking.on:
                writer.drop(
                    "thinking.type", "said as reasoning_effort 'medium', the only switch of the target"
                )
            return {"reasoning_effort": thinking.effort or "medium"}
        case "none":
            if thinking.on is not False:
                writer.drop("thinking", "the target's thinking cannot be switched")
            return {}
        case _:
            assert_never(route.thinking_switch)


def _by_thinking(thinking: Thinking, route: Route, writer: TurnWriter) -> Json:
    members: Json = {}
    if thinking.on is not None or thinking.budget is not None:
        switch: Json = {"type": "disabled" if thinking.on is False else "enabled"}
        if thinking.budget is not None and route.strict:
            writer.drop("thinking.budget_tokens", _STRICT)
        elif thinking.budget is not None:
            switch["budget_tokens"] = thinking.budget
        members["thinking"] = switch
    if thinking.effort is not None:
        degree = DEGREES.get(thinking.effort, thinking.effort)
        members["reasoning_effort"] = degree
        if degree != thinking.effort:
            writer.drop("reasoning_effort", f"said as {degree!r}: the target refuses {thinking.effort!r}")
    return members


def _format(format_: ReplyFormat) -> Json:
    match format_:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema(name=name, schema=schema, description=description, strict=strict):
            members: Json = {"name": name, "schema": Raw(schema)}
            if description is not None:
                members["description"] = description
            if strict is not None:
                members["strict"] = strict
            return {"type": "json_schema", "json_schema": members}
        case _:
            assert_never(format_)


def _tool(tool: Tool, at: str, writer: TurnWriter) -> object:
    match tool:
        case FunctionTool():
            if tool.cache is not None:
                writer.drop(f"{at}.cache_control", "this wire carries no cache marks")
            if tool.deferred:
                writer.drop(f"{at}.defer_loading", "this wire loads every tool at once")
            function: Json = {
                "name": tool.name,
                "description": tool.description,
                "parameters": None if tool.parameters is None else Raw(tool.parameters),
                "strict": tool.strict,
            }
            return {"type": "function", "function": _said(function)}
        case CustomTool(name=name, description=description, format=format_):
            shape = None if format_ is None else Raw(format_)
            return {
                "type": "custom",
                "custom": _said({"name": name, "description": description, "format": shape}),
            }
        case WebSearchTool():
            search: Json = {
                "type": "web_search",
                "force_search": tool.force,
                "max_keyword": tool.max_keyword,
                "limit": tool.limit,
                "user_location": None if tool.location is None else Raw(tool.location),
            }
            return _said(search)
        case UnknownTool(vendor="openai_chat", raw=raw):
            return Raw(raw)
        case UnknownTool(type=type_):
            raise unsupported(at, f"a tool of type {type_!r}")
        case _:
            assert_never(tool)


def _said(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def _tool_choice(choice: ToolChoice, custom: set[str]) -> Json:
    def named(name: str) -> Json:
        kind = "custom" if name in custom else "function"
        return {"type": kind, kind: {"name": name}}

    match choice:
        case ChooseFreely():
            return {}
        case ChooseNone():
            return {"tool_choice": "none"}
        case ChooseAny():
            return {"tool_choice": "required"}
        case ChooseOne(name=name):
            return {"tool_choice": named(name)}
        case ChooseFrom(names=names, required=required):
            mode = "required" if required else "auto"
            allowed = {"mode": mode, "tools": [named(name) for name in names]}
            return {"tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}
        case _:
            assert_never(choice)
