"""Shows on a corpus what is rescued and what is left alone, wherever the reply was cut into pieces."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    SignatureDelta,
    Started,
    Stop,
    TextDelta,
)
from tokenmill.conversation.fold import fold
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall, UrlCitation
from tokenmill.conversation.request import FunctionTool
from tokenmill.exchange.steps.rescue import Rescue
from tokenmill.kit.faults import Code, Fault

CORPUS = Path(__file__).parent.parent / "golden" / "rescue"
TOOLS = {
    name: tuple(
        FunctionTool(tool["name"], parameters=json.dumps(tool["parameters"]).encode()) for tool in tools
    )
    for name, tools in json.loads((CORPUS / "tools.json").read_text()).items()
}
CASES: list[dict[str, Any]] = [
    case for file in ("cases.json", "held_out.json") for case in json.loads((CORPUS / file).read_text())
]
MANY_CUTS = 60


def stream(case: dict[str, Any], pieces: list[list[str]]) -> list[Event]:
    """The upstream's reply: a Reasoning and a Text, each in its pieces."""
    events: list[Event] = [Started("r", "m", 1)]
    index = 0
    parts: tuple[Part, ...] = (Reasoning(), Text())
    for part, said in zip(parts, pieces, strict=True):
        if said:
            events.append(PartOpened(index, part))
            events += [TextDelta(index, piece) for piece in said]
            events.append(PartClosed(index))
            index += 1
    return [*events, Finished(Stop(case["stop"]))]


def rescued(case: dict[str, Any], pieces: list[list[str]]) -> tuple[list[Any], str, Rescue]:
    """What the caller sees, in the words of the corpus; the way there obeys the grammar."""
    rescue, grammar, out = Rescue(case["family"], TOOLS[case["tools"]]), Grammar(), list[Event]()
    for event in stream(case, pieces):
        out += rescue.feed(event)
    out += rescue.close()
    for event in out:
        grammar.see(event)
    opened = [event.index for event in out if isinstance(event, PartOpened)]
    assert list(range(len(opened))) == opened
    choice = fold(out).choices[0]
    return [told(part) for part in choice.parts], choice.stop.value, rescue


def told(part: Part) -> list[Any]:
    match part:
        case Text(text=text):
            return ["text", text]
        case Reasoning(text=text):
            return ["reasoning", text]
        case ToolCall(name=name, arguments=arguments):
            return ["call", name, json.loads(arguments)]
        case _:
            raise AssertionError(part)


def expected(case: dict[str, Any]) -> list[Any]:
    untouched = [[kind, case[kind]] for kind in ("reasoning", "text") if case.get(kind)]
    return list(case.get("becomes", untouched))


def cut_everywhere(case: dict[str, Any]) -> list[list[list[str]]]:
    """Each place at which both channels are cut in two, and single characters; of many places, some."""
    channels = [case.get("reasoning", ""), case.get("text", "")]
    places = list(range(1, max(map(len, channels))))
    if len(places) > MANY_CUTS:
        places = sorted(random.Random(case["name"]).sample(places, 50))
    halves = [[[piece for piece in (said[:at], said[at:]) if piece] for said in channels] for at in places]
    return [*halves, [list(said) for said in channels]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['family']}: {case['name']}")
def test_a_reply_becomes_what_the_corpus_says_wherever_it_is_cut(case: dict[str, Any]) -> None:
    want = (expected(case), case["ends"])
    whole = [[said] if said else [] for said in (case.get("reasoning", ""), case.get("text", ""))]
    for pieces in (whole, *cut_everywhere(case)):
        got, ends, rescue = rescued(case, pieces)
        assert want == (got, ends), pieces
        assert ("becomes" in case) == bool(rescue.lifted)


def test_the_corpus_is_large_and_half_of_it_is_innocent() -> None:
    innocent = [case for case in CASES if "becomes" not in case]
    assert len(CASES) >= 300
    assert len(innocent) * 2 >= len(CASES)


WEATHER = "<tool_call><function=get_weather><parameter=city>Lyon</parameter></function></tool_call>"


def fed(rescue: Rescue, events: list[Event]) -> list[Event]:
    grammar, out = Grammar(), list[Event]()
    for event in events:
        out += rescue.feed(event)
    out += rescue.close()
    for event in out:
        grammar.see(event)
    return out


def test_ordinary_words_pass_as_the_very_events_that_came() -> None:
    events: list[Event] = [TextDelta(0, word) for word in ("The ", "sun ", "is 1 of ", "many; a star.")]
    rescue = Rescue("mimo", TOOLS["std"])
    for event in (Started("r", "m", 1), PartOpened(0, Text()), TextDelta(0, "Well, ")):
        rescue.feed(event)
    assert all(rescue.feed(event)[0] is event for event in events)


def test_of_ordinary_words_only_the_beginning_of_a_mark_is_held_back() -> None:
    rescue = Rescue("mimo", TOOLS["std"])
    for event in (Started("r", "m", 1), PartOpened(0, Text()), TextDelta(0, "Well, ")):
        rescue.feed(event)
    assert (TextDelta(0, "a "),) == rescue.feed(TextDelta(0, "a <tool_ca"))
    assert (TextDelta(0, "<tool_cabin>"),) == rescue.feed(TextDelta(0, "bin>"))


