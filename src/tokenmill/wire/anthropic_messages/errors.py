"""Writes our faults in this wire's shape, and reads upstreams' errors as faults."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.upstream_errors import decode_error, fault_of, overflow, overflows, read_said

__all__ = ["NAMES", "STATUSES", "decode_error", "decode_stream_error", "error_body", "fault_body"]

_REQUEST = "invalid_request_error"
_KEY = "authentication_error"
_BUSY = "overloaded_error"

STATUSES: Mapping[str, int] = {
    _REQUEST: 400,
    _KEY: 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    _BUSY: 529,
}
"""The status that this wire's clients expect with each type of error."""

NAMES: Mapping[Code, str] = {
    Code.BAD_JSON: _REQUEST,
    Code.BAD_VALUE: _REQUEST,
    Code.UNSUPPORTED: _REQUEST,
    Code.CONTEXT_EXCEEDED: _REQUEST,
    Code.TOO_LARGE: "request_too_large",
    Code.SLOW_BODY: "invalid_request_error",
    Code.NO_KEY: _KEY,
    Code.BAD_KEY: _KEY,
    Code.KEY_ENDED: _KEY,
    Code.UNKNOWN_MODEL: "not_found_error",
    Code.NOT_FOUND: "not_found_error",
    Code.WRONG_METHOD: _REQUEST,
    Code.HTTP_ONLY: _REQUEST,
    Code.CONFLICT: "conflict_error",
    Code.FORBIDDEN: "permission_error",
    Code.CONTENT_BLOCKED: _REQUEST,
    Code.MODEL_NOT_SOLD: "permission_error",
    Code.NO_FUNDS: "billing_error",
    Code.PLAN_USED_UP: "rate_limit_error",
    Code.RATE_LIMITED: "rate_limit_error",
    Code.UPSTREAM_AWAY: _BUSY,
    Code.UPSTREAM_BUSY: _BUSY,
    Code.UPSTREAM_TIMEOUT: "timeout_error",
    Code.UPSTREAM_BROKE: "api_error",
    Code.UPSTREAM_REFUSED: _REQUEST,
    Code.ENGINE_LOADING: _BUSY,
    Code.NO_TARGET: _BUSY,
    Code.STOPPING: _BUSY,
    Code.NODE_LOST: _BUSY,
    Code.UNAVAILABLE: _BUSY,
    Code.MISCONFIGURED: "api_error",
    Code.INTERNAL: "api_error",
}
"""The `type` of every fault, as the vendor names it."""

if _unnamed := set(Code) - set(NAMES):
    raise ValueError(f"no error names for {_unnamed}")
if _unsaid := set(NAMES.values()) - set(STATUSES):
    raise ValueError(f"no status for {_unsaid}")


def error_body(type: str, message: str, request_id: str | None = None) -> bytes:
    """`{"type": "error", "error": {"type", "message"}, "request_id"}`; the id is null where there is none."""
    error = {"type": type, "message": message}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def fault_body(fault: Fault, request_id: str | None = None) -> bytes:
    """The error body that says `fault`."""
    return error_body(NAMES[fault.code], fault.message, request_id)


def decode_stream_error(data: bytes) -> Fault:
    """The fault of an error event; one that does not say more than that means that the reply broke off."""
    said = read_said(data)
    if overflows(said):
        return overflow(said)
    status = STATUSES.get(said.type, 500)
    if status != 500:
        return fault_of(status, said, {})
    return Fault(
        Code.UPSTREAM_BROKE, "The model's server reported an error while it was answering. Please try again."
    )
