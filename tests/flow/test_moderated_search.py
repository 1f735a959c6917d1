"""What a search finds is judged before a model reads it, and before its caller is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_moderation import BLOCKS, FLAGS, verdicts
from tests.flow.test_web_search import ANSWER, LINES, SEARCHING, Answered, Caller, Protocol, calling
from tokenmill.testing import ScriptedEngine

BAD = "Zephyr fans: how to make a pipe bomb with 412 horsepower."
IN_THE_TEXT = {"url": "https://bad.example/one", "title": "Zephyr horsepower", "text": BAD}
IN_THE_TITLE = {"url": "https://bad.example/two", "title": BAD, "text": "Zephyr horsepower, all of it."}
IN_THE_SITE = {
    "url": "https://bad.example/three",
    "title": "Zephyr",
    "text": "Horsepower of the Zephyr.",
    "site_name": "How to make a pipe bomb",
}
PROTOCOLS = pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def opened(
    platform_with: Opener,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    lines: list[dict[str, str]],
    moderation: dict[str, str],
    *scripts: Any,
) -> tuple[Caller, ScriptedEngine]:
    """A platform that moderates and searches these documents, and its engine."""
    corpus = tmp_path / "pages.jsonl"
    corpus.write_text("\n".join(map(json.dumps, lines)))
    searches = {"TOKENMILL__SEARCH__PROVIDER": "corpus", "TOKENMILL__SEARCH__CORPUS": str(corpus)}
    engine = ScriptedEngine(*scripts)
    platform = await platform_with(
        engine, catalogue=SEARCHING, web_search=True, environ=searches | moderation
    )
    return Caller(platform, http), engine


async def notes(caller: Caller) -> dict[str, str]:
    (row,) = await usage_rows(caller.platform)
    return {note["field"]: note["reason"] for note in json.loads(row.drops)}


@PROTOCOLS
@STREAMS
@pytest.mark.parametrize("forced", [False, True], ids=["decided", "forced"])
async def test_a_page_that_is_to_be_withheld_reaches_neither_model_nor_caller(
    platform_with: Opener,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    protocol: Protocol,
    stream: bool,
    forced: bool,
) -> None:
    """Whatever of it says so: its text, its title or its site's name. The others stay, numbered from 1."""
    lines = [IN_THE_TEXT, IN_THE_TITLE, IN_THE_SITE, *LINES]
    scripts = [ANSWER] if forced else [calling(), ANSWER]
    caller, engine = await opened(platform_with, http, tmp_path, lines, BLOCKS, *scripts)
    reply = await caller.ask(protocol, stream=stream, forced=forced)
    assert reply.status == 200
    shown = str(engine.asked[-1][0])
    for where in (shown, reply.text):
        assert "bad.example" not in where
        assert "pipe bomb" not in where
        assert "https://a.example/zephyr" in where
    assert "[1] Zephyr engine" in shown
    said = await notes(caller)
    assert said["moderation.input"].startswith("blocked: weapons; scanned: text, search results")
    rows = await verdicts(caller.platform, 3)
    assert [(row.place, row.outcome) for row in rows] == [("search results", "blocked")] * 3
    (row,) = await usage_rows(caller.platform)
    assert (row.status, row.searches) == ("answered", 1)


@PROTOCOLS
@STREAMS
async def test_a_search_of_which_nothing_is_left_has_failed_and_says_why(
    platform_with: Opener, http: aiohttp.ClientSession, tmp_path: Path, protocol: Protocol, stream: bool
) -> None:
    """It was made all the same, and costs what a search does."""
    caller, engine = await opened(platform_with, http, tmp_path, [IN_THE_TEXT], BLOCKS, ANSWER)
    reply = await caller.ask(protocol, stream=stream, forced=True)
    assert _fails(reply, stream)
    assert "do not make up" in str(engine.asked[0][0].turns[-1])
    (row,) = await usage_rows(caller.platform)
    assert row.searches == 1


def _fails(reply: Answered, stream: bool) -> bool:
    match reply.protocol:
        case "chat":
            at = reply.events[0]["choices"][0]["delta"] if stream else reply.whole["choices"][0]["message"]
            return bool(
                at["error_message"] == "the moderation of this platform has withheld all that it found"
            )
        case "messages":
            return '"web_search_tool_result_error"' in reply.text
        case "responses":
            response = reply.events[-1]["response"] if stream else reply.whole
            return bool(response["output"][0]["status"] == "failed")


@pytest.mark.parametrize(
    ("moderation", "outcomes"),
    [
        (BLOCKS | {"TOKENMILL__MODERATION__INPUT": "off"}, {("output", "blocked")}),
        (BLOCKS | {"TOKENMILL__MODERATION__OUTPUT": "off"}, {("input", "blocked")}),
        (FLAGS, {("input", "flagged"), ("output", "flagged")}),
    ],
)
async def test_a_title_counts_as_asked_and_as_said_each_by_its_own_policy(
    platform_with: Opener,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    moderation: dict[str, str],
    outcomes: set[tuple[str, str]],
) -> None:
    """What is only flagged is shown and written down."""
    caller, _ = await opened(platform_with, http, tmp_path, [IN_THE_TITLE, *LINES], moderation, ANSWER)
    reply = await caller.ask(forced=True)
    rows = await verdicts(caller.platform, len(outcomes))
    assert {(row.direction, row.outcome) for row in rows} == outcomes
    assert ("bad.example" in reply.text) == (moderation is FLAGS)


async def test_a_text_that_only_the_model_reads_is_not_judged_as_said(
    platform_with: Opener, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A long page is known to its caller by its summary; what else it says is for the policy of input."""
    long = {"url": "https://c.example/long", "title": "Zephyr", "text": "Zephyr horsepower. " * 60 + BAD}
    only_said = BLOCKS | {"TOKENMILL__MODERATION__INPUT": "off"}
    caller, engine = await opened(platform_with, http, tmp_path, [long], only_said, ANSWER)
    reply = await caller.ask(forced=True)
    assert "c.example" in reply.text
    assert "pipe bomb" not in reply.text
    assert "c.example" in str(engine.asked[0][0])
