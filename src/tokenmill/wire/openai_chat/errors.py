"""Writes our faults in this wire's shape, and reads upstreams' errors as faults."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.upstream_errors import decode_error, fault_of, overflow, overflows, read_said

__all__ = ["NAMES", "decode_error", "decode_stream_error", "error_body", "fault_body"]

_REQUEST = "invalid_request_error"

NAMES: Mapping[Code, tuple[str, str]] = {
    Code.BAD_JSON: (_REQUEST, "invalid_json"),
    Code.BAD_VALUE: (_REQUEST, "invalid_value"),
    Code.UNSUPPORTED: (_REQUEST, "unsupported_value"),
    Code.CONTEXT_EXCEEDED: (_REQUEST, "context_length_exceeded"),
    Code.TOO_LARGE: (_REQUEST, "request_too_large"),
    Code.SLOW_BODY: (_REQUEST, "request_timeout"),
    Code.NO_KEY: ("invalid_key", "401"),
    Code.BAD_KEY: ("invalid_key", "401"),
    Code.KEY_ENDED: ("invalid_key", "401"),
    Code.UNKNOWN_MODEL: (_REQUEST, "model_not_found"),
    Code.NOT_FOUND: (_REQUEST, "not_found"),
    Code.WRONG_METHOD: (_REQUEST, "method_not_supported"),
    Code.HTTP_ONLY: (_REQUEST, "upgrade_not_supported"),
    Code.CONFLICT: (_REQUEST, "conflict"),
    Code.FORBIDDEN: ("permission_error", "forbidden"),
    Code.CONTENT_BLOCKED: ("content_filter", "421"),
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
    Code.NODE_LOST: ("server_error", "node_lost"),
    Code.UNAVAILABLE: ("server_error", "unavailable"),
    Code.MISCONFIGURED: ("server_error", "misconfigured"),
    Code.INTERNAL: ("server_error", "internal"),
}
"""The `type` and `code` of every fault.

OpenAI's where it has one that clients look at; keys, rates and moderation as the MiMo platform names them.
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


def decode_stream_error(data: bytes) -> Fault:
    """The fault of an error object inside a stream; without a status in it, the reply broke off."""
    said = read_said(data)
    if said.code.isdecimal() and 400 <= int(said.code[:4]) <= 599:
        return fault_of(int(said.code[:4]), said, {})
    if overflows(said):
        return overflow(said)
    if said.type == _REQUEST or said.type == "BadRequestError":
        return fault_of(400, said, {})
    return Fault(
        Code.UPSTREAM_BROKE, "The model's server reported an error while it was answering. Please try again."
    )
