"""Maps a fault to the status and the one JSON shape in which the admin API reports it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from tokenmill.accounts.oidc.problems import SignInProblem
from tokenmill.accounts.refusals import Refusal
from tokenmill.billing.codes import UnusableCode
from tokenmill.kit.faults import Code, Fault

STATUSES: Final[Mapping[Code, int]] = {
    Code.BAD_JSON: 400,
    Code.BAD_VALUE: 400,
    Code.UNSUPPORTED: 400,
    Code.CONTEXT_EXCEEDED: 400,
    Code.TOO_LARGE: 413,
    Code.SLOW_BODY: 408,
    Code.NO_KEY: 401,
    Code.BAD_KEY: 401,
    Code.KEY_ENDED: 401,
    Code.UNKNOWN_MODEL: 404,
    Code.NOT_FOUND: 404,
    Code.WRONG_METHOD: 405,
    Code.HTTP_ONLY: 426,
    Code.CONFLICT: 409,
    Code.FORBIDDEN: 403,
    Code.CONTENT_BLOCKED: 400,
    Code.MODEL_NOT_SOLD: 403,
    Code.NO_FUNDS: 402,
    Code.PLAN_USED_UP: 429,
    Code.RATE_LIMITED: 429,
    # What a target says in a test is the answer to the test, not a failure of this API.
    Code.UPSTREAM_REFUSED: 502,
    Code.UPSTREAM_AWAY: 502,
    Code.UPSTREAM_BUSY: 502,
    Code.UPSTREAM_TIMEOUT: 502,
    Code.UPSTREAM_BROKE: 502,
    Code.ENGINE_LOADING: 503,
    Code.NO_TARGET: 503,
    Code.STOPPING: 503,
    Code.NODE_LOST: 503,
    Code.UNAVAILABLE: 503,
    Code.MISCONFIGURED: 500,
    Code.INTERNAL: 500,
}

if missing := set(Code) - set(STATUSES):
    raise ValueError(f"no status for {sorted(missing)}")


class _Said(msgspec.Struct):
    code: str
    message: str
    field: str | None
    request_id: str


class _Body(msgspec.Struct):
    error: _Said


def body_of(fault: Fault, request_id: str) -> bytes:
    """`{"error": {"code", "message", "field", "request_id"}}`; a refusal's code is its reason."""
    match fault:
        case Refusal() | UnusableCode():
            code: str = fault.reason
        case SignInProblem():
            code = fault.problem
        case _:
            code = fault.code.value
    return msgspec.json.encode(_Body(_Said(code, fault.message, fault.field, request_id)))


def internal(request_id: str) -> Fault:
    """A bug of ours."""
    return Fault(Code.INTERNAL, f"The platform failed. Please report the request id {request_id}.")


def status_of(fault: Fault) -> int:
    """The HTTP status."""
    return STATUSES[fault.code]


def headers_of(fault: Fault) -> list[tuple[bytes, bytes]]:
    """`retry-after`, in seconds, where waiting helps; the console counts down with it."""
    headers = [(b"content-type", b"application/json")]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(fault.retry_after))).encode()))
    return headers
