"""Asks Tavily's search API."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.ports import SearchAsked, Source
from tokenmill.search.providers.asking import Asking
from tokenmill.search.providers.tidy import source_of, words_of

URL: Final = "https://api.tavily.com"
MOST: Final = 20


class _Result(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    published_date: str | None = None
    favicon: str | None = None


class _Answer(msgspec.Struct):
    results: list[_Result] = []


class Tavily:
    """A search made for models."""

    name = "tavily"

    def __init__(self, key: str, url: str = "") -> None:
        self._url = (url or URL).rstrip("/") + "/search"
        self._asking = Asking({"authorization": f"Bearer {key}"})

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages. Raises SearchFailed."""
        body: dict[str, object] = {
            "query": words_of(asked)[:400],
            "max_results": min(asked.limit, MOST),
            "include_favicon": True,
        }
        answer = await self._asking.post(self._url, body, _Answer)
        return tuple(
            source_of(result.url, result.title, result.content, None, result.published_date, result.favicon)
            for result in answer.results
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._asking.close()
