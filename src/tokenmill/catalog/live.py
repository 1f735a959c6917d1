"""Keeps the newest catalogue in memory, so that a request reads it without waiting."""

from __future__ import annotations

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.repository import load
from tokenmill.store.database import Database
from tokenmill.store.rows import Change


class LiveCatalogue:
    """A snapshot and the means to renew it; subscribe `refresh` to the change feed."""

    def __init__(self, database: Database, snapshot: Catalogue) -> None:
        self._database = database
        self._snapshot = snapshot

    @classmethod
    async def opened(cls, database: Database) -> LiveCatalogue:
        """Reads the catalogue as it is now."""
        return cls(database, await _read(database))

    def __call__(self) -> Catalogue:
        """The catalogue as of the last change that reached this node."""
        return self._snapshot

    async def refresh(self, change: Change) -> None:
        """Reads the catalogue anew if the change concerns it."""
        if change.kind == "catalog":
            self._snapshot = await _read(self._database)


async def _read(database: Database) -> Catalogue:
    async with database.read() as work:
        return await load(work)
