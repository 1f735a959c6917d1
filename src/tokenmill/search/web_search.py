"""Answers one search: from memory, or from the provider and the pages that it names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, Protocol

import msgspec
import structlog

from tokenmill.kit.faults import Fault
from tokenmill.ports import SearchAsked, SearchFailed, SearchProvider, Source
from tokenmill.search.kept import Kept
from tokenmill.search.passages import best_passages
from tokenmill.search.standing import Standings

DEADLINE: Final = 15.0
"""Seconds that a search may take, pages included."""
FOR_PAGES: Final = 6.0
"""Of them, the seconds that pages get; one that is not here by then is known by its summary alone."""
PAGES: Final = 5
"""Pages of one search that are read; those further down are known by their summaries."""
PAGE_CHARACTERS: Final = 2_000
"""Of one page, what a model is shown."""
FRESH: Final = 300.0
"""Seconds for which the answer to the same search is kept."""
LARGEST_CACHE: Final = 300
"""Searches; each keeps some 10 kB."""
SUMMARY_CHARACTERS: Final = 400

log = structlog.get_logger()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search brought; `error` says why it brought nothing, `pages` how many pages were read.

    A source's `text` is cut to what matters for the query.
    """

    query: str
    sources: tuple[Source, ...] = ()
    pages: int = 0
    error: str | None = None
    ms: int = 0


class PageReader(Protocol):
    """Fetches pages."""

    async def read(self, url: str) -> str | None:
        """The words of the page; None when they cannot be had, for whatever reason."""
        ...

    async def close(self) -> None:
        """Ends all connections."""
        ...


class WebSearch:
    """Searches with one provider; a failure is an answer as well, and never an exception."""

    def __init__(
        self,
        provider: SearchProvider,
        pages: PageReader | None,
        standings: Standings | None,
        *,
        deadline: float = DEADLINE,
    ) -> None:
        """Without `pages`, what the provider says of a page is all that is known of it."""
        self._provider = provider
        self._pages = pages
        self._standings = standings
        self._deadline = deadline
        self._kept: Kept[SearchAsked, Found] = Kept(LARGEST_CACHE, FRESH)

    @property
    def provider(self) -> str:
        """Who is asked."""
        return self._provider.name

    async def search(self, asked: SearchAsked) -> Found:
        """What `asked` brings, within the deadline."""
        began = monotonic()
        known = self._kept.get(asked)
        if known is not None:
            return msgspec.structs.replace(known, ms=_since(began))
        try:
            async with asyncio.timeout(self._deadline):
                sources = _fitting(await self._provider.search(asked), asked)[: asked.limit]
        except TimeoutError:
            return await self._failed(asked, "the search took too long", began)
        except SearchFailed as failure:
            return await self._failed(asked, str(failure), began)
        except Exception:
            log.exception("a search provider failed", provider=self.provider)
            return await self._failed(asked, "the search provider failed", began)
        left = min(FOR_PAGES, self._deadline - (monotonic() - began))
        sources, pages = await self._with_pages(asked.query, sources, left)
        await self._note(None)
        found = Found(query=asked.query, sources=sources, pages=pages, ms=_since(began))
        self._kept.put(asked, found)
        return found

    async def close(self) -> None:
        """Ends all connections."""
        await self._provider.close()
        if self._pages is not None:
            await self._pages.close()

    async def _failed(self, asked: SearchAsked, reason: str, began: float) -> Found:
        await self._note(reason)
        log.warning("a search failed", provider=self.provider, reason=reason)
        return Found(query=asked.query, error=reason, ms=_since(began))

    async def _note(self, failure: str | None) -> None:
        if self._standings is not None:
            with suppress(Fault):  # The search is worth more than the news of it.
                await self._standings.note(self.provider, failure)

    async def _with_pages(
        self, query: str, sources: Sequence[Source], seconds: float
    ) -> tuple[tuple[Source, ...], int]:
        """The sources with what matters of their pages, and how many pages that were."""
        reading = {at: asyncio.create_task(self._words(source)) for at, source in enumerate(sources[:PAGES])}
        if reading:
            await asyncio.wait(reading.values(), timeout=max(0.0, seconds))
        read: list[Source] = []
        pages = 0
        for at, source in enumerate(sources):
            task = reading.get(at)
            text = task.result() if task is not None and task.done() and not task.cancelled() else None
            if task is not None:
                task.cancel()
            pages += bool(text)
            matter = await asyncio.to_thread(best_passages, text, query, PAGE_CHARACTERS) if text else ""
            summary = source.summary or matter[:SUMMARY_CHARACTERS]
            read.append(msgspec.structs.replace(source, summary=summary, text=matter))
        return tuple(read), pages

    async def _words(self, source: Source) -> str | None:
        if source.text:
            return source.text
        try:
            return None if self._pages is None else await self._pages.read(source.url)
        except Exception:
            log.exception("a page could not be read")
            return None


def _fitting(sources: Sequence[Source], asked: SearchAsked) -> tuple[Source, ...]:
    """Each page once, of the domains that are wanted, and only what a browser could open."""
    by_url = {source.url: source for source in reversed(sources)}
    return tuple(
        source
        for source in sources
        if by_url.get(source.url) is source
        and source.url.startswith(("http://", "https://"))
        and (not asked.only or _is_of(source.url, asked.only))
        and not _is_of(source.url, asked.never)
    )


def _is_of(url: str, domains: Sequence[str]) -> bool:
    """Is the page of one of the domains, or of one below it? `example.com/docs` names a part of one."""
    host, _, path = url.partition("://")[2].partition("/")
    host = host.rpartition("@")[2].partition(":")[0].lower()
    for domain in domains:
        wanted, _, part = domain.partition("://")[2 if "://" in domain else 0].strip().lower().partition("/")
        if (host == wanted or host.endswith(f".{wanted}")) and path.startswith(part):
            return True
    return False


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
