from __future__ import annotations

import pytest

from tokenmill.conversation.request import (
    ChooseOne,
    Request,
    UnknownTool,
)
from tokenmill.kit.faults import Fault
from tokenmill.ports import Route
from tokenmill.wire.almost_json import read_almost, write_again
from tokenmill.wire.openai_chat.reply import decode_reply
from tokenmill.wire.openai_responses.request import encode_request
from tokenmill.wire.utf8 import as_utf8


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        (b'{"a": 1e999, "b": NaN, "c": -Infinity, "d": 1.5}', '{"a":null,"b":null,"c":null,"d":1.5}'),
        (b"[" + b"9" * 5_000 + b", 12345678901234567890]", "[null,12345678901234567890]"),
        (b'"a\nb\xff\\ud83d"', '"a\\nb\ufffd\ufffd"'),
        (b"[" * 100_000, "null"),
        (b"{", "null"),
    ],
)
def test_what_is_almost_json_is_written_again_as_json(data: bytes, meant: str) -> None:
    assert write_again(read_almost(data)) == meant


def test_what_is_utf8_stays_the_same_object() -> None:
    data = "好".encode()
    assert as_utf8(data) is data
    assert as_utf8(data[:2] + b"!") == "\ufffd!".encode()


def test_choices_that_nobody_asked_for_are_left_out_of_a_whole_reply() -> None:
    body = b'{"choices":[{"index":0,"message":{"content":"a"}},{"index":1,"message":{"content":"b"}}]}'
    assert decode_reply(body, choices=1) == decode_reply(
        b'{"choices":[{"index":0,"message":{"content":"a"}}]}'
    )


def test_a_refusal_quotes_no_more_than_a_sentence_of_the_caller() -> None:
    """The type is the caller's own and of any length; so would the message be, and the log's line."""
    tool = UnknownTool("openai_chat", "x" * 100_000, b"{}", "x")
    with pytest.raises(Fault) as caught:
        encode_request(
            Request(model="m", turns=(), tools=(tool,), tool_choice=ChooseOne("x")),
            Route(target="t", engine="e", upstream_model="u"),
        )
    assert len(caught.value.message) < 500
