"""Lets words stand for blocks about tools that only this wire knows, so that other targets hear of them.

The block itself rides along as a citation of the words, and goes back to this wire as it was.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import Text, VendorCitation
from tokenmill.wire.anthropic_messages.schema import ReferenceMember, Typed
from tokenmill.wire.members import bad_value, decode_at

SAYINGS: Final = {
    "tool_reference": "The tool {} has been found and can be called now.",
    "tool_addition": "The tool {} can be called from here on.",
    "tool_removal": "The tool {} can no longer be called.",
}
"""What is said in place of each block; `{}` is the tool's name."""

_REFERENCE = msgspec.json.Decoder(ReferenceMember)
_TYPE = msgspec.json.Decoder(Typed)


def stand_in(raw: Raw, at: str) -> Text:
    """The words that stand for a block of one of the types in SAYINGS. Raises Fault(BAD_VALUE)."""
    block = decode_at(_REFERENCE, raw, at)
    name = block.tool_name
    if block.tool is not None:
        definition = block.tool.definition
        name = block.tool.name or (None if definition is None else definition.name)
    if not name:
        raise bad_value(at, "it names no tool")
    return Text(SAYINGS[block.type].format(name), (VendorCitation("anthropic_messages", bytes(raw)),))


def stood_for(text: Text) -> bytes | None:
    """The block that `text` stands for; None for words that are their own."""
    match text.citations:
        case (VendorCitation(vendor="anthropic_messages", raw=raw),):
            return raw if _TYPE.decode(raw).type in SAYINGS else None
        case _:
            return None
