"""Lets words stand for blocks that only this wire knows, so that other targets hear of them.

The block itself rides along with the words, and goes back to this wire as it was.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import Text, Unknown
from tokenmill.wire.anthropic_messages.schema import ReferenceMember, SearchResultMember
from tokenmill.wire.members import bad_value, decode_at

SAYINGS: Final = {
    "tool_reference": "The tool {} has been found and can be called now.",
    "tool_addition": "The tool {} can be called from here on.",
    "tool_removal": "The tool {} can no longer be called.",
}
"""What is said in place of each block; `{}` is the tool's name."""

SEARCH_RESULT: Final = "search_result"
STAND_INS: Final = frozenset({*SAYINGS, SEARCH_RESULT})
"""The types of the blocks for which words stand."""

_REFERENCE = msgspec.json.Decoder(ReferenceMember)
_FOUND = msgspec.json.Decoder(SearchResultMember)


def stand_in(raw: Raw, type_: str, at: str) -> Text:
    """The words that stand for a block of one of the STAND_INS. Raises Fault(BAD_VALUE)."""
    block = Unknown("anthropic_messages", type_, bytes(raw))
    if type_ == SEARCH_RESULT:
        return Text(_told(decode_at(_FOUND, raw, at)), stands_for=block)
    member = decode_at(_REFERENCE, raw, at)
    name = member.tool_name
    if member.tool is not None:
        definition = member.tool.definition
        name = member.tool.name or (None if definition is None else definition.name)
    if not name:
        raise bad_value(at, "it names no tool")
    return Text(SAYINGS[type_].format(name), stands_for=block)


def _told(found: SearchResultMember) -> str:
    """Where it was found, and what it says."""
    head = [words for words in (found.title, found.source) if words]
    return "\n\n".join(["\n".join(head), *(said.text for said in found.content or ())]).strip()


def stood_for(text: Text) -> bytes | None:
    """The block that `text` stands for; None for words that are their own."""
    block = text.stands_for
    return None if block is None or block.vendor != "anthropic_messages" else block.raw
