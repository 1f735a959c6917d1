"""Writes a request for an upstream."""

from __future__ import annotations

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
    FunctionTool,
    JsonObject,
    JsonSchema,
    Request,
    Sampling,
    Tool,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.facts import write_mark
from tokenmill.wire.anthropic_messages.media import Json, unsupported
from tokenmill.wire.anthropic_messages.thinking import encode_thinking
from tokenmill.wire.anthropic_messages.turns_encode import TurnWriter

DEFAULT_OUTPUT = 8192
"""Tokens; the wire demands a limit, and this one every model still served takes."""

_STRICT = "the target takes only the members it knows"
_PUBLISHED = frozenset(
    {
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "service_tier",
        "speed",
        "thinking.display",
    }
)
"""Members that the canon has no word for and that the vendor's schema has without any beta."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def encode_request(
    request: Request,
    route: Route,
    *,
    origin: str | None = None,
    default_output: int = DEFAULT_OUTPUT,
    system_in_place: bool = False,
    stream: bool = True,
) -> tuple[bytes, tuple[Drop, ...]]:
    """The body that asks `request` of `route`, and what it does not say.

    `origin` names the issuer of the signatures that the target checks, None for a target that checks none;
    reasoning goes back as `TurnWriter` says. `default_output` stands where the caller set no limit.
    `system_in_place` is for models that take `role: system` inside the conversation. Raises
    Fault(UNSUPPORTED) for a feature, naming it; a tuning knob that the wire lacks is a Drop.

    When nothing was dropped, `decode_request` gives the request back but for this: `model` is the
    upstream's, `stream` and `include_usage` are ours, `max_tokens` is always there, neighbours of one role
    are one turn with results first, empty texts are gone, arguments that said nothing are `{}`, a refusal is
    text, and a reply's schema has no name.
    """
    writer = TurnWriter(route, origin, system_in_place=system_in_place)
    messages = writer.messages(request.turns)
    most = request.max_output or default_output
    body: Json = {"model": route.upstream_model, "max_tokens": most}
    if writer.system:
        body["system"] = writer.system
    body["messages"] = messages
    if stream:
        body["stream"] = True
    _refuse_features(request)
    body |= _tools(request, writer)
    thinking = encode_thinking(request, route, writer, max_tokens=most, signing=origin is not None)
    tied = origin is not None and thinking.get("thinking") not in (None, {"type": "disabled"})
    body |= _sampling(request.sampling, route, writer, tied=tied)
    body |= thinking
    body |= _format(request, writer, thinking)
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    _add_extras(request, route, body, writer)
    return msgspec.json.encode(body), tuple(writer.drops)


def _refuse_features(request: Request) -> None:
    if request.logprobs is not None:
        raise unsupported("logprobs", "to report log probabilities")
    if request.choices != 1:
        raise unsupported("n", "to write several replies at once")
    if isinstance(request.format, JsonObject):
        raise unsupported("response_format", "to reply with any JSON object; a json_schema it can be told")


def _sampling(sampling: Sampling, route: Route, writer: TurnWriter, *, tied: bool) -> Json:
    """The knobs; a target that ties them while it thinks hears only what it takes then."""
    for name in ("presence_penalty", "frequency_penalty", "seed"):
        if getattr(sampling, name) is not None:
            writer.drop(name, "this wire has no such knob")
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    if route.strict and temperature is not None and temperature > 1:
        writer.drop("temperature", "said as 1, the most that the target takes")
        temperature = 1.0
    if tied:
        why = "the target does not take it while it thinks"
        if temperature not in (None, 1):
            writer.drop("temperature", why)
            temperature = None
        if top_p is not None and top_p < 0.95:
            writer.drop("top_p", why)
            top_p = None
        if top_k is not None:
            writer.drop("top_k", why)
            top_k = None
    members: Json = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "stop_sequences": list(sampling.stop) or None,
    }
    return _said(members)


def _format(request: Request, writer: TurnWriter, before: Json) -> Json:
    match request.format:
        case JsonSchema(schema=schema, description=description, strict=strict):
            if description is not None:
                writer.drop("response_format.json_schema.description", "this wire has no place for it")
            if strict is False:
                writer.drop("response_format.json_schema.strict", "this wire always keeps to the schema")
            wish = {"format": {"type": "json_schema", "schema": Raw(schema)}}
            config = before.get("output_config")
            return {"output_config": (config if isinstance(config, dict) else {}) | wish}
        case _:
            return {}


def _add_extras(request: Request, route: Route, body: Json, writer: TurnWriter) -> None:
    if request.extras is None:
        return
    for path, raw in request.extras.fields:
        name, _, inner = path.partition(".")
        holder = body.get(name)
        if request.extras.vendor != "anthropic_messages":
            writer.drop(path, "only the protocol it came from knows it")
        elif route.strict and path not in _PUBLISHED:
            writer.drop(path, _STRICT)
        elif not inner and name not in body:
            body[name] = Raw(raw)
        elif inner and name != "thinking":
            body[name] = (holder if isinstance(holder, dict) else {}) | {inner: Raw(raw)}
        elif inner and isinstance(holder, dict) and holder["type"] != "disabled":
            holder[inner] = Raw(raw)
        else:
            writer.drop(path, "the platform sets it by itself")


def _tools(request: Request, writer: TurnWriter) -> Json:
    choice = request.tool_choice
    tools = [(f"tools[{i}]", tool) for i, tool in enumerate(request.tools)]
    if isinstance(choice, ChooseFrom):
        # The wire cannot allow some tools of many, but it can offer no more than those.
        allowed = [(at, tool) for at, tool in tools if getattr(tool, "name", None) in choice.names]
        for at, tool in tools:
            if (at, tool) not in allowed:
                writer.drop(at, "not offered, as the caller does not allow it and the wire cannot say so")
        tools = allowed
    searches = [at for at, tool in tools if isinstance(tool, WebSearchTool)]
    for at in searches[1:]:
        writer.drop(at, "the wire has one search to a request")
    if searches and any(isinstance(tool, FunctionTool) and tool.name == "web_search" for _, tool in tools):
        raise unsupported(searches[0], "to search beside a tool of the name 'web_search'")
    tools = [(at, tool) for at, tool in tools if at not in searches[1:]]
    if not tools:
        return {}
    members: Json = {"tools": [_tool(tool, at, writer) for at, tool in tools]}
    match choice:
        case ChooseFreely():
            wish: Json = {"type": "auto"}
        case ChooseNone():
            return members | {"tool_choice": {"type": "none"}}
        case ChooseAny():
            wish = {"type": "any"}
        case ChooseFrom(required=required):
            wish = {"type": "any" if required else "auto"}
        case ChooseOne(name=name):
            wish = {"type": "tool", "name": name}
        case _:
            assert_never(choice)
    if request.parallel_tools is False:
        wish["disable_parallel_tool_use"] = True
    return members if wish == {"type": "auto"} else members | {"tool_choice": wish}


def _tool(tool: Tool, at: str, writer: TurnWriter) -> object:
    match tool:
        case FunctionTool():
            members: Json = {
                "name": tool.name,
                "description": tool.description,
                "input_schema": _schema(tool.parameters),
                "strict": tool.strict,
                "defer_loading": True if tool.deferred else None,
            }
            return _said(members) | write_mark(tool.cache)
        case WebSearchTool():
            for name, wish in (("force_search", tool.force), ("limit", tool.limit)):
                if wish:
                    writer.drop(f"{at}.{name}", "the target's own search has no such knob")
            place = None if tool.location is None else Raw(tool.location)
            search: Json = {"type": "web_search_20250305", "name": "web_search", "max_uses": tool.max_keyword}
            return _said(search | {"user_location": place})
        case CustomTool():
            raise unsupported(at, "a tool that takes free text")
        case UnknownTool(vendor="anthropic_messages", raw=raw):
            return Raw(raw)
        case UnknownTool(type=type_):
            raise unsupported(at, f"a tool of type {type_!r}")
        case _:
            assert_never(tool)


def _schema(parameters: bytes | None) -> Raw:
    """The schema as it was written, but for its type: the wire demands that it says `object`."""
    if parameters is None:
        return Raw(b'{"type":"object"}')
    members = _MEMBERS.decode(parameters)
    if "type" in members:
        return Raw(parameters)
    return Raw(msgspec.json.encode({"type": "object", **members}))


def _said(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}
