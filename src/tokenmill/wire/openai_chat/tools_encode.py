"""Writes tools for an upstream, and which of them it is to call."""

from __future__ import annotations

from typing import Final, assert_never

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
    Request,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.checks import unsupported
from tokenmill.wire.extras import lost_extras, own_extras
from tokenmill.wire.free_text import NOT_ENFORCED, as_function, grammar_of, write_format
from tokenmill.wire.offer import offer
from tokenmill.wire.openai_chat.joining import Json
from tokenmill.wire.openai_chat.turns_encode import TurnWriter

STRICT: Final = "the target takes only the members it knows"

_CHAT: Final = "openai_chat"


def encode_tools(request: Request, route: Route, writer: TurnWriter) -> Json:
    """The members about tools. Raises Fault(UNSUPPORTED) for a call that is demanded and cannot be made.

    A target that is not strict knows functions only: a tool that takes free text is one of them, and of
    tools that the caller does not allow it does not hear.
    """
    offered = offer(request, _CHAT, allows=route.strict, unsaid=_unpublished(request) if route.strict else ())
    writer.drops.extend(offered.drops)
    if not offered.tools:
        return {}
    members: Json = {"tools": [_tool(tool, at, route, writer) for at, tool in offered.tools]}
    custom = {tool.name for _, tool in offered.tools if isinstance(tool, CustomTool) and route.strict}
    members |= _tool_choice(offered.choice, custom)
    if request.parallel_tools is not None:
        members["parallel_tool_calls"] = request.parallel_tools
    return members


def _unpublished(request: Request) -> list[tuple[int, Drop]]:
    """The searches, which OpenAI's schema does not have among its tools."""
    unsaid: list[tuple[int, Drop]] = []
    for i, tool in enumerate(request.tools):
        if isinstance(tool, WebSearchTool):
            if tool.force:
                raise unsupported(f"tools[{i}]", "to search the web")
            unsaid.append((i, Drop(f"tools[{i}]", STRICT)))
    return unsaid


def _tool(tool: Tool, at: str, route: Route, writer: TurnWriter) -> object:
    match tool:
        case FunctionTool():
            return _function(tool, at, writer)
        case CustomTool() if not route.strict:
            if grammar_of(tool) is not None:
                writer.drop(f"{at}.format", NOT_ENFORCED)
            return _function(as_function(tool), at, writer)
        case CustomTool(name=name, description=description):
            shape = write_format(tool, nested=True)
            return {
                "type": "custom",
                "custom": _said({"name": name, "description": description, "format": shape}),
            }
        case WebSearchTool():
            writer.drops.extend(lost_extras(tool.extras, _CHAT, at))
            search: Json = {
                "type": "web_search",
                "force_search": tool.force,
                "max_keyword": tool.max_keyword,
                "limit": tool.limit,
                "user_location": None if tool.location is None else Raw(tool.location),
            }
            return _said(search) | own_extras(tool.extras, _CHAT)
        case UnknownTool(raw=raw):
            return Raw(raw)
        case _:
            assert_never(tool)


def _function(tool: FunctionTool, at: str, writer: TurnWriter) -> Json:
    if tool.cache is not None:
        writer.drop(f"{at}.cache_control", "this wire carries no cache marks")
    if tool.deferred:
        writer.drop(f"{at}.defer_loading", "this wire loads every tool at once")
    writer.drops.extend(lost_extras(tool.extras, _CHAT, at))
    function: Json = {
        "name": tool.name,
        "description": tool.description,
        "parameters": None if tool.parameters is None else Raw(tool.parameters),
        "strict": tool.strict,
    }
    return {"type": "function", "function": _said(function)}


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
