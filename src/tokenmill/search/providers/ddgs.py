"""Asks public search engines through the metasearch library `ddgs`, which is an extra."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.search.providers.tidy import source_of, words_of

Find = Callable[[str, int, str], Sequence[Mapping[str, Any]]]
"""Searches for words: so many results, for a region like `us-en`. Raises whatever the library raises."""


def library() -> Find:
    """The library's search. Raises Fault(MISCONFIGURED) where it is not installed."""
    if find_spec("ddgs") is None:
        raise Fault(
            Code.MISCONFIGURED,
            "[search] provider ddgs needs its library. Install it: pip install 'tokenmill[ddgs]'",
        )

    def find(words: str, most: int, region: str) -> Sequence[Mapping[str, Any]]:
        searcher = import_module("ddgs").DDGS(timeout=8)
        found: Sequence[Mapping[str, Any]] = searcher.text(words, region=region, max_results=most)
        return found

    return find


class Ddgs:
    """Several public engines, without a key; they may refuse machines at any time."""

    name = "ddgs"

    def __init__(self, find: Find) -> None:
        self._find = find

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages. Raises SearchFailed."""
        region = f"{asked.country.lower()}-en" if asked.country else "wt-wt"
        words = words_of(asked)
        try:
            results = await asyncio.to_thread(self._find, words, asked.limit, region)
        except Exception as error:  # The library has no base class of its own for what engines do.
            if "No results" in str(error):
                return ()
            raise SearchFailed(f"no public search engine has answered ({type(error).__name__})") from None
        return tuple(
            source_of(result.get("href"), result.get("title"), result.get("body"), None, None, None)
            for result in results
        )

    async def close(self) -> None:
        """There is nothing to close."""
