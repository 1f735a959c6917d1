"""The vendor's JSON shapes, as narrow as our use of them."""

from __future__ import annotations

from msgspec import Raw, Struct

NOTHING = Raw(b"")
"""Stands for a member that was left out."""


# --- requests, as callers write them ---


class TypedItem(Struct):
    type: str | None = None
    role: str | None = None


class MessageItem(Struct):
    role: str
    content: str | list[Raw] | None = None


class CallItem(Struct):
    call_id: str
    name: str
    namespace: str | None = None
    arguments: Raw = NOTHING
    input: str = ""


class OutputItem(Struct):
    call_id: str | None = None
    output: str | list[Raw] | None = None


class WordsMember(Struct):
    text: str = ""


class ReasoningItem(Struct):
    summary: list[WordsMember] | None = None
    content: list[WordsMember] | None = None
    encrypted_content: str | None = None


class SearchItem(Struct):
    id: str = ""
    action: Raw = NOTHING


class CacheBreakpoint(Struct):
    ttl: str | None = None


class PartMember(Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    image_url: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    detail: Raw = NOTHING
    input_audio: Raw = NOTHING
    video_url: str | None = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


class InputAudio(Struct):
    data: str
    format: str | None = None


class ToolMember(Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: Raw = NOTHING
    strict: bool | None = None
    defer_loading: bool | None = None
    format: Raw = NOTHING
    tools: list[Raw] | None = None
    user_location: Raw = NOTHING
    filters: Raw = NOTHING


class NamedTool(Struct):
    type: str
    name: str | None = None
    namespace: str | None = None


class ChoiceMember(Struct):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str = "auto"
    tools: list[NamedTool] | None = None


class FormatMember(Struct):
    type: str
    name: str | None = None
    schema: Raw = NOTHING
    description: str | None = None
    strict: bool | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


# --- replies, as upstreams write them; an event that does not fit is read leniently ---


class LogprobMember(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[LogprobMember] | None = None


class ContentMember(Struct):
    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[Raw] | None = None
    logprobs: list[LogprobMember] | None = None


class ItemMember(Struct):
    type: str | None = None
    id: str | None = None
    content: list[ContentMember] | None = None
    summary: list[ContentMember] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    action: Raw = NOTHING


class InputDetails(Struct):
    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None


class OutputDetails(Struct):
    reasoning_tokens: int | float | None = None


class UsageMember(Struct):
    input_tokens: int | float | None = None
    output_tokens: int | float | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class IncompleteDetails(Struct):
    reason: str | None = None


class ResponseMember(Struct):
    id: str | None = None
    object: str | None = None
    model: str | None = None
    created_at: int | float | None = None
    status: str | None = None
    error: Raw = NOTHING
    incomplete_details: IncompleteDetails | None = None
    output: list[Raw] | None = None
    usage: UsageMember | None = None


class EventMember(Struct):
    type: str | None = None
    output_index: int | None = None
    item_id: str | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    name: str | None = None
    annotation: Raw = NOTHING
    logprobs: list[LogprobMember] | None = None
    item: Raw = NOTHING
    response: ResponseMember | None = None
    error: Raw = NOTHING
