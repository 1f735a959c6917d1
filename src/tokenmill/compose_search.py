"""Builds web search from its settings."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import assert_never

from tokenmill.kit.clock import Clock
from tokenmill.ports import SearchProvider
from tokenmill.search.pages import Pages
from tokenmill.search.providers.bocha import Bocha
from tokenmill.search.providers.brave import Brave
from tokenmill.search.providers.corpus import Corpus
from tokenmill.search.providers.ddgs import Ddgs, library
from tokenmill.search.providers.searxng import SearxNG
from tokenmill.search.providers.tavily import Tavily
from tokenmill.search.standing import Standings
from tokenmill.search.web_search import WebSearch
from tokenmill.settings import Settings, read_password
from tokenmill.store.database import Database


@asynccontextmanager
async def search_running(
    settings: Settings, database: Database, clock: Clock, provider: SearchProvider | None = None
) -> AsyncIterator[WebSearch | None]:
    """Web search; None where no provider is set. `provider` stands in for the one of the settings.

    Raises Fault(MISCONFIGURED) for what the provider cannot do without.
    """
    provider = provider or _provider(settings)
    if provider is None:
        yield None
        return
    chosen = settings.search
    inner = [ip_network(network, strict=False) for network in chosen.networks]
    search = WebSearch(provider, Pages(inner=inner) if chosen.pages else None, Standings(database, clock))
    try:
        yield search
    finally:
        await search.close()


def _provider(settings: Settings) -> SearchProvider | None:
    chosen = settings.search
    key = read_password(chosen.api_key, os.environ) if chosen.api_key else ""
    match chosen.provider:
        case "none":
            return None
        case "corpus":
            return Corpus(Path(chosen.corpus))
        case "searxng":
            return SearxNG(chosen.url, key)
        case "ddgs":
            return Ddgs(library())
        case "brave":
            return Brave(key, chosen.url)
        case "tavily":
            return Tavily(key, chosen.url)
        case "bocha":
            return Bocha(key, chosen.url)
        case _:
            assert_never(chosen.provider)
