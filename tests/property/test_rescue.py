"""The laws of the rescue: nothing lost, nothing unlawful, and the cuts of the upstream do not matter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.strategies import lawful_streams, steady
from tokenmill.conversation.events import Event, Finished, PartClosed, PartOpened, Started, Stop, TextDelta
from tokenmill.conversation.fold import fold
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall
from tokenmill.conversation.request import FunctionTool
from tokenmill.dialects.calls import Blank, Call, CallFinder, Found, Words
from tokenmill.dialects.families import CALLS, THOUGHTS
from tokenmill.dialects.machine import DialectReader
from tokenmill.dialects.opening import OpeningReader
from tokenmill.dialects.values import parameters_of
from tokenmill.exchange.steps.repetition import RepetitionGuard
from tokenmill.exchange.steps.rescue import Rescue

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "object"}},
}
TOOLS = (FunctionTool("f", parameters=json.dumps(SCHEMA).encode()), FunctionTool("g"))
PARAMETERS = {tool.name: parameters_of(tool) for tool in TOOLS}
FAMILIES = sorted(CALLS)


def crumbs(family: str) -> st.SearchStrategy[str]:
    """Texts that are mostly markup: marks of the family in any order, names, values and plain words."""
    marks = sorted({mark for _, mark in CALLS[family].moves} | {mark for _, mark in THOUGHTS[family].moves})
    plain = [
        "f",
        "g",
        "a",
        "b",
        "functions.f:0",
        "1",
        "x y",
        "\n",
        " ",
        "`",
        "```",
        "\n```\n",
        '"',
        "'",
        "<",
        "好",
    ]
    plain += [
        '{"name": "f", "arguments": {}}',
        '{"a": "1"}',
        "}",
        '"name": "f", "parameters": {}}',
        "{'a': 1}",
        "\\",
    ]
    return st.lists(st.sampled_from(marks + plain), max_size=24).map("".join)


marked = st.sampled_from(FAMILIES).flatmap(lambda family: st.tuples(st.just(family), crumbs(family)))


def pieces(text: str, places: Iterable[int]) -> list[str]:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(at)]


def source(found: Found) -> str:
    match found:
        case Words(text) | Blank(text):
            return text
        case Call(source=text):
            return text


def found_in(family: str, said: list[str], cut: bool) -> list[Found]:
    finder = CallFinder(CALLS[family], PARAMETERS)
    found = [one for piece in said for one in fed(finder, piece)]
    return found + finder.end() + finder.decide(cut=cut)


def fed(finder: CallFinder, piece: str) -> list[Found]:
    if finder.stir is not None and finder.stir(piece) is None:
        finder.skip(piece)
        return [Words(piece)]
    return finder.feed(piece)


def merged(found: list[Found]) -> list[tuple[str, Any]]:
    """Neighbouring words joined, and white space beside calls, which may come in several pieces."""
    out: list[tuple[str, Any]] = []
    for one in found:
        match one:
            case Words(text) | Blank(text):
                kind = type(one).__name__
                if out and out[-1][0] == kind:
                    out[-1] = (kind, out[-1][1] + text)
                elif text:
                    out.append((kind, text))
            case Call():
                out.append(("Call", one))
    return out


@steady
@given(marked, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_what_is_found_joined_is_what_was_said(case: tuple[str, str], cuts: list[int], cut: bool) -> None:
    family, text = case
    assert text == "".join(map(source, found_in(family, pieces(text, cuts), cut)))


@steady
@given(marked, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_calls_are_found_wherever_the_text_was_cut(case: tuple[str, str], cuts: list[int], cut: bool) -> None:
    family, text = case
    whole = merged(found_in(family, [text], cut))
    assert whole == merged(found_in(family, pieces(text, cuts), cut))
    assert whole == merged(found_in(family, list(text), cut))


@steady
@given(marked, st.lists(st.integers(0, 400), max_size=12))
def test_a_reader_gives_back_its_text_and_holds_less_than_a_mark(
    case: tuple[str, str], cuts: list[int]
) -> None:
    family, text = case
    for table in (CALLS[family], THOUGHTS[family]):
        reader, longest = DialectReader(table), max(len(mark) for _, mark in table.moves)
        said = []
        for piece in pieces(text, cuts):
            said += [one.text for one in reader.feed(piece)]
            assert len(reader.held) < longest
        said += [one.text for one in reader.close()]
        assert text == "".join(said)


@steady
@given(marked, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_the_start_of_content_is_sorted_wherever_it_was_cut(
    case: tuple[str, str], cuts: list[int], reasoned: bool
) -> None:
    family, text = case

    def sorted_out(said: list[str]) -> list[tuple[str, str]]:
        reader = OpeningReader(THOUGHTS[family], reasoned=reasoned)
        found = [one for piece in said for one in reader.feed(piece)] + reader.close()
        assert text == "".join(one.text for one in found)
        out: list[tuple[str, str]] = []
        for one in found:
            kind = type(one).__name__
            if out and out[-1][0] == kind:
                out[-1] = (kind, out[-1][1] + one.text)
            else:
                out.append((kind, one.text))
        return out

    assert sorted_out([text]) == sorted_out(pieces(text, cuts)) == sorted_out(list(text))


def streamed(thought: list[str], said: list[str], stop: Stop) -> list[Event]:
    parts: list[tuple[Part, list[str]]] = [(Reasoning(), thought), (Text(), said)]
    body: list[Event] = []
    for index, (part, words) in enumerate(parts):
        body += [PartOpened(index, part), *[TextDelta(index, word) for word in words], PartClosed(index)]
    return [Started("r", "m", 1), *body, Finished(stop)]


def through(rescue: Rescue, events: list[Event]) -> list[Event]:
    grammar, out = Grammar(), list[Event]()
    for event in events:
        out += rescue.feed(event)
    out += rescue.close()
    for event in out:
        grammar.see(event)
    opened = [event.index for event in out if isinstance(event, PartOpened)]
    assert list(range(len(opened))) == opened
    return out


@steady
@given(
    marked.flatmap(lambda case: st.tuples(st.just(case), crumbs(case[0]))),
    st.lists(st.integers(0, 400), max_size=12),
    st.sampled_from([Stop.END, Stop.LENGTH]),
)
def test_a_rescued_reply_is_lawful_loses_nothing_and_does_not_depend_on_cuts(
    case: tuple[tuple[str, str], str], cuts: list[int], stop: Stop
) -> None:
    (family, text), thought = case
    replies = []
    for said in ([thought], [text]), (pieces(thought, cuts), pieces(text, cuts)), (list(thought), list(text)):
        rescue = Rescue(family, TOOLS, lambda: "call")
        out = through(rescue, streamed(*said, stop))
        replies.append(fold(out))
        seen = [event.text for event in out if isinstance(event, TextDelta)]
        seen += [note.source for note in rescue.lifted]
        assert sorted(thought + text) == sorted("".join(seen))
        called = any(isinstance(event, PartOpened) and isinstance(event.part, ToolCall) for event in out)
        assert replies[-1].choices[0].stop is (Stop.TOOL if called and stop is Stop.END else stop)
    assert replies[0] == replies[1] == replies[2]


@pytest.mark.parametrize("family", [*FAMILIES, "none"])
@steady
@given(stream=lawful_streams())
def test_every_lawful_stream_stays_lawful_and_ordinary_ones_stay_the_same(
    family: str, stream: list[Event]
) -> None:
    """Indices may be given anew; what the reply says is the same."""
    told = fold(through_any(family, stream))
    was = fold(stream)
    assert [choice.stop for choice in was.choices] == [choice.stop for choice in told.choices]
    assert sorted(map(repr, said_by(was.choices))) == sorted(map(repr, said_by(told.choices)))


def through_any(family: str, stream: list[Event]) -> list[Event]:
    rescue, grammar, out = Rescue(family, TOOLS), Grammar(), list[Event]()
    for event in stream:
        out += rescue.feed(event)
    out += rescue.close()
    for event in out:
        grammar.see(event)
    return out


def said_by(choices: Any) -> list[Any]:
    return [part for choice in choices for part in choice.parts]


@steady
@given(lawful_streams())
def test_the_repetition_guard_lets_lawful_streams_pass(stream: list[Event]) -> None:
    guard = RepetitionGuard()
    assert stream == [event for fed_event in stream for event in guard.feed(fed_event)]
