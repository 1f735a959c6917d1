"""What we write is valid by the types of the official client, members that must be there included."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import (
    ErrorResponse,
    Message,
    MessageTokensCount,
    ModelInfo,
    RawMessageStartEvent,
)
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from pydantic import BaseModel, TypeAdapter

from tests.property.anthropic_law import read_lawfully
from tests.wire.golden import GOLDEN
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.errors import fault_body
from tokenmill.wire.anthropic_messages.models import ModelEntry, encode_count, encode_model
from tokenmill.wire.anthropic_messages.request import decode_request, encode_request

FOLDER = GOLDEN / "anthropic_messages"
UNTYPED = {"unknown_blocks_and_events"}
STREAMS = [path for path in sorted(FOLDER.glob("*.client.sse")) if path.name.split(".")[0] not in UNTYPED]
REPLIES = sorted(FOLDER.glob("*.reply.client.json"))
ODD = {"every_block", "tool_changes_in_the_middle"}  # Their blocks are unknown, or of a beta.
REQUESTS = [path for path in sorted(FOLDER.glob("*.request.json")) if path.name.split(".")[0] not in ODD]
ROUTE = Route(target="t", engine="e", upstream_model="m")
_BODY = TypeAdapter(MessageCreateParamsStreaming)


def must_be_whole(model: BaseModel, told: dict[str, Any], optional: set[str]) -> None:
    """No member of the type is missing, nor any of the types within, but for what is `optional`."""
    for name in type(model).model_fields:
        assert name in told or name in optional, f"{type(model).__name__}.{name}"
        inner = getattr(model, name)
        if isinstance(inner, BaseModel):
            must_be_whole(inner, told[name], optional)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.name.split(".")[0])
def test_a_golden_stream_is_put_together_by_the_official_client(path: Path) -> None:
    seen = read_lawfully(path.read_bytes())
    assert isinstance(seen.message, Message)
    if seen.error is not None:
        ErrorResponse.model_validate(seen.error)


def test_a_stream_begins_with_a_whole_message() -> None:
    first = (FOLDER / "plain.client.sse").read_bytes().split(b"\n\n")[0].split(b"data: ")[1]
    told = json.loads(first)
    must_be_whole(RawMessageStartEvent.model_validate(told), told, set())


@pytest.mark.parametrize("path", REPLIES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_reply_is_whole_by_the_official_types(path: Path) -> None:
    (told,) = json.loads(path.read_text())
    message = Message.model_validate(told)
    must_be_whole(message, told, set())
    for block, written in zip(message.content, told["content"], strict=True):
        must_be_whole(block, written, {"toolset_name"})


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.name.split(".")[0])
def test_a_golden_request_asks_what_the_official_client_could_ask(path: Path) -> None:
    raw, _ = encode_request(decode_request(path.read_bytes()), ROUTE, system_in_place=True)
    parsed: Any = _BODY.validate_python(json.loads(raw))
    for message in parsed["messages"]:
        if not isinstance(message["content"], str):
            list(message["content"])  # The types read arrays only when they are walked.


def test_models_and_counts_are_whole_by_the_official_types() -> None:
    told = json.loads(encode_model(ModelEntry("m", "M", datetime(2026, 1, 1, tzinfo=UTC), 9, 3)))
    must_be_whole(ModelInfo.model_validate(told), told, set())
    assert MessageTokensCount.model_validate_json(encode_count(5)).input_tokens == 5


@pytest.mark.parametrize("code", list(Code))
def test_every_error_is_one_that_the_official_types_know(code: Code) -> None:
    told = json.loads(fault_body(Fault(code, "x"), "req_1"))
    known = ErrorResponse.model_validate(told | {"error": told["error"] | _unlisted(told["error"]["type"])})
    assert known.request_id == "req_1"


def _unlisted(type_: str) -> dict[str, str]:
    """Two types that the service documents and the client's error union leaves out."""
    return {"type": "api_error"} if type_ in ("conflict_error", "request_too_large") else {}
