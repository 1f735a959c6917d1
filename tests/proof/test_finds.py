"""What the hunt has found before: every such stream stays lawful for every caller, however it is cut."""

from __future__ import annotations

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
