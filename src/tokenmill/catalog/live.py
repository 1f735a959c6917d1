"""Keeps the newest catalogue in memory, so that a request reads it without waiting."""

from __future__ import annotations

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.repository import load
from tokenmill.store.database import Database
from tokenmill.store.rows import Change


class LiveCatalogue:
    """A snapshot and the means to renew it; subscribe `take` to the change feed, then `renew` once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot = Catalogue((), ())

    def __call__(self) -> Catalogue:
        """The catalogue as of the last change that reached this node."""
        return self._snapshot

    async def take(self, change: Change) -> None:
        """Reads the catalogue anew if the change concerns it."""
        if change.kind == "catalog":
            await self.renew()

    async def renew(self) -> None:
        """Reads the catalogue as it is now."""
        async with self._database.read() as work:
            self._snapshot = await load(work)
