"""Says our faults inside responses, and reads the failures that upstreams put into theirs.

An error reply has the shape of the chat wire: `fault_body` and `decode_error` are the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.errors import decode_stream_error, error_body, fault_body
from tokenmill.wire.upstream_errors import decode_error

__all__ = ["FAILURES", "decode_error", "decode_failure", "error_body", "failure", "fault_body"]

_SERVER, _PROMPT, _RATE = "server_error", "invalid_prompt", "rate_limit_exceeded"
_QUOTA = "insufficient_quota"

FAILURES: Mapping[Code, str] = {
    Code.BAD_JSON: _PROMPT,
    Code.BAD_VALUE: _PROMPT,
    Code.UNSUPPORTED: _PROMPT,
    Code.CONTEXT_EXCEEDED: "context_length_exceeded",
    Code.TOO_LARGE: _PROMPT,
    Code.SLOW_BODY: _PROMPT,
    Code.NO_KEY: _PROMPT,
    Code.BAD_KEY: _PROMPT,
    Code.KEY_ENDED: _PROMPT,
    Code.UNKNOWN_MODEL: _PROMPT,
    Code.NOT_FOUND: _PROMPT,
    Code.WRONG_METHOD: _PROMPT,
    Code.HTTP_ONLY: _PROMPT,
    Code.CONFLICT: _PROMPT,
    Code.FORBIDDEN: _PROMPT,
    Code.CONTENT_BLOCKED: _PROMPT,
    Code.MODEL_NOT_SOLD: _QUOTA,
    Code.NO_FUNDS: _QUOTA,
    Code.PLAN_USED_UP: _QUOTA,
    Code.RATE_LIMITED: _RATE,
    Code.UPSTREAM_AWAY: _SERVER,
    Code.UPSTREAM_BUSY: _RATE,
    Code.UPSTREAM_TIMEOUT: _SERVER,
    Code.UPSTREAM_BROKE: _SERVER,
    Code.UPSTREAM_REFUSED: _PROMPT,
    Code.ENGINE_LOADING: _SERVER,
    Code.NO_TARGET: _SERVER,
    Code.STOPPING: _SERVER,
    Code.NODE_LOST: _SERVER,
    Code.UNAVAILABLE: _SERVER,
    Code.MISCONFIGURED: _SERVER,
    Code.INTERNAL: _SERVER,
}
"""The `code` of a failed response's error.

The published type lists neither `context_length_exceeded` nor `insufficient_quota`, but they are sent,
and Codex acts on them: it shortens the conversation at the one and stops retrying at the other.
"""

if _unnamed := set(Code) - set(FAILURES):
    raise ValueError(f"no failure code for {_unnamed}")

_STATUS_OF = {
    "rate_limit_exceeded": 429,
    "server_is_overloaded": 529,
    "slow_down": 529,
    "insufficient_quota": 402,
    "invalid_prompt": 400,
}
_CALLER = ("image_", "invalid_image", "invalid_base64_image", "unsupported_image", "empty_image", "failed_to")


def failure(fault: Fault) -> dict[str, object]:
    """The `error` member of a response that failed."""
    return {"code": FAILURES[fault.code], "message": fault.message}


def decode_failure(error: bytes) -> Fault:
    """The fault that the error of a failed response tells of, in words that are safe to show."""
    try:
        members = msgspec.json.decode(error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        members = None
    if not isinstance(members, dict):
        return decode_stream_error(error)
    members = members.get("error", members)
    if isinstance(members, dict):
        code = str(members.get("code") or "")
        status = 400 if code.startswith(_CALLER) else _STATUS_OF.get(code)
        overflow = "context" in str(members.get("message"))
        if status is not None and not overflow:
            members = members | {"code": status}
    return decode_stream_error(msgspec.json.encode({"error": members}))
