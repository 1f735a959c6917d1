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
)
from tokenmill.wire.anthropic_messages.facts import SERVER_TOOLS, write_citation
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds
from tokenmill.wire.anthropic_messages.tool_input import tool_input

Json = dict[str, object]
Signer = Callable[[str], str | None]
"""Seals the text of a reasoning that came without a signature; None leaves it unsigned."""


def call_block(call: ToolCall, ids: ToolIds) -> Json | None:
    """The block of a call without its input; None for a server's tool that is not published."""
    if call.kind == "server" and call.name not in SERVER_TOOLS:
        return None
    kind = "server_tool_use" if call.kind == "server" else "tool_use"
    id_ = ids.of_call(call.id)
    return {"type": kind, "id": id_, "caller": {"type": "direct"}, "name": call.name, "input": {}}


def raw_block(part: ToolResult | Unknown | Media) -> Raw | None:
    """The block as its own vendor wrote it; None for what has no shape here."""
    match part:
        case Unknown(vendor="anthropic_messages", raw=raw):
            return Raw(raw)
        case ToolResult(server=True, content=(Unknown(vendor="anthropic_messages", raw=raw),)):
            return Raw(raw)
        case _:
            return None


def signature_of(thought: Reasoning, signer: Signer | None) -> str:
    """Its own signature, else ours, else none; thoughts without words have nothing to seal."""
    if thought.signature is not None or signer is None or not thought.text:
        return thought.signature or ""
    return signer(thought.text) or ""


def whole_block(part: Part, ids: ToolIds, signer: Signer | None) -> object | None:
    """The block that says `part`; None when it says nothing or has no shape here."""
    match part:
        case Text(text=text, citations=citations):
            cited = [c for c in map(write_citation, citations) if c is not None]
            return {"type": "text", "text": text, "citations": cited or None} if text or cited else None
        case Refusal(text=text):
            return {"type": "text", "text": text, "citations": None} if text else None
        case Reasoning(form="redacted", signature=signature):
            return None if signature is None else {"type": "redacted_thinking", "data": signature}
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
