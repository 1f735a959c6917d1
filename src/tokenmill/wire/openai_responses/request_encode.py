"""Writes a request for an upstream."""

from __future__ import annotations

from typing import assert_never

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    Drop,
    FunctionTool,
    JsonObject,
    JsonSchema,
    ReplyFormat,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.checks import unsupported
from tokenmill.wire.extras import lost_extras, own_extras
from tokenmill.wire.free_text import write_format
from tokenmill.wire.offer import offer
from tokenmill.wire.openai_chat.joining import Json
from tokenmill.wire.openai_responses.items_encode import ItemWriter
from tokenmill.wire.openai_responses.request_decode import ENCRYPTED, LOGPROBS

_OUR_OWN = "the platform sets it by itself"
_NESTED = ("reasoning", "text")


def encode_request(
    request: Request, route: Route, *, stream: bool = True, origin: str | None = None
) -> tuple[bytes, tuple[Drop, ...]]:
    """The body that asks `request` of `route`, and what it does not say.

    It is stateless: nothing is to be stored, and reasoning is to come back encrypted. `origin` names the
    route as an issuer of encrypted reasoning. Raises Fault(UNSUPPORTED) for a feature, naming it; a tuning
    knob the target lacks is a Drop. When nothing was dropped, `decode_request` gives the request back but
    for this: `model` and `stream` are ours, a leading system turn of one text is said as `instructions`,
    and the tools of namespaces are plain functions.
    """
    writer = ItemWriter(route, origin)
    instructions, turns = _instructions(request.turns)
    body: Json = {"model": route.upstream_model}
    if instructions is not None:
        body["instructions"] = instructions
    body["input"] = writer.items(turns)
    body["store"] = False
    if stream:
        body["stream"] = True
    body["include"] = _included(request)
    offered = offer(request, "openai_responses", allows=True)
    writer.drops.extend(offered.drops)
    if offered.tools:
        body["tools"] = [_tool(tool, at, writer) for at, tool in offered.tools]
    body |= _tool_choice(request, writer)
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools
    if request.max_output is not None:
        body["max_output_tokens"] = request.max_output
    body |= _sampling(request.sampling, writer)
    body |= _thinking(request.thinking, route, writer)
    if request.format is not None:
        body["text"] = {"format": _format(request.format)}
    if request.logprobs is not None and request.logprobs.top:
        body["top_logprobs"] = request.logprobs.top
    if request.choices != 1:
        raise unsupported("n", f"to give {request.choices} replies at once")
    if request.user is not None:
        body["user"] = request.user
    _add_extras(request, route, body, writer)
    return msgspec.json.encode(body), tuple(writer.drops)


def _instructions(turns: tuple[Turn, ...]) -> tuple[str | None, tuple[Turn, ...]]:
    match turns:
        case (Turn(role="system", parts=(Text(text=text, cache=None),), name=None), _, *_):
            return text, turns[1:]
        case _:
            return None, turns


def _included(request: Request) -> list[str]:
    return [ENCRYPTED] if request.logprobs is None else [ENCRYPTED, LOGPROBS]


def _add_extras(request: Request, route: Route, body: Json, writer: ItemWriter) -> None:
    writer.drops.extend(lost_extras(request.extras, "openai_responses"))
    for path, value in own_extras(request.extras, "openai_responses").items():
        raw = bytes(value)
        name, _, member = path.partition(".")
        if name in _NESTED and member:
            _nest(body, name, member, raw)
        elif route.strict and not _published(path):
            writer.drop(path, "the target takes only the members it knows")
        elif path == "include" and raw.startswith(b"["):
            body["include"] = [*_included(request), *msgspec.json.decode(raw)]
        elif path in body:
            writer.drop(path, _OUR_OWN)
        else:
            body[path] = Raw(raw)


def _published(name: str) -> bool:
    return name in (
        "include", "max_tool_calls", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "safety_identifier", "service_tier", "truncation",
    )  # fmt: skip


