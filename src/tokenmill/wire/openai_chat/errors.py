"""Writes our faults in this wire's shape, and reads upstreams' errors as faults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from tokenmill.kit.faults import Code, Fault

RETRY_CAP = 60.0
"""Seconds; an upstream that wants more is better left to another target."""

_MESSAGE_LIMIT = 500
_REQUEST = "invalid_request_error"

NAMES: Mapping[Code, tuple[str, str]] = {
    Code.BAD_JSON: (_REQUEST, "invalid_json"),
    Code.BAD_VALUE: (_REQUEST, "invalid_value"),
    Code.UNSUPPORTED: (_REQUEST, "unsupported_value"),
    Code.CONTEXT_EXCEEDED: (_REQUEST, "context_length_exceeded"),
    Code.TOO_LARGE: (_REQUEST, "request_too_large"),
    Code.NO_KEY: ("invalid_key", "401"),
    Code.BAD_KEY: ("invalid_key", "401"),
    Code.KEY_ENDED: ("invalid_key", "401"),
    Code.UNKNOWN_MODEL: (_REQUEST, "model_not_found"),
    Code.NOT_FOUND: (_REQUEST, "not_found"),
    Code.WRONG_METHOD: (_REQUEST, "method_not_supported"),
    Code.CONFLICT: (_REQUEST, "conflict"),
    Code.FORBIDDEN: ("permission_error", "forbidden"),
    Code.CLIENT_GONE: (_REQUEST, "client_gone"),
    Code.MODEL_NOT_SOLD: ("permission_error", "model_not_sold"),
    Code.NO_FUNDS: ("insufficient_quota", "insufficient_quota"),
    Code.PLAN_USED_UP: ("insufficient_quota", "insufficient_quota"),
    Code.RATE_LIMITED: ("limitation", "429"),
    Code.UPSTREAM_AWAY: ("server_error", "upstream_away"),
    Code.UPSTREAM_BUSY: ("server_error", "upstream_busy"),
    Code.UPSTREAM_TIMEOUT: ("server_error", "upstream_timeout"),
    Code.UPSTREAM_BROKE: ("server_error", "upstream_broke"),
    Code.UPSTREAM_REFUSED: (_REQUEST, "upstream_refused"),
    Code.ENGINE_LOADING: ("server_error", "engine_loading"),
    Code.NO_TARGET: ("server_error", "no_target"),
    Code.STOPPING: ("server_error", "stopping"),
    Code.UNAVAILABLE: ("server_error", "unavailable"),
    Code.MISCONFIGURED: ("server_error", "misconfigured"),
    Code.INTERNAL: ("server_error", "internal"),
}
"""The `type` and `code` of every fault.

OpenAI's where it has one that clients look at; keys and rates as the MiMo platform names them.
"""

if _unnamed := set(Code) - set(NAMES):
    raise ValueError(f"no error names for {_unnamed}")


class ErrorMember(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str
    request_id: str | msgspec.UnsetType = msgspec.UNSET


def error_body(
    type: str, code: str, message: str, param: str | None = None, request_id: str | None = None
) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}`, with the request's id where there is one."""
    member = ErrorMember(message, type, param, code, msgspec.UNSET if request_id is None else request_id)
    return msgspec.json.encode({"error": member})


def fault_body(fault: Fault, request_id: str | None = None) -> bytes:
    """The error body that says `fault`."""
    type_, code = NAMES[fault.code]
    return error_body(type_, code, fault.message, fault.field, request_id)


# --- what upstreams say ---

_SECRET = re.compile(
    r"(?:bearer\s+\S+)|(?:\b(?:sk|tp|ak|pk|rk|key|token)[-_][\w*.-]{6,})|(?:\b[A-Za-z0-9_-]{40,}\b)", re.I
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\b[\w.-]+\.[a-z]{2,}:\d+\b|localhost:\d+",
    re.I,
)
_MARKUP = re.compile(r"<[^>]{0,200}>")
_OVERFLOW = re.compile(
    r"context (?:length|window|size)|maximum context|exceed_context_size|prompt is too long|too many tokens",
    re.I,
)
_LIMIT = (
    re.compile(r"context (?:length|window|size) (?:is |of )?\(?(\d+)", re.I),
    re.compile(r"(?:limit|maximum)[^\d]{0,30}(\d+) tokens", re.I),
)
_ASKED = (
    re.compile(r"(?:requested|resulted in|has|input) \(?(\d+)(?: input)? tokens", re.I),
    re.compile(r"\((\d+) tokens\)", re.I),
)


class _Said(msgspec.Struct):
    """What an upstream's error body says, whatever its shape."""

    message: str = ""
    type: str = ""
    code: str = ""
    asked: int | None = None
    limit: int | None = None


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """The fault that an upstream's error reply means, in words that are safe to show to the caller."""
    return _fault(status, _said(body), headers)


