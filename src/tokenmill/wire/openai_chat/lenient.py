"""Reads chunks that do not fit the schema, taking from them what makes sense."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.almost_json import read_almost, whole_text, write_again
from tokenmill.wire.openai_chat.schema import (
    NOTHING,
    CallDelta,
    ChoiceChunk,
    Chunk,
    CompletionDetails,
    CustomDelta,
    FunctionDelta,
    LogprobMember,
    LogprobsMember,
    MessageDelta,
    PromptDetails,
    SearchUsage,
    UsageMember,
)

_HUGE = 10**18


def lenient_chunk(data: bytes) -> Chunk:
    """The chunk that `data` was meant to be: members of a wrong type count as left out.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD. Raises Fault(UPSTREAM_BROKE)
    for what is no JSON object.
    """
    value = read_almost(data)
    if not isinstance(value, dict):
        raise Fault(
            Code.UPSTREAM_BROKE,
            "The model's reply broke off: its server sent something that is not a chunk. Please try again.",
        )
    error, choices = value.get("error"), value.get("choices")
    return Chunk(
        id=_text(value.get("id")),
        object=_text(value.get("object")),
        created=_number(value.get("created")),
        model=_text(value.get("model")),
        system_fingerprint=_text(value.get("system_fingerprint")),
        choices=[_choice(item, i) for i, item in enumerate(_items(choices))]
        if isinstance(choices, list)
        else None,
        usage=_usage(_members(value.get("usage"))),
        error=NOTHING if error is None else Raw(write_again(error).encode()),
    )


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return whole_text(value) if isinstance(value, str) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_HUGE < value < _HUGE else None  # NaN is neither.


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _choice(value: dict[str, Any], position: int) -> ChoiceChunk:
    index = _index(value.get("index"))
    return ChoiceChunk(
        index=position if index is None else index,
        delta=_message(value["delta"]) if isinstance(value.get("delta"), dict) else None,
        message=_message(value["message"]) if isinstance(value.get("message"), dict) else None,
        finish_reason=_text(value.get("finish_reason")),
        logprobs=LogprobsMember(_logprobs(_members(value.get("logprobs")).get("content"))),
        stop_reason=_text(value.get("stop_reason")),
        matched_stop=_text(value.get("matched_stop")),
    )


def _message(value: dict[str, Any]) -> MessageDelta:
    annotations = [Raw(write_again(item).encode()) for item in _items(value.get("annotations"))]
    return MessageDelta(
        content=_words(value.get("content")),
        reasoning_content=_words(value.get("reasoning_content")),
        reasoning=_words(value.get("reasoning")),
        refusal=_text(value.get("refusal")),
        tool_calls=[_call(item) for item in _items(value.get("tool_calls"))],
        annotations=annotations,
    )


def _words(value: Any) -> str | None:
    """Text, or the text of a list of parts."""
    if isinstance(value, list):
        return "".join(_text(item.get("text")) or "" for item in _items(value))
    return _text(value)


def _call(value: dict[str, Any]) -> CallDelta:
    function, custom = value.get("function"), value.get("custom")
    return CallDelta(
        index=_index(value.get("index")),
        id=_text(value.get("id")),
        type=_text(value.get("type")),
        function=FunctionDelta(_text(function.get("name")), _arguments(function.get("arguments")))
        if isinstance(function, dict)
        else None,
        custom=CustomDelta(_text(custom.get("name")), _arguments(custom.get("input")))
        if isinstance(custom, dict)
        else None,
    )


def _arguments(value: Any) -> str | None:
    """The arguments as text; some servers send the object itself."""
    return write_again(value) if isinstance(value, dict | list) else _text(value)


def _logprobs(value: Any) -> list[LogprobMember]:
    members = []
    for item in _items(value):
        token, logprob, spelled = _text(item.get("token")), _number(item.get("logprob")), item.get("bytes")
        if token is not None and logprob is not None:
            octets = [b for b in spelled if _index(b) is not None] if isinstance(spelled, list) else None
            members.append(LogprobMember(token, logprob, octets, _logprobs(item.get("top_logprobs"))))
    return members


def _usage(value: dict[str, Any]) -> UsageMember:
    prompt = _members(value.get("prompt_tokens_details"))
    completion = _members(value.get("completion_tokens_details"))
    searched = _members(value.get("web_search_usage"))
    return UsageMember(
        prompt_tokens=_number(value.get("prompt_tokens")),
        completion_tokens=_number(value.get("completion_tokens")),
        prompt_cache_hit_tokens=_number(value.get("prompt_cache_hit_tokens")),
        prompt_tokens_details=PromptDetails(
            *(_number(prompt.get(name)) for name in PromptDetails.__struct_fields__)
        ),
        completion_tokens_details=CompletionDetails(_number(completion.get("reasoning_tokens"))),
        web_search_usage=SearchUsage(
            _number(searched.get("tool_usage")), _number(searched.get("page_usage"))
        ),
    )
