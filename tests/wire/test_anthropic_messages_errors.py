from __future__ import annotations

import json

import pytest

from tokenmill.kit.faults import Blame, Code, Fault
from tokenmill.wire.anthropic_messages.errors import (
    NAMES,
    STATUSES,
    decode_error,
    decode_stream_error,
    fault_body,
)


def body(type_: str, message: str = "x") -> bytes:
    return json.dumps({"type": "error", "error": {"type": type_, "message": message}}).encode()


def test_an_error_has_the_published_shape() -> None:
    assert json.loads(fault_body(Fault(Code.BAD_KEY, "No such key."), "req_1")) == {
        "type": "error",
        "error": {"type": "authentication_error", "message": "No such key."},
        "request_id": "req_1",
    }
    assert json.loads(fault_body(Fault(Code.NO_FUNDS, "Empty.")))["request_id"] is None


@pytest.mark.parametrize("code", list(Code))
def test_every_fault_has_a_type_whose_status_tells_the_same_blame(code: Code) -> None:
    status = STATUSES[NAMES[code]]
    ours = code.blame in (Blame.UPSTREAM, Blame.US) and code is not Code.UPSTREAM_REFUSED
    assert (status >= 500) == ours


@pytest.mark.parametrize(
    ("status", "raw", "code", "message"),
    [
        (
            400,
            body("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
            Code.CONTEXT_EXCEEDED,
            "of 200000 tokens (the request takes 210000)",
        ),
        (
            400,
            body(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            ),
            Code.CONTEXT_EXCEEDED,
            "of 200000 tokens",
        ),
        (
            400,
            body("invalid_request_error", "Your credit balance is too low to access the API."),
            Code.MISCONFIGURED,
            "run dry",
        ),
        (
            400,
            body("invalid_request_error", "system: bad"),
            Code.UPSTREAM_REFUSED,
            "refused the request: system: bad",
        ),
        (401, body("authentication_error", "invalid x-api-key"), Code.MISCONFIGURED, "tell the operator"),
        (404, body("not_found_error", "model: x"), Code.MISCONFIGURED, "does not know the model"),
        (413, body("request_too_large"), Code.TOO_LARGE, "larger"),
        (429, body("rate_limit_error"), Code.UPSTREAM_BUSY, "busy"),
        (500, body("api_error"), Code.UPSTREAM_AWAY, "failed to answer"),
        (529, body("overloaded_error"), Code.UPSTREAM_BUSY, "busy"),
    ],
)
def test_an_error_of_an_upstream_says_who_must_act(status: int, raw: bytes, code: Code, message: str) -> None:
    fault = decode_error(status, {}, raw)
    assert fault.code is code
    assert message in fault.message


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("overloaded_error", Code.UPSTREAM_BUSY),
        ("rate_limit_error", Code.UPSTREAM_BUSY),
        ("timeout_error", Code.UPSTREAM_TIMEOUT),
        ("invalid_request_error", Code.UPSTREAM_REFUSED),
        ("authentication_error", Code.MISCONFIGURED),
        ("api_error", Code.UPSTREAM_BROKE),
        ("new_error", Code.UPSTREAM_BROKE),
    ],
)
def test_an_error_event_means_what_its_type_says(type_: str, code: Code) -> None:
    assert decode_stream_error(body(type_)).code is code


def test_an_error_event_may_tell_that_the_context_is_full() -> None:
    assert decode_stream_error(body("api_error", "prompt is too long")).code is Code.CONTEXT_EXCEEDED
