"""Writes tools for an upstream, and which of them it is to call."""

from __future__ import annotations

from typing import Final, assert_never

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    Extras,
    FunctionTool,
    Request,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.facts import write_mark
from tokenmill.wire.anthropic_messages.media import Json
from tokenmill.wire.anthropic_messages.turns_encode import TurnWriter
from tokenmill.wire.checks import unsupported
from tokenmill.wire.extras import lost_extras, own_extras
from tokenmill.wire.free_text import NOT_ENFORCED, as_function, grammar_of
from tokenmill.wire.offer import offer

STRICT: Final = "the target takes only the members it knows"

_MESSAGES: Final = "anthropic_messages"
_SEARCH: Final = "web_search"
_PUBLISHED: Final = frozenset({"allowed_callers", "cache_control", "eager_input_streaming", "input_examples"})
"""Members of tools that the canon has no word for and that the vendor's schema has without any beta."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def encode_tools(request: Request, route: Route, writer: TurnWriter) -> Json:
    """The members about tools. Raises Fault(UNSUPPORTED) for a call that is demanded and cannot be made.

    A tool that takes free text is a function of one string. A search that the caller insists on is called
    for by its name, unless another call is demanded.
    """
    offered = offer(request, _MESSAGES, allows=False)
    writer.drops.extend(offered.drops)
    tools = offered.tools
    searches = [at for at, tool in tools if isinstance(tool, WebSearchTool)]
    for at in searches[1:]:
        writer.drop(at, "the wire has one search to a request")
    if searches and any(isinstance(tool, FunctionTool) and tool.name == _SEARCH for _, tool in tools):
        raise unsupported(searches[0], "to search beside a tool of the name 'web_search'")
    tools = tuple((at, tool) for at, tool in tools if at not in searches[1:])
    if not tools:
        return {}
    members: Json = {"tools": [_tool(tool, at, route, writer) for at, tool in tools]}
    wish = _wish(offered.choice)
    forced = [at for at, tool in tools if isinstance(tool, WebSearchTool) and tool.force]
    if forced and wish["type"] == "auto":
        wish = {"type": "tool", "name": _SEARCH}
    elif forced:
        writer.drop(f"{forced[0]}.force_search", "tool_choice says otherwise, and only one can be told")
    if request.parallel_tools is False and wish["type"] != "none":
        wish["disable_parallel_tool_use"] = True
    return members if wish == {"type": "auto"} else members | {"tool_choice": wish}


def _wish(choice: ToolChoice) -> Json:
    match choice:
        case ChooseFreely():
            return {"type": "auto"}
        case ChooseNone():
            return {"type": "none"}
        case ChooseAny():
            return {"type": "any"}
        case ChooseOne(name=name):
            return {"type": "tool", "name": name}
        case ChooseFrom():
            raise AssertionError("the offer holds no more than what is allowed")
        case _:
            assert_never(choice)


def _tool(tool: Tool, at: str, route: Route, writer: TurnWriter) -> object:
    match tool:
        case FunctionTool():
            return _function(tool) | _extras(tool.extras, at, route, writer)
        case WebSearchTool():
            if tool.limit is not None:
                writer.drop(f"{at}.limit", "the target's own search has no such knob")
            search: Json = {
                "type": "web_search_20250305",
                "name": _SEARCH,
                "max_uses": tool.max_keyword,
                "user_location": None if tool.location is None else Raw(tool.location),
            }
            return _said(search) | _extras(tool.extras, at, route, writer)
        case CustomTool():
            if grammar_of(tool) is not None:
                writer.drop(f"{at}.format", NOT_ENFORCED)
            return _function(as_function(tool))
        case UnknownTool(raw=raw):
            return Raw(raw)
        case _:
            assert_never(tool)


def _function(tool: FunctionTool) -> Json:
    members: Json = {
        "name": tool.name,
        "description": tool.description,
        "input_schema": _schema(tool.parameters),
        "strict": tool.strict,
        "defer_loading": True if tool.deferred else None,
    }
    return _said(members) | write_mark(tool.cache)


def _extras(extras: Extras | None, at: str, route: Route, writer: TurnWriter) -> Json:
    writer.drops.extend(lost_extras(extras, _MESSAGES, at))
    known: Json = {}
    for name, value in own_extras(extras, _MESSAGES).items():
        if route.strict and name not in _PUBLISHED:
            writer.drop(f"{at}.{name}", STRICT)
        else:
            known[name] = value
    return known


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
