"""Which settings make which search provider, and which are refused before anything listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenmill.compose_search import search_running
from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import load_settings
from tokenmill.store.database import open_database
from tokenmill.store.migrate import migrate
from tokenmill.testing import FixedClock


@pytest.mark.parametrize(
    ("provider", "more"),
    [
        ("none", {}),
        ("corpus", {"CORPUS": "pages.jsonl"}),
        ("searxng", {"URL": "https://search.example.com"}),
        ("brave", {"API_KEY": "file:key"}),
        ("tavily", {"API_KEY": "file:key", "URL": "https://proxy.example.com"}),
        ("bocha", {"API_KEY": "file:key", "NETWORKS": '["10.0.0.0/8"]', "PAGES": "false"}),
    ],
)
async def test_each_provider_is_made_of_its_settings(
    tmp_path: Path, provider: str, more: dict[str, str]
) -> None:
    (tmp_path / "pages.jsonl").write_text('{"url": "https://a.example"}\n')
    (tmp_path / "key").write_text("secret")
    environ = {f"TOKENMILL__SEARCH__{name}": value for name, value in more.items()}
    settings = load_settings(tmp_path, None, {"TOKENMILL__SEARCH__PROVIDER": provider, **environ})
    migrate(settings.database.url, tmp_path / "lock")
    async with (
        open_database(settings.database.url) as database,
        search_running(settings, database, FixedClock()) as search,
    ):
        assert (None if search is None else search.provider) == (None if provider == "none" else provider)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('provider = "corpus"', "needs corpus"),
        ('provider = "searxng"', "needs url"),
        ('provider = "searxng"\nurl = "search"', "needs a url like"),
        ('provider = "brave"', "needs api_key"),
        ('provider = "tavily"', "needs api_key"),
        ('provider = "bocha"', "needs api_key"),
        ('networks = ["10.0.0.0/99"]', "must be IP addresses or networks"),
    ],
)
def test_a_provider_that_cannot_work_is_refused(tmp_path: Path, toml: str, told: str) -> None:
    (tmp_path / "tokenmill.toml").write_text(f"[search]\n{toml}\n")
    with pytest.raises(Fault, match=told) as caught:
        load_settings(tmp_path, None, {})
    assert caught.value.code is Code.MISCONFIGURED


async def test_a_corpus_that_is_not_there_is_told_of_at_the_start(tmp_path: Path) -> None:
    environ = {"TOKENMILL__SEARCH__PROVIDER": "corpus", "TOKENMILL__SEARCH__CORPUS": "nowhere.jsonl"}
    settings = load_settings(tmp_path, None, environ)
    migrate(settings.database.url, tmp_path / "lock")
    async with open_database(settings.database.url) as database:
        with pytest.raises(Fault, match=r"nowhere\.jsonl cannot be read"):
            async with search_running(settings, database, FixedClock()):
                pass
