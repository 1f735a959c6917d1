"""One search: its provider, its pages, its deadline, and what is remembered of it."""

from __future__ import annotations

import asyncio

import pytest

from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.search.kept import Kept
from tokenmill.search.standing import WRITE_EVERY, Standing, Standings, standing_of
from tokenmill.search.web_search import PAGE_CHARACTERS, PAGES, WebSearch
from tokenmill.store.database import Database, open_database
from tokenmill.testing import FixedClock

ASKED = SearchAsked(query="zephyr horsepower", limit=8)


class Provider:
    """Finds what a test says, after a while."""

    name = "scripted"

    def __init__(self, *sources: Source, fails: Exception | None = None, seconds: float = 0.0) -> None:
        self.sources = sources
        self.fails = fails
        self.seconds = seconds
        self.asked: list[SearchAsked] = []

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        self.asked.append(asked)
        await asyncio.sleep(self.seconds)
        if self.fails is not None:
            raise self.fails
        return self.sources

    async def close(self) -> None:
        pass


class Library:
    """Reads pages that a test has written."""

    def __init__(self, **pages: str | float | Exception) -> None:
        self.pages = pages
        self.read_pages: list[str] = []

    async def read(self, url: str) -> str | None:
        self.read_pages.append(url)
        page = self.pages.get(url.rpartition("/")[2])
        if isinstance(page, Exception):
            raise page
        if isinstance(page, float):
            await asyncio.sleep(page)
            return "too late"
        return page

    async def close(self) -> None:
        pass


def page(name: str, summary: str = "", text: str = "") -> Source:
    return Source(url=f"https://a.example/{name}", title=name, summary=summary, text=text)


async def test_pages_are_read_and_cut_to_what_matters() -> None:
    filler = "Nothing of interest stands here. " * 300
    library = Library(a=f"{filler} The Zephyr has 412 horsepower. {filler}")
    found = await WebSearch(Provider(page("a", "About."), page("b", "Bare.")), library, None).search(ASKED)
    first, second = found.sources
    assert "412 horsepower" in first.text
    assert len(first.text) <= PAGE_CHARACTERS
    assert (first.summary, second.summary, second.text) == ("About.", "Bare.", "")
    assert (found.pages, found.error) == (1, None)


async def test_only_the_first_pages_are_read_and_none_that_the_provider_has_already() -> None:
    library = Library()
    sources = [page(str(at), text="Known words." if at == 0 else "") for at in range(8)]
    found = await WebSearch(Provider(*sources), library, None).search(ASKED)
    assert len(library.read_pages) == PAGES - 1
    assert found.sources[0].text == "Known words."
    assert len(found.sources) == 8


async def test_a_slow_page_and_a_broken_one_hold_nobody_up() -> None:
    library = Library(slow=30.0, broken=RuntimeError("no"), good="The words of a good page.")
    search = WebSearch(
        Provider(page("slow", "S."), page("broken", "B."), page("good")), library, None, deadline=0.3
    )
    async with asyncio.timeout(5):
        found = await search.search(ASKED)
    assert [source.text for source in found.sources] == ["", "", "The words of a good page."]
    assert found.sources[2].summary == "The words of a good page."
    assert found.pages == 1


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        (
            Provider(fails=SearchFailed("the search provider answered 500")),
            "the search provider answered 500",
        ),
        (Provider(fails=RuntimeError("secret address")), "the search provider failed"),
        (Provider(seconds=30.0), "the search took too long"),
    ],
)
async def test_a_failure_is_an_answer(provider: Provider, told: str) -> None:
    search = WebSearch(provider, None, None, deadline=0.2)
    found = await search.search(ASKED)
    assert (found.error, found.sources) == (told, ())
    provider.fails, provider.seconds, provider.sources = None, 0.0, (page("a"),)
    assert (await search.search(ASKED)).error is None  # A failure is not remembered.


async def test_the_same_search_is_made_once_in_a_while() -> None:
    provider = Provider(page("a"))
    search = WebSearch(provider, None, None)
    first, second = await search.search(ASKED), await search.search(ASKED)
    assert first.sources == second.sources
    await search.search(SearchAsked(query=ASKED.query, limit=2))
    assert len(provider.asked) == 2


async def test_sources_are_what_a_browser_opens_each_once() -> None:
    odd = (Source(url="javascript:alert(1)"), Source(url=""), Source(url="ftp://a.example/x"))
    found = await WebSearch(Provider(page("a"), *odd, page("a"), page("b")), None, None).search(ASKED)
    assert [source.title for source in found.sources] == ["a", "b"]


def test_what_is_kept_is_forgotten_in_its_time() -> None:
    now = [0.0]
    kept: Kept[str, int] = Kept(2, 10.0, lambda: now[0])
    for number, key in enumerate("abc"):
        kept.put(key, number)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (None, 1, 2)
    now[0] = 10.0
    assert kept.get("c") is None


async def test_how_a_provider_does_is_written_when_it_changes(database_url: str) -> None:
    """And else now and then, since each search would be a transaction."""
    clock = FixedClock()
    async with open_database(database_url) as database:
        standings = Standings(database, clock)
        start = clock.now()
        await standings.note("p", None)
        clock.advance(1)
        await standings.note("p", None)
        assert (await _standing(database)).answered_at == start
        await standings.note("p", "it broke")
        clock.advance(WRITE_EVERY.total_seconds())
        await standings.note("p", "it broke again")
        failing = await _standing(database)
        assert (failing.state, failing.failure) == ("failing", "it broke again")
        assert (failing.failing_since, failing.failed_at) == (clock.now() - WRITE_EVERY, clock.now())
        await standings.note("p", None)
        assert ((await _standing(database)).state, (await _standing(database)).failure) == (
            "ok",
            "it broke again",
        )


async def _standing(database: Database) -> Standing:
    async with database.read() as work:
        return await standing_of(work, "p")
