from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_responses.errors import decode_failure, error_body, failure, fault_body


def told(**error: Any) -> Fault:
    return decode_failure(json.dumps(error).encode())


def test_an_error_reply_has_the_shape_of_the_chat_wire() -> None:
    assert json.loads(error_body("t", "c", "m"))["error"]["code"] == "c"
    assert json.loads(fault_body(Fault(Code.BAD_VALUE, "input: no", field="input")))["error"] == {
        "message": "input: no",
        "type": "invalid_request_error",
        "param": "input",
        "code": "invalid_value",
    }


@pytest.mark.parametrize("code", list(Code))
def test_every_fault_can_be_said_inside_a_response(code: Code) -> None:
    said = failure(Fault(code, "What to do."))
    assert said["message"] == "What to do."
    assert said["code"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "rate_limit_exceeded", "message": "slow"}, Code.UPSTREAM_BUSY),
        ({"code": "server_is_overloaded", "message": "x"}, Code.UPSTREAM_BUSY),
        ({"code": "insufficient_quota", "message": "x"}, Code.MISCONFIGURED),
        ({"code": "invalid_prompt", "message": "bad"}, Code.UPSTREAM_REFUSED),
        ({"code": "image_too_large", "message": "bad"}, Code.UPSTREAM_REFUSED),
        ({"code": "invalid_image_url", "message": "bad"}, Code.UPSTREAM_REFUSED),
        ({"code": "context_length_exceeded", "message": "x"}, Code.CONTEXT_EXCEEDED),
        (
            {"code": "invalid_prompt", "message": "It exceeds the context window"},
            Code.CONTEXT_EXCEEDED,
        ),
        ({"code": "server_error", "message": "boom"}, Code.UPSTREAM_BROKE),
        ({"error": {"code": "rate_limit_exceeded", "message": "x"}}, Code.UPSTREAM_BUSY),
        ({"error": None}, Code.UPSTREAM_BROKE),
        ({}, Code.UPSTREAM_BROKE),
    ],
)
def test_the_failure_of_an_upstream_is_recognised(error: dict[str, Any], code: Code) -> None:
    assert told(**error).code is code


def test_what_is_no_object_is_a_failure_as_well() -> None:
    assert decode_failure(b"boom").code is Code.UPSTREAM_BROKE


def test_the_words_of_an_upstream_hold_no_addresses_and_no_keys() -> None:
    message = "see https://internal.example/x with sk-1234567890"
    assert told(code="invalid_prompt", message=message).message.endswith("see [address] with [secret]")
