"""Asks Brave's search API."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.ports import SearchAsked, Source
from tokenmill.search.providers.asking import Asking
from tokenmill.search.providers.tidy import source_of, words_of

URL: Final = "https://api.search.brave.com"
MOST: Final = 20


class _Site(msgspec.Struct):
    name: str | None = None
    img: str | None = None


class _Meta(msgspec.Struct):
    hostname: str | None = None
    favicon: str | None = None


class _Result(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    description: str | None = None
    page_age: str | None = None
    extra_snippets: list[str] | None = None
    profile: _Site | None = None
    meta_url: _Meta | None = None


class _Web(msgspec.Struct):
    results: list[_Result] = []


class _Answer(msgspec.Struct):
    web: _Web | None = None


class Brave:
    """Brave's index of the web."""

    name = "brave"

    def __init__(self, key: str, url: str = "") -> None:
        self._url = (url or URL).rstrip("/") + "/res/v1/web/search"
        self._asking = Asking({"x-subscription-token": key})

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages. Raises SearchFailed."""
        parameters = {
            "q": words_of(asked)[:400],
            "count": str(min(asked.limit, MOST)),
            "extra_snippets": "true",
            "text_decorations": "false",
        }
        if asked.country:
            parameters["country"] = asked.country
        answer = await self._asking.get(self._url, parameters, _Answer)
        return tuple(map(_source, answer.web.results if answer.web is not None else ()))

    async def close(self) -> None:
        """Ends all connections."""
        await self._asking.close()


def _source(result: _Result) -> Source:
    site, meta = result.profile or _Site(), result.meta_url or _Meta()
    summary = " ".join(filter(None, (result.description, *(result.extra_snippets or ()))))
    name, logo = site.name or meta.hostname, site.img or meta.favicon
    return source_of(result.url, result.title, summary, name, result.page_age, logo)
