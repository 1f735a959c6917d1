"""Decides which of the caller's tools a wire can offer, before they are written."""

from __future__ import annotations

from collections.abc import Sequence

from tokenmill.conversation.parts import Value, Vendor
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    Drop,
    Request,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.wire.checks import unsupported


class Offer(Value, frozen=True):
    """The tools with their paths, what the model is to make of them, and what could not be said."""

    tools: tuple[tuple[str, Tool], ...]
    choice: ToolChoice
    drops: tuple[Drop, ...]


def offer(request: Request, wire: Vendor, *, allows: bool, unsaid: Sequence[tuple[int, Drop]] = ()) -> Offer:
    """What `wire` can be told of the tools of `request`.

    A wire that cannot allow some tools of many (`allows`) can still offer no more than those. `unsaid` are
    tools that the target is not to be told of, by their numbers. Raises Fault(UNSUPPORTED) where the caller
    demands a call that cannot be made.
    """
    choice = request.tool_choice
    drops: list[Drop] = [drop for _, drop in unsaid]
    left_out = {at for at, _ in unsaid}
    kept: list[tuple[str, Tool]] = []
    for i, tool in enumerate(request.tools):
        at = f"tools[{i}]"
        if i in left_out:
            continue
        if isinstance(tool, UnknownTool) and tool.vendor != wire:
            if isinstance(choice, ChooseOne) and choice.name == tool.name:
                raise unsupported(
                    "tool_choice", f"to call a tool of type {tool.type!r}, which its vendor runs"
                )
            drops.append(Drop(at, "a tool that another platform runs has no place on this wire"))
        elif isinstance(choice, ChooseFrom) and not allows and not _allowed(tool, choice):
            drops.append(Drop(at, "not offered, as the caller does not allow it and the wire cannot say so"))
        else:
            kept.append((at, tool))
    if isinstance(choice, ChooseFrom) and not allows:
        choice = ChooseAny() if choice.required else ChooseFreely()
    if not kept and request.tools and not isinstance(choice, ChooseFreely | ChooseNone):
        raise unsupported("tool_choice", "to call a tool, as it knows none of those that are offered")
    return Offer(tuple(kept), choice, tuple(drops))


def _allowed(tool: Tool, choice: ChooseFrom) -> bool:
    """A list of functions does not forbid to search, but a search is no call of one of them."""
    if isinstance(tool, WebSearchTool):
        return not choice.required
    return getattr(tool, "name", None) in choice.names
