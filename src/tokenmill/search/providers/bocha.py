"""Asks Bocha's search API, or another that speaks its JSON."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.search.providers.asking import Asking
from tokenmill.search.providers.tidy import source_of, words_of

URL: Final = "https://api.bochaai.com"
MOST: Final = 50


class _Page(msgspec.Struct):
    name: str | None = None
    url: str | None = None
    snippet: str | None = None
    summary: str | None = None
    siteName: str | None = None
    siteIcon: str | None = None
    datePublished: str | None = None


class _Pages(msgspec.Struct):
    value: list[_Page] = []


class _Data(msgspec.Struct):
    webPages: _Pages | None = None


class _Answer(msgspec.Struct):
    code: int | str | None = None
    data: _Data | None = None
    webPages: _Pages | None = None


class Bocha:
    """A Chinese index, which the original platform uses."""

    name = "bocha"

    def __init__(self, key: str, url: str = "") -> None:
        self._url = (url or URL).rstrip("/") + "/v1/web-search"
        self._asking = Asking({"authorization": f"Bearer {key}"})

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages. Raises SearchFailed."""
        body: dict[str, object] = {
            "query": words_of(asked),
            "summary": True,
            "freshness": "noLimit",
            "count": min(asked.limit, MOST),
        }
        answer = await self._asking.post(self._url, body, _Answer)
        if str(answer.code or 200) not in ("0", "200"):
            raise SearchFailed(f"the search provider refuses with its code {str(answer.code)[:20]}")
        pages = answer.webPages or (answer.data.webPages if answer.data is not None else None)
        return tuple(
            source_of(
                page.url,
                page.name,
                page.summary or page.snippet,
                page.siteName,
                page.datePublished,
                page.siteIcon,
            )
            for page in (pages.value if pages is not None else ())
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._asking.close()
