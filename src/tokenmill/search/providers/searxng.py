"""Asks a SearXNG server, which has to have the format `json` switched on."""

from __future__ import annotations

import msgspec

from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.search.providers.asking import Asking
from tokenmill.search.providers.tidy import source_of, words_of


class _Result(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    content: str | None = None
    publishedDate: str | None = None


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    unresponsive_engines: list[list[object]] = []


class SearxNG:
    """A metasearch server of the operator's own."""

    name = "searxng"

    def __init__(self, url: str, key: str = "") -> None:
        """`key`, where there is one, goes as a bearer token to whatever guards the server."""
        self._url = url.rstrip("/").removesuffix("/search") + "/search"
        self._asking = Asking({"authorization": f"Bearer {key}"} if key else None)

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages. Raises SearchFailed, also when none of the engines behind the server has answered."""
        words = words_of(asked)
        parameters = {"q": words, "format": "json", "safesearch": "1"}
        answer = await self._asking.get(self._url, parameters, _Answer)
        if not answer.results and answer.unresponsive_engines:
            raise SearchFailed("none of the search engines behind SearXNG has answered")
        return tuple(
            source_of(result.url, result.title, result.content, None, result.publishedDate, None)
            for result in answer.results
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._asking.close()
