"""The vendor's JSON shapes, as narrow as our use of them."""

from __future__ import annotations

from msgspec import Raw, Struct

NOTHING = Raw(b"")
"""Stands for a member that was left out."""


# --- requests, as callers write them ---


class CacheControl(Struct):
    ttl: str | None = None


class MessageMember(Struct):
    role: str
    content: str | list[Raw] | None = None


class Typed(Struct):
    type: str


class BlockMember(Struct):
    type: str
    cache_control: CacheControl | None = None
    text: str | None = None
    citations: Raw = NOTHING
    source: Raw = NOTHING
    title: str | None = None
    context: Raw = NOTHING
    transformations: Raw = NOTHING
    id: str | None = None
    name: str | None = None
    input: Raw = NOTHING
    tool_use_id: str | None = None
    content: Raw = NOTHING
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class SourceMember(Struct):
    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class ReferredTool(Struct):
    name: str | None = None
    definition: ReferredTool | None = None


class ReferenceMember(Struct):
    """`tool_reference` names its tool, `tool_addition` and `tool_removal` hold a reference to it."""

    type: str
    tool_name: str | None = None
    tool: ReferredTool | None = None


class FoundText(Struct):
    text: str = ""


class SearchResultMember(Struct):
    """What a search of the caller's own has found."""

    title: str = ""
    source: str = ""
    content: list[FoundText] | None = None


class ToolMember(Struct):
    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Raw = NOTHING
    strict: bool | None = None
    defer_loading: bool | None = None
    cache_control: CacheControl | None = None
    max_uses: int | None = None
    user_location: Raw = NOTHING
    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None


class ChoiceMember(Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class FormatMember(Struct):
    type: str
    schema: Raw = NOTHING


# --- replies, as upstreams write them; an event that does not fit is read leniently ---


class CitationMember(Struct):
    type: str
    url: str = ""
    title: str | None = None
    cited_text: str | None = None
    encrypted_index: str | None = None


class OutputDetails(Struct):
    thinking_tokens: int | float | None = None


class ServerToolUse(Struct):
    web_search_requests: int | float | None = None


class UsageMember(Struct):
    input_tokens: int | float | None = None
    cache_creation_input_tokens: int | float | None = None
    cache_read_input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUse | None = None


class DeltaMember(Struct):
    """What a block grows by, and what a message ends with."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Raw = NOTHING
    stop_reason: str | None = None
    stop_sequence: str | None = None


class Message(Struct):
    id: str | None = None
    model: str | None = None
    content: list[Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: UsageMember | None = None


class StreamEvent(Struct):
    type: str | None = None
    index: int | None = None
    delta: DeltaMember | None = None
    content_block: Raw = NOTHING
    message: Message | None = None
    usage: UsageMember | None = None
    error: Raw = NOTHING


class WholeReply(Message):
    """A reply that came in one piece, or the error that came instead."""

    type: str | None = None
    error: Raw = NOTHING


class ReplyBlock(Struct):
    type: str | None = None
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = NOTHING
    tool_use_id: str | None = None
