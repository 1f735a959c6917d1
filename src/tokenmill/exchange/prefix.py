"""Lets two turns of one agent begin alike, so that the upstream finds the first in its prefix cache."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.conversation.parts import Text
from tokenmill.conversation.places import tool_places
from tokenmill.conversation.request import Drop, FunctionTool, Request, Tool, Turn

HEADER: Final = "x-anthropic-billing-header:"
"""Begins the line that Claude Code puts before its instructions; some versions write a number into it that is
another in every request."""

_WHY: Final = "it speaks to its vendor and not to a model, and would keep the prompt from being cached"


def with_stable_prefix(request: Request) -> tuple[Request, tuple[Drop, ...]]:
    """`request` without what changes in every turn, with the tools that come and go behind those that stay.

    All else keeps the caller's order, and its bytes: sorting tools would part us from what the caller's
    own cache marks mean.
    """
    turns, drops = _without_header(request.turns)
    tools = list(zip(request.tools, tool_places(request), strict=True))
    tools.sort(key=lambda placed: _is_deferred(placed[0]))
    ordered = tuple(tool for tool, _ in tools)
    if turns == request.turns and ordered == request.tools:
        return request, ()
    changed = msgspec.structs.replace(request, turns=turns)
    if ordered != request.tools:
        places = tuple(at for _, at in tools)
        changed = msgspec.structs.replace(changed, tools=ordered, tools_at=places)
    return changed, drops


def _without_header(turns: tuple[Turn, ...]) -> tuple[tuple[Turn, ...], tuple[Drop, ...]]:
    """Only the very first words of the conversation are looked at: elsewhere it is a quotation."""
    first = turns[0] if turns else None
    if first is None or first.role not in ("system", "developer"):
        return turns, ()
    match first.parts:
        case (Text(text=text) as header, *rest) if text.startswith(HEADER):
            words = text.partition("\n")[2].lstrip("\n")
        case _:
            return turns, ()
    drops = (Drop("messages[0].content[0]", _WHY),)
    if words:
        kept = (msgspec.structs.replace(header, text=words), *rest)
        return (msgspec.structs.replace(first, parts=kept), *turns[1:]), drops
    if not rest:
        return turns[1:], drops
    return (msgspec.structs.replace(first, parts=tuple(rest), at=first.at[1:]), *turns[1:]), drops


def _is_deferred(tool: Tool) -> bool:
    """Does its caller add it while the conversation goes on? Such tools are put in the midst of others."""
    return isinstance(tool, FunctionTool) and tool.deferred