def _nest(body: Json, name: str, member: str, raw: bytes) -> None:
    outer = body.setdefault(name, {})
    assert isinstance(outer, dict)  # We write no `reasoning` and no `text` of another kind.
    outer.setdefault(member, Raw(raw))


def _sampling(sampling: Sampling, writer: ItemWriter) -> Json:
    for name in ("top_k", "presence_penalty", "frequency_penalty", "seed", "stop"):
        if getattr(sampling, name) not in (None, ()):
            writer.drop(name, "this wire has no such knob")
    members = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return {name: value for name, value in members.items() if value is not None}


def _thinking(thinking: Thinking, route: Route, writer: ItemWriter) -> Json:
    if thinking == Thinking():
        return {}
    if route.thinking_switch == "none":
        if thinking.on is not False:
            writer.drop("thinking", "the target's thinking cannot be switched")
        return {}
    if thinking.budget is not None:
        writer.drop("thinking.budget_tokens", "this wire knows degrees of effort only")
    if thinking.on is False:
        return {"reasoning": {"effort": "none"}}
    if thinking.effort is None and thinking.on:
        writer.drop("thinking.type", "said as reasoning.effort 'medium', the only switch of this wire")
    return {"reasoning": {"effort": thinking.effort or "medium"}}


def _format(format_: ReplyFormat) -> Json:
    match format_:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema(name=name, schema=schema, description=description, strict=strict):
            members: Json = {"type": "json_schema", "name": name, "schema": Raw(schema)}
            if description is not None:
                members["description"] = description
            if strict is not None:
                members["strict"] = strict
            return members
        case _:
            assert_never(format_)


def _tool(tool: Tool, at: str, writer: ItemWriter) -> object:
    match tool:
        case FunctionTool():
            if tool.cache is not None:
                writer.drop(f"{at}.cache_control", "this wire carries no cache marks upstream")
            function: Json = {"type": "function", "name": tool.name}
            if tool.description is not None:
                function["description"] = tool.description
            function["parameters"] = None if tool.parameters is None else Raw(tool.parameters)
            function["strict"] = tool.strict
            writer.drops.extend(lost_extras(tool.extras, "openai_responses", at))
            return function | ({"defer_loading": True} if tool.deferred else {})
        case CustomTool(name=name, description=description):
            custom: Json = {"type": "custom", "name": name}
            if description is not None:
                custom["description"] = description
            shape = write_format(tool, nested=False)
            return custom | ({} if shape is None else {"format": shape})
        case WebSearchTool(location=location):
            for knob in ("max_keyword", "limit"):
                if getattr(tool, knob) is not None:
                    writer.drop(f"{at}.{knob}", "the target searches in its own way")
            writer.drops.extend(lost_extras(tool.extras, "openai_responses", at))
            place: Json = {} if location is None else {"user_location": Raw(location)}
            return {"type": "web_search"} | place | own_extras(tool.extras, "openai_responses")
        case UnknownTool(raw=raw):
            return Raw(raw)
        case _:
            assert_never(tool)


def _tool_choice(request: Request, writer: ItemWriter) -> Json:
    custom = {tool.name for tool in request.tools if isinstance(tool, CustomTool)}
    forced = any(isinstance(tool, WebSearchTool) and tool.force for tool in request.tools)
    if forced and request.tool_choice == ChooseFreely():
        return {"tool_choice": {"type": "web_search"}}
    if forced:
        writer.drop("tools.force_search", "the target is told to call another tool")
    choice = _choice(request.tool_choice, custom)
    return {} if choice is None else {"tool_choice": choice}


def _choice(choice: ToolChoice, custom: set[str]) -> object:
    def named(name: str) -> Json:
        return {"type": "custom" if name in custom else "function", "name": name}

    match choice:
        case ChooseFreely():
            return None
        case ChooseNone():
            return "none"
        case ChooseAny():
            return "required"
        case ChooseOne(name=name):
            return named(name)
        case ChooseFrom(names=names, required=required):
            mode = "required" if required else "auto"
            return {"type": "allowed_tools", "mode": mode, "tools": [named(name) for name in names]}
        case _:
            assert_never(choice)
