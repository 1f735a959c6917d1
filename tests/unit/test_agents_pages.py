"""The pages that tell how coding agents fare."""

from __future__ import annotations

import pytest

from tests.agents.table import PAGES, load, page


@pytest.mark.parametrize("language", sorted(PAGES))
def test_the_pages_show_the_verdicts_that_were_kept(language: str) -> None:
    """Nobody writes into them by hand; `AGENTS_ACCEPT=1 make test-agents` does."""
    assert page(load(), language) == PAGES[language].read_text()
