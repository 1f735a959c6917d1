"""What a target says beside text is judged as well: pages that it found, sources, parts of unknown types."""

from __future__ import annotations

import json

import pytest

from tests.moderation import Heard, reviewed, screen_of
from tokenmill.conversation.events import (
    CitationAdded,
    Event,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
)
from tokenmill.conversation.parts import Part, Text, ToolResult, Unknown, UrlCitation, VendorCitation
from tokenmill.moderation.phrases import read_list
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.rulebook import Rulebook

BOOK = Rulebook([read_list("ours", "blue * moon", origin="own")])
BLOCKS = Policy(output="block")
WORDS = "a blue new moon"
RAW = json.dumps({"type": "odd", "words": [{"said": "a bl\u0075e moon"}]}).encode()


def opened(part: Part) -> list[Event]:
    return [PartOpened(1, part), PartClosed(1)]


@pytest.mark.parametrize(
    ("events", "place"),
    [
        (opened(Unknown("anthropic_messages", "odd", RAW)), "unknown parts"),
        (opened(ToolResult("c", (Text(WORDS),), server=True)), "tool_results"),
        (opened(ToolResult("c", (Text("", (UrlCitation("u", WORDS),)),), server=True)), "tool_results"),
        (opened(ToolResult("c", (Unknown("anthropic_messages", "odd", RAW),), server=True)), "tool_results"),
        ([CitationAdded(0, UrlCitation("u", summary=WORDS))], "citations"),
        ([CitationAdded(0, VendorCitation("anthropic_messages", RAW))], "citations"),
    ],
)
async def test_what_is_no_text_is_withheld_as_text_is(events: list[Event], place: str) -> None:
    """What came before it stands; it and all that follows does not."""
    heard = Heard()
    said = [Started("r", "m", 1), PartOpened(0, Text()), TextDelta(0, "Well. "), *events]
    said += [TextDelta(0, "More."), PartClosed(0), Finished(Stop.END)]
    out = await reviewed(said, screen_of(BOOK, BLOCKS, heard=heard))
    assert out[-1] == Finished(Stop.FILTER)
    assert not any(event in events for event in out if not isinstance(event, PartClosed))
    assert TextDelta(0, "Well. ") in out
    assert TextDelta(0, "More.") not in out
    assert [(each.place, each.outcome) for each in heard.verdicts] == [(place, "blocked")]
