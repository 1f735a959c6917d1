"""The official Node SDKs hear the same stories, streaming helpers included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import MODEL, Served
from tests.clients.stories import CITY, STORIES, WEATHER, told

FOLDER = Path(__file__).parent / "node"
NODE = Path(sys.executable).parent / "node"

CHAT = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}
RESPONSES = {
    "end_turn": "completed",
    "tool_use": "completed",
    "max_tokens": "max_output_tokens",
    "refusal": "content_filter",
}


@pytest.fixture(scope="module")
def verdict(served: Served) -> Any:
    """What the script says; it is run once for each platform."""
    stories = {
        name: {
            "words": story.words,
            "thinks": story.thinks,
            "parameters": WEATHER if story.tools else None,
            "shape": CITY if story.shape else None,
        }
        for name, story in STORIES.items()
    }
    command = [str(NODE), "stories.mjs", served.url, served.key, MODEL, json.dumps(stories)]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expected(story: str, wire: str, face: str) -> dict[str, Any]:
    """What there is to hear, in the words of `face`; arguments are those of JavaScript's JSON."""
    known = told(story, wire)
    words, refusal, calls = known.words, known.refusal, [list(call) for call in known.calls]
    if face == "messages":
        words, refusal = words or refusal, ""
        calls = [[name, json.dumps(json.loads(text), separators=(",", ":"))] for name, text in calls]
    stops = {"chat": CHAT, "responses": RESPONSES}.get(face, {})
    return {
        "stop": stops.get(known.stop, known.stop),
        "words": words,
        "thought": known.thought,
        "refusal": refusal,
        "calls": calls,
    }


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("face", ["chat", "responses", "messages"])
def test_a_story_is_heard_in_every_way(verdict: Any, served: Served, face: str, story: str) -> None:
    """Whole, streamed, and put together by the SDK's own helper."""
    heard = verdict["heard"][story][face]

    assert len(heard) >= 2
    for way, said in heard.items():
        known = expected(story, served.wire, face)
        if (face, way) == ("chat", "helped"):  # It joins the deltas of those members only that it knows.
            known["thought"] = said["thought"]
        assert said == known, way


def test_models_and_counts(verdict: Any) -> None:
    assert verdict["models"] == {"openai": [MODEL], "anthropic": [MODEL], "found": [MODEL, MODEL]}
    assert verdict["tokens"] > 0


def test_errors_are_the_sdks_own_classes(verdict: Any) -> None:
    assert verdict["errors"] == {
        "key": [["AuthenticationError", 401]] * 2,
        "model": [["NotFoundError", 404]] * 3,
        "busy": [["InternalServerError", 503], ["OverloadedError", 529]],
    }


def test_a_stream_that_breaks_off_is_raised_in_the_middle(verdict: Any) -> None:
    """After words that were heard, as the SDK's own error."""
    assert verdict["broken"] == {"chat": [True, True], "messages": [True, True]}
