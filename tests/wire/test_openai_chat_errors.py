from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.errors import decode_error, error_body, fault_body


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


def test_an_error_has_the_published_shape() -> None:
    assert json.loads(error_body("t", "c", "m")) == {
        "error": {"message": "m", "type": "t", "param": None, "code": "c"}
    }
    told = json.loads(fault_body(Fault(Code.BAD_VALUE, "n: no", field="n"), "req_1"))
    assert told["error"] == {
        "message": "n: no",
        "type": "invalid_request_error",
        "param": "n",
        "code": "invalid_value",
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ({"code": "context_length_exceeded", "message": "too long"}, ""),
        (
            {
                "code": 400,
                "type": "exceed_context_size_error",
                "message": "x",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            },
            "of 4096 tokens (the request takes 9000)",
        ),
        (
            {
                "message": "This model's maximum context length is 4096 tokens. However, you requested"
                " 5000 tokens"
                " (4900 in the messages, 100 in the completion). Please reduce the length of the messages."
            },
            "of 4096 tokens (the request takes 5000)",
        ),
        (
            {"message": "The input (5000 tokens) is longer than the model's context length (4096 tokens)."},
            "of 4096 tokens (the request takes 5000)",
        ),
    ],
    ids=["openai", "llama.cpp", "vllm", "sglang"],
)
def test_a_context_overflow_is_recognised_with_its_figures(said: dict[str, Any], figures: str) -> None:
    fault = decode_error(400, {}, body(**said))
    assert fault.code is Code.CONTEXT_EXCEEDED
    assert figures in fault.message


@pytest.mark.parametrize(
    ("status", "raw", "code", "message"),
    [
        (
            400,
            body(message="`text` is not set"),
            Code.UPSTREAM_REFUSED,
            "refused the request: `text` is not set",
        ),
        (422, b'{"detail": [{"loc": ["x"]}]}', Code.UPSTREAM_REFUSED, '[{"loc":["x"]}]'),
        (
            400,
            b"data:" + body(code="400", message="Param Incorrect", param="Not supported model X", type=""),
            Code.UPSTREAM_REFUSED,
            "Not supported model X",
        ),
        (400, b"", Code.UPSTREAM_REFUSED, "status 400, without a reason"),
        (400, b"<html><body>Bad <b>Request</b></body></html>", Code.UPSTREAM_REFUSED, "Bad Request"),
        (421, body(message="Moderation Block"), Code.UPSTREAM_REFUSED, "Moderation Block"),
        (401, body(message="Invalid API Key sk-abcdefghij"), Code.MISCONFIGURED, "tell the operator"),
        (403, b"", Code.MISCONFIGURED, "tell the operator"),
        (402, b"", Code.MISCONFIGURED, "tell the operator"),
        (404, b"not found", Code.MISCONFIGURED, "does not know the model"),
        (
            404,
            body(message="No endpoints found that support image input"),
            Code.UPSTREAM_REFUSED,
            "support image input",
        ),
        (408, b"", Code.UPSTREAM_TIMEOUT, "too long"),
        (504, b"<html>", Code.UPSTREAM_TIMEOUT, "too long"),
        (413, b"", Code.TOO_LARGE, "larger"),
        (429, body(message="Too many requests"), Code.UPSTREAM_BUSY, "busy"),
        (429, body(message="x", code="insufficient_quota"), Code.MISCONFIGURED, "quota"),
        (500, body(message="oops"), Code.UPSTREAM_AWAY, "failed to answer"),
        (502, b"<html>Bad gateway</html>", Code.UPSTREAM_AWAY, "failed to answer"),
        (503, body(message="Loading model", code=503), Code.ENGINE_LOADING, "loaded"),
        (302, b"", Code.MISCONFIGURED, "another address"),
    ],
)
def test_an_error_of_an_upstream_says_who_must_act(status: int, raw: bytes, code: Code, message: str) -> None:
    fault = decode_error(status, {}, raw)
    assert fault.code is code
    assert message in fault.message


def test_addresses_and_keys_of_an_upstream_are_not_passed_on() -> None:
    secret = "sk-" + "a1B2" * 12
    said = f"call http://10.1.2.3:8000/v1?k=1 or vllm.local:8000 with Bearer abc.def or {secret} at 10.0.0.1"
    message = decode_error(400, {}, body(message=said)).message
    assert message.endswith("call [address] or [address] with [secret] or [secret] at [address]"), message


def test_a_long_message_of_an_upstream_is_cut() -> None:
    assert len(decode_error(400, {}, body(message="word " * 10_000)).message) < 600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7000"}, 60),
        ({"retry-after": "-7"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT"}, 60),
        ({"retry-after": "soon"}, 60),
    ],
)
def test_a_busy_upstream_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert decode_error(429, headers, b"").retry_after == seconds
