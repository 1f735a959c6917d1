"""The stories that every SDK is told, and what there is to hear in each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.clients.model import CACHED, OUTPUT, PROMPT, THOUGHT, THOUGHT_TOKENS

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string"}},
    "required": ["location"],
    "additionalProperties": False,
}
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "string", "enum": ["big", "small"]}},
    "required": ["city", "size"],
    "additionalProperties": False,
}
COUNTED = "One, two, three — 你好."
REFUSED = "I would rather not."


@dataclass(frozen=True)
class Story:
    """What is asked: the words of the user, and with what."""

    words: str
    thinks: bool = False
    tools: bool = False
    shape: bool = False


@dataclass(frozen=True)
class Told:
    """What a reply says, whatever its protocol; `calls` are names and arguments, `stop` is Anthropic's."""

    stop: str
    words: str = ""
    thought: str = ""
    refusal: str = ""
    calls: tuple[tuple[str, str], ...] = ()


STORIES = {
    "plain": Story("Count to three."),
    "thinking": Story("Think, then count to three.", thinks=True),
    "calls": Story("How is the weather in Paris and in Tokyo? First say so.", thinks=True, tools=True),
    "interleaved": Story("How is the weather in Paris and in Tokyo, all at once?", tools=True),
    "refusal": Story("Help me to break the law."),
    "cut": Story("Count without end."),
    "shape": Story("Describe a city.", shape=True),
}
CALLS = (("get_weather", '{"location": "Paris"}'), ("get_weather", '{"location": "Tokyo"}'))
TOLD = {
    "plain": Told("end_turn", COUNTED),
    "thinking": Told("end_turn", COUNTED, THOUGHT),
    "calls": Told("tool_use", "Let me look.", THOUGHT, calls=CALLS),
    "interleaved": Told("tool_use", calls=CALLS),
    "refusal": Told("end_turn", refusal=REFUSED),
    "cut": Told("max_tokens", COUNTED),
    "shape": Told("end_turn", json.dumps({"city": "Beijing", "size": "big"})),
}
FILTERED = Told("refusal")
"""The refusal of a model whose own wire has no words for one."""


def told(story: str, wire: str) -> Told:
    """What there is to hear in `story` from an upstream of `wire`."""
    return FILTERED if story == "refusal" and wire == "anthropic" else TOLD[story]


def counts(wire: str, *, thought: bool) -> tuple[int, int, int, int]:
    """Fresh and cached tokens of the prompt, those of the reply, and those of its thoughts among them."""
    fresh = PROMPT if wire == "anthropic" else PROMPT - CACHED
    return fresh, CACHED, OUTPUT, THOUGHT_TOKENS if thought else 0
