"""Shows that tools of free text pass as functions of one string, and their calls come back as they were."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tokenmill.conversation.events import ArgumentsDelta, Event, PartClosed, PartOpened, TextDelta
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Text, ToolCall
from tokenmill.conversation.request import CustomTool
from tokenmill.wire.free_text import FreeText, InputReader, as_function, wrapped, write_format

RULE = {"syntax": "lark", "definition": 'start: "x"'}
FLAT = json.dumps({"type": "grammar", **RULE}).encode()
NESTED = json.dumps({"type": "grammar", "grammar": RULE}).encode()


def read(*pieces: str) -> list[str]:
    reader = InputReader()
    return [*(reader.feed(piece) for piece in pieces), reader.close()]


@given(st.text(), st.booleans(), st.lists(st.integers(0, 400)))
def test_any_text_comes_back_however_its_json_is_written_and_cut(
    text: str, ascii_: bool, places: list[int]
) -> None:
    written = json.dumps({"input": text}, ensure_ascii=ascii_)
    at = sorted({0, len(written), *(place for place in places if place < len(written))})
    pieces = [written[a:b] for a, b in itertools.pairwise(at)]
    assert "".join(read(*pieces)) == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_we_wrap_is_what_we_unwrap(text: str) -> None:
    assert "".join(read(wrapped(text))) == text


def test_the_text_is_told_while_it_is_written() -> None:
    assert read(' {"inp', 'ut" : "*** Beg', "in\\", 'nPatch"', "}") == [
        "",
        "*** Beg",
        "in",
        "\nPatch",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"note": "x", "input": "y"}', "y"),
        ('"y"', "y"),
        ('{"patch": "y"}', '{"patch": "y"}'),
        ("{}", ""),
        ("", ""),
        ('{"input": ["y"]}', '{"input": ["y"]}'),
        ('{"input": "a\\x", "b": 1}', "a\\x"),
        ('{"input": "a\\u00', "a"),
        ('{"input": "\\ud83d\\ude00\\ud83d!"}', "😀\ufffd!"),
    ],
)
def test_arguments_of_another_shape_lose_nothing(arguments: str, text: str) -> None:
    """Some models call such a function with the bare text, or under another name."""
    assert "".join(read(*arguments)) == text
    assert "".join(read(arguments)) == text


def test_only_calls_of_such_tools_are_turned_back() -> None:
    reader = FreeText({"patch"})
    told = [
        reader.take(Frame((event,), b"raw"))
        for event in (
            PartOpened(0, Text()),
            TextDelta(0, "x"),
            PartClosed(0),
            PartOpened(1, ToolCall("c", "patch")),
            PartOpened(2, ToolCall("d", "other")),
            ArgumentsDelta(1, '{"input":"a'),
            ArgumentsDelta(2, '{"input":"b"}'),
            ArgumentsDelta(1, 'b"}'),
            PartClosed(1),
            PartClosed(2),
        )
    ]
    events: list[Event] = [event for frame in told for event in frame.events]
    assert events[3] == PartOpened(1, ToolCall("c", "patch", "", "custom"))
    assert [e.text for e in events if isinstance(e, ArgumentsDelta) and e.index == 1] == ["a", "b"]
    assert [e.text for e in events if isinstance(e, ArgumentsDelta) and e.index == 2] == ['{"input":"b"}']
    assert [frame.raw for frame in told] == [b"raw"] * 3 + [None, b"raw", None, b"raw", None, None, b"raw"]


@pytest.mark.parametrize("written", [FLAT, NESTED])
def test_the_grammar_stands_in_the_description_of_the_function(written: bytes) -> None:
    function = as_function(CustomTool("patch", "Edits.", written))
    assert function.description == 'Edits.\n\nThe input must follow this grammar (lark):\nstart: "x"'
    assert json.loads(function.parameters or b"")["required"] == ["input"]


@pytest.mark.parametrize("written", [FLAT, NESTED])
def test_each_wire_has_the_grammar_where_its_schema_has_it(written: bytes) -> None:
    tool = CustomTool("patch", None, written)
    assert json.loads(bytes(write_format(tool, nested=True) or b"")) == json.loads(NESTED)
    assert json.loads(bytes(write_format(tool, nested=False) or b"")) == json.loads(FLAT)


def test_a_format_without_a_grammar_stays_as_it_is() -> None:
    any_text = CustomTool("p", None, b'{"type": "text"}')
    assert write_format(any_text, nested=True) == Raw(b'{"type": "text"}')
    assert write_format(CustomTool("p"), nested=True) is None
