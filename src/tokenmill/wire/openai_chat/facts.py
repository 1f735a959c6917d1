"""Maps the small facts of a reply both ways: its end, its cost, its sources, its log probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import Stop
from tokenmill.conversation.parts import (
    Citation,
    TokenLogprob,
    ToolResult,
    UrlCitation,
    VendorCitation,
    found_by,
)
from tokenmill.conversation.usage import Usage
from tokenmill.wire.openai_chat.schema import (
    AnnotationMember,
    LogprobMember,
    NestedCitation,
    PromptDetails,
    UsageMember,
)

MAX_COUNT = 10**9
"""Counts above this are true of no reply; a thousand million of them still fit a sum of 64 bits."""
MAX_SEARCHES = 1_000
"""No reply takes more searches, and none reads more pages."""

STOP_OF: Mapping[str, Stop] = {
    "stop": Stop.END,
    "length": Stop.LENGTH,
    "tool_calls": Stop.TOOL,
    "content_filter": Stop.FILTER,
    "function_call": Stop.TOOL,
    "repetition_truncation": Stop.LENGTH,  # MiMo cuts a reply that repeats itself.
    "model_length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "abort": Stop.LENGTH,  # vLLM and SGLang: cut short by the engine.
    "insufficient_system_resource": Stop.LENGTH,  # DeepSeek: cut short by the engine.
    "tool_use": Stop.TOOL,
    "end_turn": Stop.END,
    "stop_sequence": Stop.STOP_SEQUENCE,
    "sensitive": Stop.FILTER,
    "safety": Stop.FILTER,
}
"""What each `finish_reason` means; one that is not here means END."""

REASON_OF: Mapping[Stop, str] = {
    Stop.END: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL: "tool_calls",
    Stop.FILTER: "content_filter",
    Stop.STOP_SEQUENCE: "stop",
    Stop.PAUSE: "stop",
    Stop.CONTEXT: "length",
}
"""The `finish_reason` for each stop."""

REASONS = frozenset(REASON_OF.values())
"""Every `finish_reason` that callers know."""

if _unsaid := set(Stop) - set(REASON_OF):
    raise ValueError(f"no finish_reason for {_unsaid}")

_ANNOTATION = msgspec.json.Decoder(AnnotationMember)


def read_stop(reason: str, matched: str | int | None) -> tuple[Stop, str | None]:
    """The stop, with the sequence that matched where the server tells it."""
    stop = STOP_OF.get(reason, Stop.END)
    if stop is Stop.END and isinstance(matched, str) and matched:
        return Stop.STOP_SEQUENCE, matched
    return stop, None


def write_stop(stop: Stop, *, called: bool) -> str:
    """The `finish_reason`: `tool_calls` for a whole choice exactly when it made a call (`called`)."""
    if stop in (Stop.END, Stop.TOOL):
        return "tool_calls" if called else "stop"
    return REASON_OF[stop]


def read_usage(member: UsageMember) -> Usage | None:
    """The counts, made whole and disjoint; None when nothing was counted."""
    if member.prompt_tokens is None and member.completion_tokens is None:
        return None
    prompt, output = _count(member.prompt_tokens), _count(member.completion_tokens)
    details = member.prompt_tokens_details
    cached = details.cached_tokens if details is not None else None
    cached = min(_count(cached if cached is not None else member.prompt_cache_hit_tokens), prompt)
    written = min(_count(details.cache_write_tokens) if details is not None else 0, prompt - cached)
    thought = member.completion_tokens_details
    reasoning = min(_count(thought.reasoning_tokens) if thought is not None else 0, output)
    searched = member.web_search_usage
    searches, pages = (0, 0) if searched is None else (searched.tool_usage, searched.page_usage)
    return Usage(
        prompt - cached - written,
        cached,
        written,
        output,
        reasoning,
        min(_count(searches), MAX_SEARCHES),
        min(_count(pages), MAX_SEARCHES),
        *_shares(details, prompt),
    )


def _shares(details: PromptDetails | None, prompt: int) -> tuple[int, int, int]:
    """Of the prompt, images, sounds and films; no more than there is of it."""
    if details is None:
        return 0, 0, 0
    image = min(_count(details.image_tokens), prompt)
    audio = min(_count(details.audio_tokens), prompt - image)
    return image, audio, min(_count(details.video_tokens), prompt - image - audio)


def is_exact(member: UsageMember, usage: Usage | None) -> bool:
    """Does `member` say what was understood of it?"""
    if usage is None or member.total_tokens is None:
        return False
    return (member.prompt_tokens, member.completion_tokens) == (usage.input, usage.output)


def _count(value: int | float | None) -> int:
    return 0 if value is None else int(min(max(value, 0), MAX_COUNT))


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` member; details that we do not count apart are 0, as the schema demands a number."""
    prompt: dict[str, object] = {"cached_tokens": usage.input_cached, "audio_tokens": usage.audio}
    if usage.image:
        prompt["image_tokens"] = usage.image
    if usage.video:
        prompt["video_tokens"] = usage.video
    if usage.input_written:
        prompt["cache_write_tokens"] = usage.input_written
    searched: dict[str, object] = {}
    if usage.searches or usage.pages:
        searched = {"web_search_usage": {"tool_usage": usage.searches, "page_usage": usage.pages}}
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": usage.output_reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    } | searched


