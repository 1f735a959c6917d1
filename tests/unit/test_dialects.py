"""Shows what a table must say to exist, and how text is read by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenmill.conversation.request import FunctionTool
from tokenmill.dialects.families import CALLS, THOUGHTS
from tokenmill.dialects.machine import Act, Dialect, DialectReader, Move, Reading, joined
from tokenmill.dialects.prose import CodeSpans
from tokenmill.dialects.values import parameters_of, read_structure

SMALL = Dialect(
    start="text",
    reads={"text": Reading.TEXT, "gap": Reading.GAP, "object": Reading.JSON, "tail": Reading.TAIL},
    moves={("text", "<call>"): Move("gap"), ("gap", "{"): Move("object"), ("tail", "</call>"): Move("text")},
    strays={"gap": "text", "object": "text", "tail": "text"},
    wholes={"object": Move("tail", Act.CALL_WHOLE)},
)


def read(table: Dialect, pieces: list[str]) -> list[tuple[str, str]]:
    reader = DialectReader(table)
    found = [piece for text in pieces for piece in reader.feed(text)] + list(reader.close())
    out: list[tuple[str, str]] = []
    for piece in found:
        if out and out[-1][0] == piece.state and piece.move is None:
            out[-1] = (piece.state, out[-1][1] + piece.text)
        elif piece.text:
            out.append((piece.state, piece.text))
    return out


def test_a_table_is_read_piece_by_piece() -> None:
    text = 'a <call> {"b": "}"}</call> c'
    want = [
        ("text", "a "),
        ("text", "<call>"),
        ("gap", " "),
        ("gap", "{"),
        ("object", '"b": "}"}'),
        ("tail", "</call>"),
        ("text", " c"),
    ]
    assert want == read(SMALL, [text])
    joined_text = "".join(piece for _, piece in read(SMALL, list(text)))
    assert text == joined_text


def test_a_mark_that_is_not_heard_here_is_text() -> None:
    assert [("text", "a </call> b")] == read(SMALL, ["a </call> b"])


def test_a_stray_is_read_again_where_it_leads() -> None:
    assert [("text", "<call>x")] == read(SMALL, ["<call>x"])


def test_what_is_held_back_is_the_longest_beginning_of_a_mark() -> None:
    reader = DialectReader(SMALL)
    assert ["a "] == [piece.text for piece in reader.feed("a <cal")]
    assert "<cal" == reader.held
    assert ["<cal"] == [piece.text for piece in reader.close()]


def test_text_can_be_read_again() -> None:
    reader = DialectReader(SMALL)
    pieces = list(reader.feed("<call>"))
    assert "gap" == reader.state
    reader.reread(pieces[0].text, "text")
    assert [("text", "<call>")] == [(piece.state, piece.text) for piece in reader.feed("")]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"reads": {"text": Reading.TEXT}}, "nothing says how to read"),
        ({"strays": {"gap": "text", "object": "text"}}, "leads nowhere"),
        ({"strays": {**SMALL.strays, "text": "gap"}}, "can have no strays"),
        ({"strays": {**SMALL.strays, "gap": "tail", "tail": "gap"}}, "in a circle"),
        ({"wholes": {}}, "end of JSON leads nowhere"),
        ({"moves": {**SMALL.moves, ("text", ""): Move("gap")}}, "empty mark"),
        ({"moves": {**SMALL.moves, ("text", "call"): Move("gap")}}, "hides inside"),
        ({"moves": {**SMALL.moves, ("object", "x"): Move("gap")}}, "can hear no mark"),
        ({"moves": {**SMALL.moves, ("gap", "json"): Move("object")}}, "no bracket"),
        ({"reads": {**SMALL.reads, "island": Reading.TEXT}}, "nothing leads to"),
        ({"forgiven": frozenset({"nowhere"})}, "nothing says how to read"),
    ],
)
def test_a_table_that_is_incomplete_or_ambiguous_refuses_to_exist(
    change: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(SMALL, **change)  # type: ignore[arg-type]  # Each change fits its own field.


def test_tables_that_disagree_cannot_be_joined() -> None:
    other = replace(
        SMALL, moves={**SMALL.moves, ("text", "<call>"): Move("tail"), ("text", "<c2>"): Move("gap")}
    )
    with pytest.raises(ValueError, match="disagree"):
        joined(SMALL, other)
    with pytest.raises(ValueError, match="begin in different states"):
        joined(SMALL, CALLS["llama"])


def test_every_family_that_calls_also_has_a_table_of_thoughts() -> None:
    assert CALLS.keys() == THOUGHTS.keys()
    assert all(table.reads["text"] is Reading.TEXT for table in (*CALLS.values(), *THOUGHTS.values()))


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("a `b", True),
        ("a `b`", False),
        ("a `b\n", False),
        ("``a ` b", True),
        ("``a ` b``", False),
        ("```\na", True),
        ("```\na\n```\n", False),
        ("````\n```\na", True),
        ("````\n```\na\n````", False),
        ("~~~\na", True),
        ("~~a", False),
        ("~~~\n```\n~~~ ", False),
        ("`", True),
    ],
)
def test_code_is_followed_character_by_character(text: str, inside: bool) -> None:
    whole, single = CodeSpans(), CodeSpans()
    whole.feed(text)
    for character in text:
        single.feed(character)
    assert (inside, inside) == (whole.inside, single.inside)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ('{"type": "string"}', "null", '"null"'),
        ('{"type": "string"}', " 1 ", '" 1 "'),
        ("{}", "1", '"1"'),
        ("true", "1", '"1"'),
        ('{"type": "integer"}', "-07", '"-07"'),
        ('{"type": "integer"}', "12345678901234567890", "12345678901234567890"),
        ('{"type": "number"}', "1.10", "1.10"),
        ('{"type": "number"}', "NaN", '"NaN"'),
        ('{"type": "boolean"}', "TRUE", "true"),
        ('{"type": "boolean"}', "1", '"1"'),
        ('{"type": "null"}', "None", "null"),
        ('{"type": ["object", "null"]}', "null", "null"),
        ('{"type": "object"}', "{'a': (1)}", "\"{'a': (1)}\""),
        ('{"type": "object"}', '{"a": 1', None),
        ('{"type": ["object", "string"]}', '{"a": 1', '"{\\"a\\": 1"'),
        ('{"type": "array"}', "[1, 2,]", "[1, 2]"),
        ('{"type": "array"}', "none", '"none"'),
        ('{"items": {}}', "[1]", "[1]"),
        ('{"const": 3}', "3", "3"),
        ('{"$ref": "#/$defs/no"}', "3", '"3"'),
        ('{"$ref": "#/properties/p"}', "3", '"3"'),
        ('{"anyOf": [{"type": "boolean"}, {"allOf": [{"type": "integer"}]}]}', "3", "3"),
    ],
)
def test_values_are_typed_by_their_schema(schema: str, text: str, value: str | None) -> None:
    tool = FunctionTool("f", parameters=f'{{"properties": {{"p": {schema}}}}}'.encode())
    assert value == parameters_of(tool).typed("p", text)


@pytest.mark.parametrize(
    "parameters", [None, b"", b"[]", b"{", b'{"properties": [], "required": "a"}', b"\xff"]
)
def test_a_schema_that_says_nothing_makes_strings(parameters: bytes | None) -> None:
    read_parameters = parameters_of(FunctionTool("f", parameters=parameters))
    assert '"1"' == read_parameters.typed("p", "1")
    assert frozenset() == read_parameters.required


@pytest.mark.parametrize(
    ("text", "structure"),
    [
        ("{'a': 'it\\'s \"x\"'}", '{"a": "it\'s \\"x\\""}'),
        ('{"a": "x\ny"}', '{"a": "x\\ny"}'),
        ("{'a': True, \"b\": None,}", '{"a": true, "b": null}'),
        ("{a: 1}", None),
        ("{'a'", None),
        ("'", None),
        ("[" * 100_000, None),
    ],
)
def test_sloppy_structures_are_read_if_they_are_whole(text: str, structure: str | None) -> None:
    assert structure == read_structure(text)
