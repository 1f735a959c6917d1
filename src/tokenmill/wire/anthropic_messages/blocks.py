"""Writes the blocks of a reply for a caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from msgspec import Raw

from tokenmill.conversation.parts import (
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    is_our_search,
)
from tokenmill.wire.anthropic_messages.facts import SERVER_TOOLS, write_citation, write_found
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds
from tokenmill.wire.anthropic_messages.tool_input import tool_input

Json = dict[str, object]
Signer = Callable[[Reasoning], str | None]
"""Makes what goes as the signature of a reasoning, or as the data of a redacted one; None: nothing."""


def call_block(call: ToolCall, ids: ToolIds) -> Json | None:
    """The block of a call without its input; None for a server's tool that is not published."""
    if call.kind == "server" and call.name not in SERVER_TOOLS:
        return None
    kind = "server_tool_use" if call.kind == "server" else "tool_use"
    id_ = ids.of_call(call.id)
    return {"type": kind, "id": id_, "caller": {"type": "direct"}, "name": call.name, "input": {}}


def raw_block(part: ToolResult | Unknown | Media) -> Raw | Json | None:
    """The block as its own vendor wrote it, or what our search found; None for what has no shape."""
    match part:
        case ToolResult() if is_our_search(part):
            return write_found(part)
        case Unknown(vendor="anthropic_messages", type=type_, raw=raw) if type_:
            return Raw(raw)
        case ToolResult(server=True, content=(Unknown(vendor="anthropic_messages", raw=raw),)):
            return Raw(raw)
        case _:
            return None


def signature_of(thought: Reasoning, signer: Signer | None) -> str:
    """What the signer makes of it, its own where there is none; a thought that says nothing has none."""
    if signer is None or not (thought.signature or thought.text):
        return thought.signature or ""
    return signer(thought) or ""


def whole_block(part: Part, ids: ToolIds, signer: Signer | None) -> object | None:
    """The block that says `part`; None when it says nothing or has no shape here."""
    match part:
        case Text(text=text, citations=citations):
            cited = [c for c in map(write_citation, citations) if c is not None]
            return {"type": "text", "text": text, "citations": cited or None} if text or cited else None
        case Refusal(text=text):
            return {"type": "text", "text": text, "citations": None} if text else None
        case Reasoning(form="redacted", signature=signature):
            if signature is None:
                return None
            data = signature_of(Reasoning("", "redacted", part.origin, signature), signer)
            return {"type": "redacted_thinking", "data": data}
        case Reasoning(text=text):
            signature = signature_of(part, signer)
            if not text and not signature:
                return None
            return {"type": "thinking", "thinking": text, "signature": signature}
        case ToolCall():
            block = call_block(part, ids)
            return None if block is None else block | {"input": tool_input(part)[0]}
        case ToolResult() | Unknown() | Media():
            return raw_block(part)
        case _:
            assert_never(part)