def test_calls_that_the_server_parsed_pass_untouched() -> None:
    events: list[Event] = [
        Started("r", "m", 1),
        PartOpened(0, ToolCall("call_1", "get_weather")),
        ArgumentsDelta(0, '{"city": "<tool_call>"}'),
        PartClosed(0),
        Finished(Stop.TOOL),
    ]
    assert events == fed(Rescue("mimo", TOOLS["std"]), events)


def test_parts_after_a_lifted_call_move_up() -> None:
    """A call of the server's after a lifted one keeps its id, its words and its order."""
    out = fed(
        Rescue("mimo", TOOLS["std"], lambda: "call_new"),
        [
            Started("r", "m", 1),
            PartOpened(0, Reasoning()),
            TextDelta(0, "Hm. " + WEATHER),
            PartClosed(0),
            PartOpened(1, ToolCall("call_1", "get_time")),
            ArgumentsDelta(1, "{}"),
            PartClosed(1),
            Finished(Stop.TOOL),
        ],
    )
    assert (
        Reasoning("Hm. "),
        ToolCall("call_new", "get_weather", '{"city": "Lyon"}'),
        ToolCall("call_1", "get_time", "{}"),
    ) == fold(out).choices[0].parts


def test_signed_reasoning_is_never_read() -> None:
    for part, seals in ((Reasoning(signature="s"), []), (Reasoning(origin="o"), [SignatureDelta(0, "s")])):
        events: list[Event] = [Started("r", "m", 1), PartOpened(0, part), TextDelta(0, WEATHER), *seals]
        events += [PartClosed(0), Finished(Stop.END)]
        assert events == fed(Rescue("mimo", TOOLS["std"]), events)


def test_a_signature_seals_what_was_held_back() -> None:
    events: list[Event] = [
        Started("r", "m", 1),
        PartOpened(0, Reasoning()),
        TextDelta(0, "x <tool_call><function=get_time>"),
        SignatureDelta(0, "s"),
        PartClosed(0),
        Finished(Stop.END),
    ]
    assert fold(events) == fold(fed(Rescue("mimo", TOOLS["std"]), events))


def test_citations_follow_the_words_that_they_stand_in() -> None:
    """Offsets count from the start of the part that the words are in now."""
    said = "Go. " + WEATHER + "It is warm."
    base = len("Go. " + WEATHER)
    cited = CitationAdded(0, UrlCitation("https://a", start=base, end=base + 11))
    events: list[Event] = [
        Started("r", "m", 1),
        PartOpened(0, Text()),
        TextDelta(0, said),
        cited,
        PartClosed(0),
        Finished(Stop.END),
    ]
    parts = fold(fed(Rescue("mimo", TOOLS["std"]), events)).choices[0].parts
    assert parts[-1] == Text("It is warm.", (UrlCitation("https://a", start=0, end=11),))


def test_a_stream_that_fails_says_all_that_was_held() -> None:
    failed = Failed(Fault(Code.UPSTREAM_BROKE, "broke"))
    out = fed(
        Rescue("mimo", TOOLS["std"]),
        [Started("r", "m", 1), PartOpened(0, Text()), TextDelta(0, "a" + WEATHER[:60]), failed],
    )
    assert failed == out[-1]
    assert "a" + WEATHER[:60] == "".join(event.text for event in out if isinstance(event, TextDelta))


def test_each_choice_is_read_for_itself() -> None:
    """Two alternatives, interleaved; both end, and only the one that called ends in `tool`."""
    out = fed(
        Rescue("mimo", TOOLS["std"], lambda: "c"),
        [
            Started("r", "m", 1),
            PartOpened(0, Text(), 0),
            PartOpened(1, Text(), 1),
            TextDelta(0, "<tool_call><function=get_weather><parameter=city>Lyon"),
            TextDelta(1, "No."),
            TextDelta(0, "</parameter>\n"),
            PartClosed(0),
            PartClosed(1),
            Finished(Stop.END, 1),
            Finished(Stop.END, 0),
        ],
    )
    first, second = fold(out).choices
    assert (Stop.TOOL, (ToolCall("c", "get_weather", '{"city": "Lyon"}'),)) == (first.stop, first.parts)
    assert (Stop.END, (Text("No."),)) == (second.stop, second.parts)


def test_the_notes_say_what_was_lifted() -> None:
    *_, rescue = rescued(
        {"family": "mimo", "tools": "std", "stop": "end"}, [["Hm. " + WEATHER], ["<think>a</think>b"]]
    )
    assert [
        ("call", "reasoning", 1),
        ("tags", "reasoning", None),
        ("tags", "text", None),
        ("thought", "text", 2),
        ("tags", "text", None),
    ] == [(note.kind, note.channel, note.part) for note in rescue.lifted]


def test_a_hostile_reply_takes_linear_time() -> None:
    """Openings, backticks, quotes and nested beginnings by the hundred thousand; bounds are generous."""
    for text in (
        "<tool_call>" * 8_000,
        "<tool_call><function=run>" * 4_000,
        "<function=" * 10_000,
        "<" * 40_000,
        "`" * 40_000,
        '"<tool_call>' * 6_000,
        "<tool_call><function=run><parameter=command>" + "</parameter>\nx" * 6_000,
        "<tool_call><function=run><parameter=command>" + "<parameter=timeout>" * 4_000,
    ):
        for size in (7, 10**6):
            started = time.perf_counter()
            pieces = [text[at : at + size] for at in range(0, len(text), size)]
            rescued({"family": "mimo", "tools": "std", "stop": "end"}, [[], pieces])
            assert time.perf_counter() - started < 20, (text[:40], size)
