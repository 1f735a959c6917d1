"""Reads upstreams' error replies as faults, in words that are safe to show to a caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from tokenmill.kit.faults import Code, Fault

RETRY_CAP = 60.0
"""Seconds; an upstream that wants more is better left to another target."""

_MESSAGE_LIMIT = 500

_SECRET = re.compile(
    r"(?:bearer\s+\S+)|(?:\b(?:sk|tp|ak|pk|rk|key|token)[-_][\w*.-]{6,})|(?:\b[A-Za-z0-9_-]{40,}\b)", re.I
)
_NAMED_SECRET = re.compile(
    r"\b(api[-_ ]?key|token|password|secret)(?: provided)?[\"']?\s*[=:]\s*[\"']?[^\s,;\"']{6,}", re.I
)
_PLACE = re.compile(r"(?<![\w/])/(?:[\w.-]+/)+[\w.-]+")
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\b[\w.-]+\.[a-z]{2,}:\d+\b|localhost:\d+"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:internal|local|lan|corp|intranet|svc)\b|\[(?:[\da-f]*:){2,7}[\da-f.]*\](?::\d+)?",
    re.I,
)
_MARKUP = re.compile(r"<[^>]{0,200}>")
_OVERFLOW = re.compile(
    r"context (?:length|window|size|limit)|maximum context|exceed_context_size"
    r"|prompt is too long|too many tokens",
    re.I,
)
_POOR = re.compile(r"credit balance is too low", re.I)  # Anthropic says it with status 400.
_LIMIT = (
    re.compile(r"context (?:length|window|size) (?:is |of )?\(?(\d+)", re.I),
    re.compile(r"(?:limit|maximum)[^\d]{0,30}(\d+) tokens", re.I),
    re.compile(r"\d(?: tokens)? > (\d+)"),  # Anthropic: "210000 tokens > 200000 maximum", "9 + 5 > 12".
)
_ASKED = (
    re.compile(r"(?:requested|resulted in|has|input) \(?(\d+)(?: input)? tokens", re.I),
    re.compile(r"\((\d+) tokens\)", re.I),
    re.compile(r"too long: (\d+) tokens", re.I),
)


class Said(msgspec.Struct):
    """What an upstream's error body says, whatever its shape."""

    message: str = ""
    type: str = ""
    code: str = ""
    asked: int | None = None
    limit: int | None = None


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """The fault that an upstream's error reply means, in words that are safe to show to the caller."""
    return fault_of(status, read_said(body), headers)


def fault_of(status: int, said: Said, headers: Mapping[str, str]) -> Fault:
    """The fault that `said` means where it came with this status."""
    match status:
        case _ if 300 <= status < 400:
            return Fault(
                Code.MISCONFIGURED,
                "The model's server sends its callers to another address; tell the operator to correct it.",
            )
        case 401 | 403:
            return Fault(
                Code.MISCONFIGURED,
                "The platform's credentials for this model were refused upstream; tell the operator.",
            )
        case 402:
            return _run_dry()
        case 400 if _POOR.search(said.message):
            return _run_dry()
        case 408 | 504 | 524:
            return Fault(
                Code.UPSTREAM_TIMEOUT, "The model's server took too long to answer. Please try again."
            )
        case 429 | 529:
            return _busy(said, headers)
        case _ if overflows(said) and status < 500:
            return overflow(said)
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


def _run_dry() -> Fault:
    return Fault(Code.MISCONFIGURED, "The platform's account upstream has run dry; tell the operator.")


def _busy(said: Said, headers: Mapping[str, str]) -> Fault:
    if said.code == "insufficient_quota" or said.type == "insufficient_quota":
        return Fault(Code.MISCONFIGURED, "The platform's quota upstream is used up; tell the operator.")
    return Fault(
        Code.UPSTREAM_BUSY,
        "The model's server is busy. Please try again in a moment.",
        retry_after=_retry_after(headers),
    )


def overflows(said: Said) -> bool:
    """Does it say that the conversation is longer than the model's context window?"""
    return (
        said.code == "context_length_exceeded"
        or said.type == "exceed_context_size_error"
        or _OVERFLOW.search(said.message) is not None
    )


def overflow(said: Said) -> Fault:
    """The fault of a conversation that is too long, with the figures that were given."""
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


def read_said(body: bytes) -> Said:
    """What `body` says, without keys and addresses; also out of a page or a bare text."""
    text = body.strip()
    if text.startswith(b"data:"):
        text = text[5:].split(b"\n\n")[0].strip()
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said(message=_clean(_MARKUP.sub(" ", text[:4000].decode("utf-8", "replace"))))
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or error.get("msg") or ""
        detail = error.get("param")
        if message == "Param Incorrect" and detail:  # MiMo puts what is wrong into `param`.
            message = detail
        return Said(
            _clean(message if isinstance(message, str) else msgspec.json.encode(message).decode()),
            str(error.get("type") or ""),
            str(error.get("code") or ""),
            _whole(error.get("n_prompt_tokens")),
            _whole(error.get("n_ctx")),
        )
    return Said(message=_clean(error) if isinstance(error, str) else "")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _clean(text: str) -> str:
    """Without keys and addresses, on one line, of bounded length."""
    text = _NAMED_SECRET.sub(r"\1 [secret]", text[: 2 * _MESSAGE_LIMIT])
    text = _PLACE.sub("[file]", _ADDRESS.sub("[address]", text))
    text = " ".join(_SECRET.sub("[secret]", text).split())
    return text if len(text) <= _MESSAGE_LIMIT else f"{text[: _MESSAGE_LIMIT - 1]}…"
