"""Reads searches that are to keep to domains: tools that only their own wire can tell a target."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import UnknownTool, WebSearchTool
from tokenmill.wire.members import is_null

_NOTHING = Raw(b"null")


class _Fence(msgspec.Struct):
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class _Fenced(_Fence):
    """Messages has the domains in the tool itself, Responses below `filters`."""

    filters: _Fence | None = None
    max_uses: int | None = None
    user_location: Raw = _NOTHING


_DECODER = msgspec.json.Decoder(_Fenced)


def fenced_search(tool: UnknownTool) -> WebSearchTool | None:
    """The search that `tool` asks for, if it is one, with its domains; None for any other tool."""
    if not tool.type.startswith("web_search"):
        return None
    try:
        said = _DECODER.decode(tool.raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    fence = said.filters or said
    uses = said.max_uses
    return WebSearchTool(
        max_keyword=uses if uses is not None and uses > 0 else None,
        location=None if is_null(said.user_location) else bytes(said.user_location),
        only=tuple(fence.allowed_domains or ()),
        never=tuple(fence.blocked_domains or ()),
    )
