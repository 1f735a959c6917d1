from __future__ import annotations

import msgspec
import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.members import INTEGER, STRING, decode_at, read_members

NESTED = msgspec.json.Decoder(list[dict[str, int]])


def test_members_are_taken_once_and_the_rest_is_left_as_it_was_written() -> None:
    members = read_members(b'{"a": "x", "b": null, "c": 1.50, "d": null}')
    assert members.take("a", STRING) == "x"
    assert members.take("a", STRING) is None
    assert members.take("b", INTEGER) is None
    assert members.take_raw("nothing") is None
    assert members.left() == (("c", b"1.50"),)
    assert members.take_raw("c") == b"1.50"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"5", "a: expected an array, got a number"),
        (b"[5]", "a[0]: expected an object, got a number"),
        (b'[{"x": "y"}]', "a[0][...]: expected an integer, got a string"),
    ],
)
def test_a_mismatch_is_told_by_its_path(raw: bytes, message: str) -> None:
    with pytest.raises(Fault) as caught:
        decode_at(NESTED, raw, "a")
    assert caught.value.message == message
    assert caught.value.code is Code.BAD_VALUE


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"tru", "a: "),
        (b'"\\ud800"', "a: it ends too early, or a string ends in half a surrogate pair."),
        (b'"\xff"', "a: a string is not UTF-8."),
    ],
)
def test_a_value_that_is_no_json_is_told_by_its_path(raw: bytes, message: str) -> None:
    with pytest.raises(Fault) as caught:
        decode_at(STRING, raw, "a")
    assert caught.value.message.startswith(message)
    assert caught.value.code is Code.BAD_JSON


def test_a_value_nested_too_deeply_is_told_by_its_path() -> None:
    anything = msgspec.json.Decoder(object)
    with pytest.raises(Fault, match="a: it is nested too deeply"):
        decode_at(anything, b"[" * 5000 + b"]" * 5000, "a")


def test_a_value_that_is_refused_for_another_reason_says_which() -> None:
    with pytest.raises(Fault, match="a: the value is not acceptable"):
        decode_at(msgspec.json.Decoder(float), b"1e999", "a")


def test_a_number_too_long_to_compare_does_not_break_the_search_for_repeated_names() -> None:
    members = read_members(b'{"\\u0061": ' + b"1" * 5000 + b"}")
    assert members.take_raw("a") == b"1" * 5000


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_a_body_of_nothing_is_called_empty(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_members(body)
    assert caught.value.message == "The request body is empty; send a JSON object."
    assert caught.value.code is Code.BAD_JSON


def test_a_byte_order_mark_is_passed_over() -> None:
    """Windows tools write one before their UTF-8."""
    assert read_members(b'\xef\xbb\xbf{"a": "x"}').take("a", STRING) == "x"
