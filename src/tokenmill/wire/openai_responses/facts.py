"""Maps the small facts of a reply both ways: its end, its cost, its sources, its log probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from tokenmill.conversation.events import Stop
from tokenmill.conversation.parts import Citation, TokenLogprob, VendorCitation
from tokenmill.conversation.usage import Usage
from tokenmill.wire.openai_chat import facts as chat
from tokenmill.wire.openai_chat import schema as chat_schema
from tokenmill.wire.openai_responses.schema import LogprobMember, UsageMember

STOP_OF: Mapping[str, Stop] = {
    "max_output_tokens": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "length": Stop.LENGTH,
    "content_filter": Stop.FILTER,
}
"""What each reason of `incomplete_details` means; one that is not here means LENGTH: something is missing."""

INCOMPLETE_OF: Mapping[Stop, str | None] = {
    Stop.END: None,
    Stop.LENGTH: "max_output_tokens",
    Stop.TOOL: None,
    Stop.FILTER: "content_filter",
    Stop.STOP_SEQUENCE: None,
    Stop.PAUSE: None,
    Stop.CONTEXT: "max_output_tokens",
}
"""The reason of `incomplete_details` for each stop; None where the response is complete."""

if _unsaid := set(Stop) - set(INCOMPLETE_OF):
    raise ValueError(f"nothing says whether {_unsaid} is complete")


def read_usage(member: UsageMember) -> Usage | None:
    """The counts, made whole and disjoint; None when nothing was counted."""
    put, got = member.input_tokens_details, member.output_tokens_details
    return chat.read_usage(
        chat_schema.UsageMember(
            prompt_tokens=member.input_tokens,
            completion_tokens=member.output_tokens,
            prompt_tokens_details=None
            if put is None
            else chat_schema.PromptDetails(put.cached_tokens, put.cache_write_tokens),
            completion_tokens_details=None
            if got is None
            else chat_schema.CompletionDetails(got.reasoning_tokens),
        )
    )


def write_usage(usage: Usage) -> dict[str, object]:
    """The `usage` member."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.input_cached,
            "cache_write_tokens": usage.input_written,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.output_reasoning},
        "total_tokens": usage.total,
    }


def read_citation(raw: Raw) -> Citation:
    """A source; one that is no web page is kept as it is."""
    citation = chat.read_citation(raw)
    return replace(citation, vendor="openai_responses") if isinstance(citation, VendorCitation) else citation


def write_citation(citation: Citation) -> object:
    """The annotation; None if it has no shape here. A span is demanded; where there is none it is 0 to 0."""
    if isinstance(citation, VendorCitation):
        return Raw(citation.raw) if citation.vendor == "openai_responses" else None
    members: dict[str, object] = {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }
    return members | chat.write_extensions(citation)


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
    """The items of `logprobs`; bytes are demanded, so a token that came without them is spelled in UTF-8."""

    def said(token: TokenLogprob) -> dict[str, object]:
        spelled = token.token.encode() if token.bytes is None else token.bytes
        return {"token": token.token, "logprob": token.logprob, "bytes": list(spelled)}

    return [said(token) | {"top_logprobs": [said(rival) for rival in token.top]} for token in logprobs]


def search_action(arguments: str) -> object:
    """The `action` of a search, out of what a call of it says; words that are no object are the query."""
    try:
        action = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        action = None
    if not isinstance(action, dict):
        action = {"query": arguments}
    if "type" in action:
        return Raw(arguments.encode())
    return {"type": "search", "query": ""} | action