def read_citation(raw: Raw) -> Citation:
    """A source, nested as OpenAI has it or flat as MiMo has it; a span of 0 to 0 is none."""
    try:
        member = _ANNOTATION.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return VendorCitation("openai_chat", bytes(raw))
    nested = member.url_citation or NestedCitation()
    url = nested.url or member.url or ""
    if member.type != "url_citation" or not url:
        return VendorCitation("openai_chat", bytes(raw))
    start = nested.start_index if member.start_index is None else member.start_index
    end = nested.end_index if member.end_index is None else member.end_index
    if not start and not end:
        start = end = None
    return UrlCitation(
        url,
        nested.title or member.title or "",
        member.summary or "",
        member.site_name or "",
        member.publish_time or "",
        member.logo_url or "",
        start,
        end,
    )


def write_citation(citation: Citation, shift: int = 0) -> object:
    """The annotation in both shapes at once, for readers of either; None if it has no shape here.

    `shift` is the length of the text that goes before the part. OpenAI's shape demands a span; where there
    is none it is 0 to 0.
    """
    if isinstance(citation, VendorCitation):
        return Raw(citation.raw) if citation.vendor == "openai_chat" else None
    start = 0 if citation.start is None else citation.start + shift
    end = 0 if citation.end is None else citation.end + shift
    members: dict[str, object] = {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title,
            "start_index": start,
            "end_index": end,
        },
        "url": citation.url,
        "title": citation.title,
    }
    return members | write_extensions(citation)


def write_found(result: ToolResult) -> dict[str, object]:
    """What a search of ours has found, or why it found nothing, as members of a message."""
    sources, reason = found_by(result)
    if result.is_error:
        return {"error_message": reason}
    return {"annotations": [write_citation(source) for source in sources]} if sources else {}


def write_extensions(citation: UrlCitation) -> dict[str, object]:
    """What MiMo tells of a source beside its address and title; of one from elsewhere what is known."""
    told: dict[str, object] = {
        "summary": citation.summary,
        "site_name": citation.site_name,
        "publish_time": citation.publish_time,
        "logo_url": citation.logo_url,
    }
    return told if citation.site_name else {name: text for name, text in told.items() if text}


def read_logprobs(members: Iterable[LogprobMember]) -> tuple[TokenLogprob, ...]:
    """Tokens with their log probabilities, in order."""
    return tuple(
        TokenLogprob(
            member.token,
            member.logprob,
            None if member.bytes is None else tuple(member.bytes),
            read_logprobs(member.top_logprobs or ()),
        )
        for member in members
    )


def write_logprobs(logprobs: Iterable[TokenLogprob]) -> list[dict[str, object]]:
    """The items of `logprobs.content`."""
    return [
        {
            "token": token.token,
            "logprob": token.logprob,
            "bytes": token.bytes,
            "top_logprobs": [
                {"token": rival.token, "logprob": rival.logprob, "bytes": rival.bytes} for rival in token.top
            ],
        }
        for token in logprobs
    ]
