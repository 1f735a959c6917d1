"""The vendor's JSON shapes, as narrow as our use of them."""

from __future__ import annotations

from msgspec import Raw, Struct

NOTHING = Raw(b"")
"""Stands for a member that was left out."""


# --- requests, as callers write them ---


class AudioId(Struct):
    id: str


class CalledFunction(Struct):
    name: str
    arguments: Raw = NOTHING


class CalledCustom(Struct):
    name: str
    input: str = ""


class CallMember(Struct):
    id: str
    type: str | None = None
    function: CalledFunction | None = None
    custom: CalledCustom | None = None


class MessageMember(Struct):
    role: str
    content: str | list[Raw] | None = None
    name: str | None = None
    reasoning_content: str | None = None
    reasoning: Raw = NOTHING
    tool_calls: list[CallMember] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    audio: AudioId | None = None
    function_call: Raw = NOTHING


class CacheControl(Struct):
    ttl: str | None = None


class PartMember(Struct):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Raw = NOTHING
    input_audio: Raw = NOTHING
    video_url: Raw = NOTHING
    file: Raw = NOTHING
    fps: Raw = NOTHING
    media_resolution: Raw = NOTHING
    cache_control: CacheControl | None = None


class MediaUrl(Struct):
    url: str
    detail: Raw = NOTHING


class InputAudio(Struct):
    data: str
    format: str | None = None


class FileMember(Struct):
    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None


class FunctionMember(Struct):
    name: str
    description: str | None = None
    parameters: Raw = NOTHING
    strict: bool | None = None


class FormatMember(Struct):
    name: str
    description: str | None = None
    format: Raw = NOTHING


class ToolMember(Struct):
    type: str
    function: FunctionMember | None = None
    custom: FormatMember | None = None
    force_search: bool | str | None = None
    forced_search: bool | str | None = None
    max_keyword: int | None = None
    limit: int | None = None
    user_location: Raw = NOTHING
    cache_control: CacheControl | None = None


class Named(Struct):
    name: str


class NamedTool(Struct):
    type: str
    function: Named | None = None
    custom: Named | None = None


class AllowedTools(Struct):
    tools: list[NamedTool]
    mode: str = "auto"


class ChoiceMember(Struct):
    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: AllowedTools | None = None


class ThinkingMember(Struct):
    type: str
    budget_tokens: int | None = None


class SchemaMember(Struct):
    name: str
    schema: Raw = NOTHING
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    type: str
    json_schema: SchemaMember | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None


# --- replies, as upstreams write them; a chunk that does not fit is read leniently ---


class FunctionDelta(Struct):
    name: str | None = None
    arguments: str | None = None


class CustomDelta(Struct):
    name: str | None = None
    input: str | None = None


class CallDelta(Struct):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionDelta | None = None
    custom: CustomDelta | None = None


class MessageDelta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    annotations: list[Raw] | None = None


class LogprobMember(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[LogprobMember] | None = None


class LogprobsMember(Struct):
    content: list[LogprobMember] | None = None


class ChoiceChunk(Struct):
    index: int | None = None
    delta: MessageDelta | None = None
    message: MessageDelta | None = None
    finish_reason: str | None = None
    logprobs: LogprobsMember | None = None
    stop_reason: str | int | None = None
    matched_stop: str | int | None = None


class PromptDetails(Struct):
    cached_tokens: int | float | None = None
    cache_write_tokens: int | float | None = None
    image_tokens: int | float | None = None
    audio_tokens: int | float | None = None
    video_tokens: int | float | None = None


class CompletionDetails(Struct):
    reasoning_tokens: int | float | None = None


class SearchUsage(Struct):
    tool_usage: int | float | None = None
    page_usage: int | float | None = None


class UsageMember(Struct):
    prompt_tokens: int | float | None = None
    completion_tokens: int | float | None = None
    total_tokens: int | float | None = None
    prompt_cache_hit_tokens: int | float | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    web_search_usage: SearchUsage | None = None


class Chunk(Struct):
    id: str | None = None
    object: str | None = None
    created: int | float | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[ChoiceChunk] | None = None
    usage: UsageMember | None = None
    error: Raw = NOTHING


class NestedCitation(Struct):
    url: str = ""
    title: str = ""
    start_index: int | None = None
    end_index: int | None = None


class AnnotationMember(Struct):
    """`url_citation` nested, as OpenAI has it, or flat, as MiMo has it."""

    type: str
    url_citation: NestedCitation | None = None
    url: str | None = None
    title: str | None = None
    summary: str | None = None
    site_name: str | None = None
    publish_time: str | None = None
    logo_url: str | None = None
    start_index: int | None = None
    end_index: int | None = None
