"""Finds where a caller said what the canon counts in its own way."""

from __future__ import annotations

import re

from tokenmill.conversation.parts import ToolResult
from tokenmill.conversation.request import Request

_MESSAGE = re.compile(r"messages\[(\d+)\](?:\.content\[(\d+)\])?(.*)", re.DOTALL)
_TOOL = re.compile(r"tools\[(\d+)\](.*)", re.DOTALL)
_HEAD = re.compile(r"[a-z_]+(?:\[\d+\])?")


def place_of(request: Request, field: str) -> tuple[str, str, bool]:
    """Where the caller said `field`, a path of the canon; what follows it; and whether it is a tool's result.

    `messages[I].content[J]` is part J of turn I and `tools[I]` a tool, as encoders name them. A field that is
    neither has no place but its own name.
    """
    if found := _MESSAGE.fullmatch(field):
        turn, part, rest = found.groups()
        return _said(request, int(turn), None if part is None else int(part), rest) or (field, "", False)
    if (found := _TOOL.fullmatch(field)) and int(found[1]) < len(request.tools_at):
        return request.tools_at[int(found[1])], found[2], False
    return (f"tools[{found[1]}]", found[2], False) if found else (field, "", False)


def _said(request: Request, turn: int, part: int | None, rest: str) -> tuple[str, str, bool] | None:
    said = request.turns[turn] if turn < len(request.turns) else None
    if said is None or not said.at:
        return None
    if part is None or part >= len(said.at):
        head = _HEAD.match(said.at[0])
        return (said.at[0] if head is None else head[0]), rest, False
    return said.at[part], rest, isinstance(said.parts[part], ToolResult)


def tool_places(request: Request) -> tuple[str, ...]:
    """Where each tool was offered."""
    return request.tools_at or tuple(f"tools[{i}]" for i in range(len(request.tools)))
