"""Reads the tools that a caller offers, and which of them it wants called."""

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
    FunctionTool,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.checks import check_tool_name, object_bytes, offered
from tokenmill.wire.extras import extras_of
from tokenmill.wire.fenced import fenced_search
from tokenmill.wire.members import bad_value, decode_at, is_null
from tokenmill.wire.openai_responses.names import Names, flatten
from tokenmill.wire.openai_responses.schema import ChoiceMember, ToolMember

TOOL_CHOICE = msgspec.json.Decoder(str | ChoiceMember)

_TOOL = msgspec.json.Decoder(ToolMember)
_SEARCH = "web_search"
_SEARCHES = frozenset({"type", "user_location", "filters"})


class ToolReader:
    """Reads the tools of one request; `names` grows by those of namespaces."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._known: dict[str, tuple[str, str]] = {}
        self._spaced: set[tuple[str, str]] = set()
        self._places: list[str] = []

    @property
    def places(self) -> tuple[str, ...]:
        """Where each tool was offered; none where that is their own order."""
        in_order = [f"tools[{i}]" for i in range(len(self._places))]
        return () if self._places == in_order else tuple(self._places)

    @property
    def names(self) -> Names:
        """The tools of namespaces that were read."""
        return Names(self._known)

    def tools(self, raws: list[Raw]) -> tuple[Tool, ...]:
        """The tools that `raws` offer. Raises Fault(BAD_VALUE | UNSUPPORTED) naming the member.

        The tools of a namespace stand in its place, under flat names; one that has no description of its
        own takes the namespace's. Names in namespaces give way to names outside, wherever they stand.
        """
        read = [(decode_at(_TOOL, raw, f"tools[{i}]"), raw, f"tools[{i}]") for i, raw in enumerate(raws)]
        plain = {i: self._tool(tool, raw, at) for i, (tool, raw, at) in enumerate(read) if not _spaced(tool)}
        tools: list[Tool] = []
        for i, (tool, _, at) in enumerate(read):
            if i in plain:
                self._places.append(at)
                tools.append(plain[i])
            else:
                tools.extend(self._namespace(tool, at))
        return tuple(tools)

    def _tool(self, tool: ToolMember, raw: Raw, at: str) -> Tool:
        if tool.type in ("function", "custom"):
            name = _checked(tool.name, f"{at}.name")
            self._take(name, at)
            return _named(tool, name, at)
        if tool.type.startswith(_SEARCH):
            if not is_null(tool.filters):  # Not to be lost on a search of another kind.
                return UnknownTool("openai_responses", tool.type, bytes(raw))
            place = object_bytes(tool.user_location, f"{at}.user_location")
            return WebSearchTool(location=place, extras=extras_of("openai_responses", raw, _SEARCHES))
        return UnknownTool("openai_responses", tool.type, bytes(raw), tool.name)

    def _namespace(self, space: ToolMember, at: str) -> list[Tool]:
        namespace = _checked(space.name, f"{at}.name")
        tools: list[Tool] = []
        for i, raw in enumerate(space.tools or ()):
            inner = f"{at}.tools[{i}]"
            tool = decode_at(_TOOL, raw, inner)
            if tool.type not in ("function", "custom"):
                raise bad_value(f"{inner}.type", f"{tool.type!r} has no place here; use function or custom")
            name = _checked(tool.name, f"{inner}.name")
            if (namespace, name) in self._spaced:
                raise bad_value(inner, f"the name {name!r} is taken by a tool before it")
            self._spaced.add((namespace, name))
            flat = flatten(namespace, name, self._seen)
            self._take(flat, inner)
            self._known[flat] = (namespace, name)
            self._places.append(inner)
            tool.description = tool.description or space.description
            tools.append(_named(tool, flat, inner))
        return tools

    def _take(self, name: str, at: str) -> None:
        if name in self._seen:
            raise bad_value(at, f"the name {name!r} is taken by a tool before it")
        self._seen.add(name)


def _spaced(tool: ToolMember) -> bool:
    return tool.type == "namespace"


def _named(tool: ToolMember, name: str, at: str) -> FunctionTool | CustomTool:
    if tool.type == "custom":
        return CustomTool(name, tool.description, None if is_null(tool.format) else bytes(tool.format))
    parameters = object_bytes(tool.parameters, f"{at}.parameters")
    return FunctionTool(name, tool.description, parameters, tool.strict, tool.defer_loading or False)


def _checked(name: str | None, at: str) -> str:
    if name is None:
        raise bad_value(at, "this member is required")
    check_tool_name(name, at)
    return name


def choose(
    choice: str | ChoiceMember | None, tools: tuple[Tool, ...], names: Names
) -> tuple[ToolChoice, tuple[Tool, ...]]:
    """What the caller wants called, and the tools; a search that it insists on becomes a forced one.

    Raises Fault(BAD_VALUE) naming the member.
    """
    match choice:
        case None | "auto":
            return ChooseFreely(), tools
        case "none":
            return ChooseNone(), tools
        case "required":
            if not tools:
                raise bad_value("tool_choice", "'required' needs tools, and there are none")
            return ChooseAny(), tools
        case str():
            raise bad_value(
                "tool_choice", f"{choice!r} is not a choice; use auto, none, required or name a tool"
            )
        case ChoiceMember(type="function" | "custom"):
            if choice.name is None:
                raise bad_value("tool_choice.name", "this member is required")
            flat = names.flat(choice.namespace, choice.name)
            return ChooseOne(offered(flat, _called(tools), "tool_choice")), tools
        case ChoiceMember(type="allowed_tools"):
            return _allowed(choice, tools, names), tools
        case ChoiceMember(type=kind) if kind.startswith(_SEARCH):
            if not any(isinstance(tool, WebSearchTool) for tool in tools):
                if _only_fenced(tools):
                    return ChooseOne(_SEARCH), tools
                _refuse_unknown(kind, tools)
                raise bad_value("tool_choice", f"there is no tool of type {_SEARCH} in tools")
            return ChooseFreely(), tuple(_forced(tool) for tool in tools)
        case ChoiceMember(type=other):
            _refuse_unknown(other, tools)
            raise bad_value(
                "tool_choice.type",
                f"{other!r} is no type; use function, custom, web_search or allowed_tools",
            )
        case _:
            assert_never(choice)


def _only_fenced(tools: tuple[Tool, ...]) -> bool:
    """Is there a search that keeps to domains, and nothing else that `web_search` could name?"""
    fenced = any(isinstance(tool, UnknownTool) and fenced_search(tool) is not None for tool in tools)
    return fenced and not any(getattr(tool, "name", None) == _SEARCH for tool in tools)


def _refuse_unknown(kind: str, tools: tuple[Tool, ...]) -> None:
    """Raises Fault(UNSUPPORTED) where a tool is demanded that its vendor runs, and no model here can call."""
    if any(isinstance(tool, UnknownTool) and tool.type == kind for tool in tools):
        raise Fault(
            Code.UNSUPPORTED,
            f"tool_choice: a tool of type {kind!r} is not run here, so it cannot be demanded; "
            "leave tool_choice out or choose another tool",
            field="tool_choice",
        )


def _allowed(choice: ChoiceMember, tools: tuple[Tool, ...], names: Names) -> ChooseFrom:
    if choice.tools is None:
        raise bad_value("tool_choice.tools", "this member is required")
    if choice.mode not in ("auto", "required"):
        raise bad_value("tool_choice.mode", "use auto or required")
    chosen: dict[str, None] = {}
    called, spaces = _called(tools), names.by_namespace()
    for i, named in enumerate(choice.tools):
        if named.name is None:
            continue  # A tool that a server runs has no name; a list of others does not forbid searching.
        if named.type == "namespace":
            chosen.update(dict.fromkeys(spaces.get(named.name, ())))
        else:
            flat = names.flat(named.namespace, named.name)
            chosen[offered(flat, called, f"tool_choice.tools[{i}]")] = None
    if not chosen:
        raise bad_value("tool_choice.tools", "it names no function or custom tool")
    return ChooseFrom(tuple(chosen), choice.mode == "required")


def _called(tools: tuple[Tool, ...]) -> set[str]:
    return {tool.name for tool in tools if isinstance(tool, FunctionTool | CustomTool)}


def _forced(tool: Tool) -> Tool:
    return msgspec.structs.replace(tool, force=True) if isinstance(tool, WebSearchTool) else tool
