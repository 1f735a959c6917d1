"""Maps the small facts of a reply both ways: its end, its cost, its sources."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import Stop
from tokenmill.conversation.parts import (
    CacheMark,
    Citation,
    ToolResult,
    UrlCitation,
    VendorCitation,
    found_by,
)
from tokenmill.conversation.usage import Usage
from tokenmill.wire.anthropic_messages.schema import CacheControl, CitationMember, UsageMember

MAX_COUNT = 10**9
"""Counts above this are true of no reply; a thousand million of them still fit a sum of 64 bits."""
MAX_SEARCHES = 1_000
"""No reply takes more searches."""

STOP_OF: Mapping[str, Stop] = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "tool_use": Stop.TOOL,
    "pause_turn": Stop.PAUSE,
    "refusal": Stop.FILTER,
    "model_context_window_exceeded": Stop.CONTEXT,
    "content_filter": Stop.FILTER,  # MiMo.
    "repetition_truncation": Stop.LENGTH,  # MiMo cuts a reply that repeats itself.
}
"""What each `stop_reason` means; one that is not here means END."""

REASON_OF: Mapping[Stop, str] = {
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.TOOL: "tool_use",
    Stop.FILTER: "refusal",
    Stop.STOP_SEQUENCE: "stop_sequence",
    Stop.PAUSE: "pause_turn",
    Stop.CONTEXT: "model_context_window_exceeded",
}
"""The `stop_reason` for each stop."""

REASONS = frozenset(REASON_OF.values())
"""Every `stop_reason` that callers know."""

if _unsaid := set(Stop) - set(REASON_OF):
    raise ValueError(f"no stop_reason for {_unsaid}")

SERVER_TOOLS = frozenset(
    {
        "web_search",
        "web_fetch",
        "code_execution",
        "bash_code_execution",
        "text_editor_code_execution",
        "tool_search_tool_regex",
        "tool_search_tool_bm25",
    }
)
"""Tools that the vendor's platform runs; the published types of replies know no others."""

SERVER_RESULTS = frozenset(
    {
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
    }
)
"""The types of the blocks in which they answer."""

_CITATION = msgspec.json.Decoder(CitationMember)


def write_stop(stop: Stop, *, called: bool) -> str:
    """The `stop_reason`: `tool_use` for a whole reply exactly when a call was sent (`called`)."""
    if stop in (Stop.END, Stop.TOOL):
        return "tool_use" if called else "end_turn"
    return REASON_OF[stop]


def read_usage(told: UsageMember, before: Usage | None) -> Usage | None:
    """The counts so far: what `told` leaves out stays as it was; None when nothing was ever counted."""
    kinds = (
        told.input_tokens,
        told.cache_read_input_tokens,
        told.cache_creation_input_tokens,
        told.output_tokens,
    )
    if all(count is None for count in kinds):
        return before
    known = before or Usage()
    fresh, cached, written = known.input_fresh, known.input_cached, known.input_written
    if any(kinds[:3]):  # Some servers tell the input at the start and zeros at the end.
        fresh, cached, written = _count(kinds[0], fresh), _count(kinds[1], cached), _count(kinds[2], written)
    output = _count(kinds[3], known.output)
    details = told.output_tokens_details
    thought = _count(None if details is None else details.thinking_tokens, known.output_reasoning)
    ran = told.server_tool_use
    searches = min(_count(None if ran is None else ran.web_search_requests, known.searches), MAX_SEARCHES)
    return Usage(fresh, cached, written, output, min(thought, output), searches)


def is_exact(told: UsageMember | None) -> bool:
    """Does `told` say what was understood of it?"""
    return told is None or all(
        count is None or (isinstance(count, int) and 0 <= count <= MAX_COUNT)
        for count in (
            told.input_tokens,
            told.cache_read_input_tokens,
            told.cache_creation_input_tokens,
            told.output_tokens,
        )
    )


def _count(value: int | float | None, known: int) -> int:
    return known if value is None else int(min(max(value, 0), MAX_COUNT))


def write_counts(usage: Usage) -> dict[str, object]:
    """The counts that `message_delta` and a whole reply have in common; `input_tokens` is fresh alone."""
    ran = {"web_search_requests": usage.searches, "web_fetch_requests": 0}
    return {
        "input_tokens": usage.input_fresh,
        "cache_creation_input_tokens": usage.input_written,
        "cache_read_input_tokens": usage.input_cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.output_reasoning},
        "server_tool_use": ran if usage.searches else None,
    }


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` of a message, with every member of the published schema.

    How long the written tokens stay cached is not known here; they stand under the wire's default, 5 minutes.
    """
    return write_counts(usage) | {
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.input_written,
            "ephemeral_1h_input_tokens": 0,
        },
        "inference_geo": None,
        "service_tier": "standard",
        "speed": None,
    }


def read_citation(raw: Raw) -> Citation:
    """A source. One that the vendor's own search sealed goes along whole, as the seal has to go back."""
    try:
        member = _CITATION.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return VendorCitation("anthropic_messages", bytes(raw))
    whole = VendorCitation("anthropic_messages", bytes(raw))
    if member.type != "web_search_result_location" or not member.url:
        return whole
    sealed = whole if member.encrypted_index else None
    return UrlCitation(member.url, member.title or "", member.cited_text or "", sealed=sealed)


def sealed_here(citation: Citation) -> bytes | None:
    """The citation as this wire's vendor wrote it; None for another's, and for one without a seal."""
    whole = citation.sealed if isinstance(citation, UrlCitation) else citation
    return None if whole is None or whole.vendor != "anthropic_messages" else whole.raw


def write_citation(citation: Citation) -> object:
    """The citation; None if it has no shape here. A seal is never invented: the member is there and empty."""
    if (whole := sealed_here(citation)) is not None:
        return Raw(whole)
    if isinstance(citation, VendorCitation):
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.summary,
        "encrypted_index": "",
    }


def write_found(result: ToolResult) -> dict[str, object]:
    """The block of what a search of ours has found; there is nothing sealed in it to take back."""
    content: object = [
        {
            "type": "web_search_result",
            "url": source.url,
            "title": source.title,
            "encrypted_content": "",
            "page_age": source.publish_time or None,
        }
        for source in found_by(result)[0]
    ]
    if result.is_error:
        content = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    return {
        "type": "web_search_tool_result",
        "tool_use_id": result.call_id,
        "caller": {"type": "direct"},
        "content": content,
    }


def read_mark(control: CacheControl | None) -> CacheMark | None:
    """The cache mark of a block or tool."""
    return None if control is None else CacheMark(control.ttl)


def write_mark(mark: CacheMark | None) -> dict[str, object]:
    """The member that says `mark`, or nothing."""
    if mark is None:
        return {}
    lasting = {} if mark.ttl is None else {"ttl": mark.ttl}
    return {"cache_control": {"type": "ephemeral"} | lasting}
