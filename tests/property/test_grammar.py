"""The law of streams: every lawful stream passes, every single breach is refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.property.strategies import lawful_streams, steady
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    Heartbeat,
    PartClosed,
    PartOpened,
    SignatureDelta,
    Started,
    Stop,
    TextDelta,
)
from tokenmill.conversation.grammar import (
    GROWS_BY,
    MOVES,
    Grammar,
    State,
    Unlawful,
    refuse_incomplete,
)
from tokenmill.conversation.parts import Media, Reasoning, Refusal, Text, ToolCall
from tokenmill.kit.faults import Code, Fault

STARTED = Started("r", "m", 1)
FAILED = Failed(Fault(Code.UPSTREAM_BROKE, "broke"))


def watched(stream: list[Event]) -> Grammar:
    grammar = Grammar()
    for event in stream:
        grammar.see(event)
    return grammar


@steady
@given(lawful_streams())
def test_lawful_streams_pass(stream: list[Event]) -> None:
    assert watched(stream).whole


@steady
@given(lawful_streams(), st.data())
def test_a_stream_may_fail_wherever_it_runs(stream: list[Event], data: st.DataObject) -> None:
    running = [i for i, event in enumerate(stream) if not isinstance(event, Finished)]
    cut = data.draw(st.sampled_from(running))
    assert watched([*stream[: cut + 1], FAILED]).state is State.FAILED


@steady
@given(lawful_streams(), st.data())
def test_leaving_out_an_opening_or_a_closing_is_refused(stream: list[Event], data: st.DataObject) -> None:
    marks = [i for i, event in enumerate(stream) if isinstance(event, PartOpened | PartClosed)]
    assume(marks)
    missing = data.draw(st.sampled_from(marks))
    with pytest.raises(Unlawful):
        watched([event for i, event in enumerate(stream) if i != missing])


@steady
@given(lawful_streams(), st.data())
def test_saying_an_opening_a_closing_or_an_end_twice_is_refused(
    stream: list[Event], data: st.DataObject
) -> None:
    marks = [
        i for i, event in enumerate(stream) if isinstance(event, Started | PartOpened | PartClosed | Finished)
    ]
    twice = data.draw(st.sampled_from(marks))
    with pytest.raises(Unlawful):
        watched([*stream[: twice + 1], *stream[twice:]])


@steady
@given(lawful_streams())
def test_a_stream_without_its_start_is_refused(stream: list[Event]) -> None:
    with pytest.raises(Unlawful):
        watched(stream[1:])


@steady
@given(lawful_streams(), st.sampled_from([STARTED, PartOpened(99, Text()), Heartbeat(), FAILED]))
def test_nothing_but_ends_comes_after_an_end(stream: list[Event], late: Event) -> None:
    with pytest.raises(Unlawful):
        watched([*stream, late])


@pytest.mark.parametrize(
    "late", [STARTED, PartOpened(0, Text()), Heartbeat(), FAILED, Finished(Stop.END)], ids=repr
)
def test_nothing_comes_after_a_failure(late: Event) -> None:
    with pytest.raises(Unlawful):
        watched([STARTED, FAILED, late])


@pytest.mark.parametrize(
    ("part", "delta"),
    [
        (Text(), ArgumentsDelta(0, "x")),
        (Text(), SignatureDelta(0, "x")),
        (Refusal(), SignatureDelta(0, "x")),
        (ToolCall("c", "f"), TextDelta(0, "x")),
        (Reasoning(), ArgumentsDelta(0, "x")),
        (Media("audio", source=None), TextDelta(0, "x")),  # type: ignore[arg-type]  # The source does not matter here.
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_part_does_not_grow_by_deltas_of_another_kind(part: Text, delta: Event) -> None:
    with pytest.raises(Unlawful, match="does not grow"):
        watched([STARTED, PartOpened(0, part), delta])


def test_a_delta_for_a_part_that_is_not_open_is_refused() -> None:
    with pytest.raises(Unlawful, match="not open"):
        watched([STARTED, PartOpened(0, Text()), PartClosed(0), TextDelta(0, "x")])


def test_a_choice_does_not_finish_while_one_of_its_parts_is_open() -> None:
    with pytest.raises(Unlawful, match="still open"):
        watched([STARTED, PartOpened(0, Text()), Finished(Stop.END)])


def test_a_refused_event_changes_nothing() -> None:
    grammar = watched([STARTED, PartOpened(0, Text())])
    with pytest.raises(Unlawful):
        grammar.see(Finished(Stop.END))
    assert [part.index for part in grammar.open_parts] == [0]
    grammar.see(PartClosed(0))
    grammar.see(Finished(Stop.END))
    assert grammar.whole


def test_tables_that_leave_something_out_are_refused() -> None:
    with pytest.raises(ValueError, match="no moves from"):
        refuse_incomplete({state: MOVES[state] for state in (State.NEW, State.RUNNING)}, GROWS_BY)
    deaf = {
        state: {kind: to for kind, to in row.items() if kind is not Heartbeat} for state, row in MOVES.items()
    }
    with pytest.raises(ValueError, match="no state hears"):
        refuse_incomplete(deaf, GROWS_BY)
    with pytest.raises(ValueError, match="nothing says how"):
        refuse_incomplete(MOVES, {part: kinds for part, kinds in GROWS_BY.items() if part is not Text})
    with pytest.raises(ValueError, match="no part takes"):
        refuse_incomplete(MOVES, dict.fromkeys(GROWS_BY, frozenset({TextDelta})))
