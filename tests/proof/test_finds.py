"""What the hunt has found before: every such stream stays lawful for every caller, however it is cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.proof.seeds import Upstream
from tests.proof.streams import Way, check_stream
from tests.wire.golden import GOLDEN

FINDS = sorted((GOLDEN / "fuzz").glob("*.sse"))


def test_there_are_finds() -> None:
    assert FINDS


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("path", FINDS, ids=lambda path: path.stem)
def test_what_was_found_breaks_no_law_any_more(path: Path, sealed: bool) -> None:
    wire: Upstream = "openai_chat" if path.name.startswith("openai_chat.") else "anthropic_messages"
    for cuts in range(3):
        way = Way(wire, "mimo", True, 1, sealed, sealed, True, False, cuts)
        check_stream(way, path.read_bytes())


@pytest.mark.proof
@pytest.mark.parametrize(
    "markup",
    ["<tool_call><function=f></function></tool_call>\n", "<function=f>", "<tool_call>{", "[TOOL_CALLS]"],
)
def test_markup_without_end_in_one_piece_is_read_in_linear_time(markup: str) -> None:
    """Megabytes of whole calls, or of beginnings of calls; the check of the stream bounds the time."""
    said = json.dumps("Hi " + markup * (4_000_000 // len(markup)))
    chunk = f'data: {{"choices":[{{"index":0,"delta":{{"content":{said}}}}}]}}\n\ndata: [DONE]\n\n'
    way = Way("openai_chat", "mistral" if "[" in markup else "mimo", True, 1, True, True, False, False, 0)
    check_stream(way, chunk.encode())
