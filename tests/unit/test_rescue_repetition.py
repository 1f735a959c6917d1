"""Shows which replies are cut as loops, and that honest repetition is not."""

from __future__ import annotations

import base64
import random
import time

import pytest

from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import Reasoning, Text, ToolCall
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.steps.repetition import RepetitionGuard, enough

ABC = "abcdefghijklmnopqrstuvwxyz"
CHANCE = random.Random(7)


def words(count: int) -> str:
    return " ".join("".join(CHANCE.choices(ABC, k=CHANCE.randint(2, 9))) for _ in range(count))


LOOPS = {
    "one letter": "a" * 20_000,
    "one mark": "Well" + "!" * 40_000,
    "one Chinese character": "好" * 10_000,
    "one word": "the " * 5_000,
    "one sentence": "I should check the file again. " * 300,
    "one Chinese sentence": "让我再检查一下这个文件。" * 300,
    "one line after honest words": words(400) + "\n" + "Let me think about this once more.\n" * 200,
    "a paragraph": (words(120) + "\n\n") * 30,
    "a Chinese paragraph": (
        "我们先看第一个问题，再看第二个问题，然后得出结论。但是等等，这里有一处不对。\n" * 2 + "\n"
    )
    * 60,
    "two lines in turn": "Wait, is it 4?\nNo, it is 5.\n" * 200,
    "a long cycle": (words(600) + "\n") * 8,
    "a tag": "<tool_call>\n" * 600,
    "emoji": "🎉🎊" * 8_000,
}
INNOCENT = {
    "prose": words(20_000),
    "a log": "".join(
        f"2026-01-01 00:{i // 60:02}:{i % 60:02} INFO worker heartbeat ok\n" for i in range(3_000)
    ),
    "equal log lines": "Retrying the connection in 5 seconds...\n" * 20 + words(50),
    "a table": "| id | name | on |\n|---|---|---|\n"
    + "".join(f"| {i} | row {i} | yes |\n" for i in range(2_000)),
    "a CSV of equal flags": "".join(f"{i},0,0,0,0,NULL,NULL,false\n" for i in range(3_000)),
    "an array of zeros": "x = [" + "0, " * 2_000 + "0]",
    "a long rule": "=" * 2_000 + "\n" + words(100),
    "a poem with a refrain": "".join(
        words(30) + "\nRow, row, row your boat,\ngently down the stream.\n" for _ in range(60)
    ),
    "a chorus": "Hey Jude, don't make it bad, take a sad song and make it better.\n" * 12,
    "base64": base64.b64encode(random.Random(1).randbytes(30_000)).decode(),
    "base64 of some zeros": base64.b64encode(bytes(2_000)).decode(),
    "hex": "".join(f"0x{CHANCE.randrange(256):02x}, " for _ in range(8_000)),
    "code of equal lines": "    case 1:\n        break;\n" * 20 + words(20),
    "indents": ("\n" + " " * 200) * 10,
    "an array of bytes": "x = {" + "0x00, " * 600 + "0x00}",
    "one syllable": "ha" * 1_800 + words(50),
    "equal rows of JSON": '[{"x": 0, "label": ""}' + ', {"x": 0, "label": ""}' * 200 + "]",
    "equal rows of a table": "| a | b | c |\n|---|---|---|\n" + "| N/A | N/A | yes |\n" * 150,
    "empty cells": "<tr><td></td><td></td><td></td></tr>\n" * 100,
    "equal statements": "INSERT INTO log (a, b) VALUES (1, 'x');\n" * 120,
    "numbered steps": "".join(f"{i}. Check the next file and go on.\n" for i in range(800)),
    "Chinese prose": "".join(CHANCE.choices("的一是在不了有和人这中大为上个国我以要他", k=20_000)),
}


def reply(text: str, size: int, part: Text | Reasoning | ToolCall | None = None) -> list[Event]:
    part = part or Text()
    delta = ArgumentsDelta if isinstance(part, ToolCall) else TextDelta
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    body = [delta(0, piece) for piece in pieces]
    return [Started("r", "m", 1), PartOpened(0, part), *body, PartClosed(0), Finished(Stop.END)]


def guarded(events: list[Event]) -> tuple[list[Event], RepetitionGuard]:
    guard, grammar, out = RepetitionGuard(), Grammar(), list[Event]()
    for event in events:
        out += guard.feed(event)
    for event in out:
        grammar.see(event)
    assert grammar.whole
    return out, guard


@pytest.mark.parametrize("size", [3, 700, 10**6])
@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_cut_in_whatever_pieces_it_comes(name: str, size: int) -> None:
    for part in (Text(), Reasoning(), ToolCall("c", "f")):
        text = LOOPS[name] * (2 if isinstance(part, ToolCall) else 1)
        out, guard = guarded(reply(text, size, part))
        assert guard.cut is not None
        assert [PartClosed(0), Finished(Stop.LENGTH)] == out[-2:]


@pytest.mark.parametrize("size", [3, 700, 10**6])
@pytest.mark.parametrize("name", INNOCENT)
def test_honest_repetition_passes_untouched(name: str, size: int) -> None:
    for part in (Text(), Reasoning(), ToolCall("c", "f")):
        events = reply(INNOCENT[name], size, part)
        out, guard = guarded(events)
        assert guard.cut is None
        assert events == out


def test_the_cut_says_where_and_what_looped() -> None:
    _, guard = guarded(reply(LOOPS["one sentence"], 5, Reasoning()))
    assert guard.cut is not None
    assert ("reasoning", 31) == (guard.cut.channel, guard.cut.period)
    assert guard.cut.repeats == enough("I should check the file again. ", "reasoning")


def test_a_cut_ends_every_choice_and_swallows_the_rest() -> None:
    """Parts of all choices close, no choice ends twice, and a late count is not said after the end."""
    events: list[Event] = [
        Started("r", "m", 1),
        PartOpened(0, Text(), 0),
        PartOpened(1, Text(), 1),
        *[TextDelta(1, "again and again and ") for _ in range(500)],
        UsageSeen(Usage()),
        PartClosed(0),
    ]
    out, _ = guarded(events)
    assert [PartClosed(0), PartClosed(1), Finished(Stop.LENGTH, 0), Finished(Stop.LENGTH, 1)] == out[-4:]


def test_a_loop_is_noticed_soon() -> None:
    """Of a looping sentence no more than a few thousand characters pass."""
    out, _ = guarded(reply(LOOPS["one sentence"], 4))
    assert sum(len(event.text) for event in out if isinstance(event, TextDelta)) < 4_000


def test_time_grows_with_length_and_not_faster() -> None:
    """Text made to look like a loop at every look costs at most microseconds a character."""
    text = ("a" * 63 + "b") * 3 + "".join(CHANCE.choices("ab", k=400_000))
    started = time.perf_counter()
    guarded(reply(text, 4))
    assert time.perf_counter() - started < 10