def decode_stream_error(data: bytes) -> Fault:
    """The fault of an error object inside a stream; without a status in it, the reply broke off."""
    said = _said(data)
    if said.code.isdecimal() and 400 <= int(said.code[:4]) <= 599:
        return _fault(int(said.code[:4]), said, {})
    if _overflows(said):
        return _overflow(said)
    if said.type == _REQUEST or said.type == "BadRequestError":
        return _fault(400, said, {})
    return Fault(
        Code.UPSTREAM_BROKE, "The model's server reported an error while it was answering. Please try again."
    )


def _fault(status: int, said: _Said, headers: Mapping[str, str]) -> Fault:
    match status:
        case 401 | 403:
            return Fault(
                Code.MISCONFIGURED,
                "The platform's credentials for this model were refused upstream; tell the operator.",
            )
        case 402:
            return Fault(
                Code.MISCONFIGURED, "The platform's account upstream has run dry; tell the operator."
            )
        case 408 | 504 | 524:
            return Fault(
                Code.UPSTREAM_TIMEOUT, "The model's server took too long to answer. Please try again."
            )
        case 429 | 529:
            return _busy(said, headers)
        case _ if _overflows(said) and status < 500:
            return _overflow(said)
        case 404 if "support" not in said.message.lower():
            return Fault(
                Code.MISCONFIGURED,
                "The model's server does not know the model it was asked for; tell the operator.",
            )
        case 413:
            return Fault(Code.TOO_LARGE, "The request is larger than the model's server takes; shorten it.")
        case _ if 400 <= status < 500:
            what = said.message or f"status {status}, without a reason"
            return Fault(Code.UPSTREAM_REFUSED, f"The model's server refused the request: {what}")
        case 503 if "loading" in said.message.lower():
            return Fault(
                Code.ENGINE_LOADING, "The model is still being loaded; try again shortly.", retry_after=5
            )
        case _:
            return Fault(
                Code.UPSTREAM_AWAY,
                "The model's server failed to answer. Please try again.",
                retry_after=_retry_after(headers),
            )


def _busy(said: _Said, headers: Mapping[str, str]) -> Fault:
    if said.code == "insufficient_quota" or said.type == "insufficient_quota":
        return Fault(Code.MISCONFIGURED, "The platform's quota upstream is used up; tell the operator.")
    return Fault(
        Code.UPSTREAM_BUSY,
        "The model's server is busy. Please try again in a moment.",
        retry_after=_retry_after(headers),
    )


def _overflows(said: _Said) -> bool:
    return (
        said.code == "context_length_exceeded"
        or said.type == "exceed_context_size_error"
        or _OVERFLOW.search(said.message) is not None
    )


def _overflow(said: _Said) -> Fault:
    limit = said.limit if said.limit is not None else _number(_LIMIT, said.message)
    asked = said.asked if said.asked is not None else _number(_ASKED, said.message)
    figures = ""
    if limit is not None:
        figures = f" of {limit} tokens" + (f" (the request takes {asked})" if asked is not None else "")
    return Fault(
        Code.CONTEXT_EXCEEDED,
        f"The conversation does not fit the model's context window{figures}; shorten it or ask for less.",
        field="messages",
    )


def _number(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    for pattern in patterns:
        if found := pattern.search(text):
            return int(found[1][:15])
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait. A date counts from the reply's own `Date`, so that no clock is needed."""
    wanted = headers.get("retry-after")
    if wanted is None:
        return None
    try:
        seconds = float(wanted)
    except ValueError:
        try:
            until = parsedate_to_datetime(wanted)
            seconds = (until - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return RETRY_CAP
    return max(0.0, min(seconds, RETRY_CAP)) if seconds == seconds else None


def _said(body: bytes) -> _Said:
    text = body.strip()
    if text.startswith(b"data:"):
        text = text[5:].split(b"\n\n")[0].strip()
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Said(message=_clean(_MARKUP.sub(" ", text[:4000].decode("utf-8", "replace"))))
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or error.get("msg") or ""
        detail = error.get("param")
        if message == "Param Incorrect" and detail:  # MiMo puts what is wrong into `param`.
            message = detail
        return _Said(
            _clean(message if isinstance(message, str) else msgspec.json.encode(message).decode()),
            str(error.get("type") or ""),
            str(error.get("code") or ""),
            _whole(error.get("n_prompt_tokens")),
            _whole(error.get("n_ctx")),
        )
    return _Said(message=_clean(error) if isinstance(error, str) else "")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _clean(text: str) -> str:
    """Without keys and addresses, on one line, of bounded length."""
    text = _ADDRESS.sub("[address]", text[: 2 * _MESSAGE_LIMIT])
    text = " ".join(_SECRET.sub("[secret]", text).split())
    return text if len(text) <= _MESSAGE_LIMIT else f"{text[: _MESSAGE_LIMIT - 1]}…"
