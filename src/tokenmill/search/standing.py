"""Keeps how the search provider is doing, for all nodes to see."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from tokenmill.kit.clock import Clock
from tokenmill.store.database import Database, ReadWork
from tokenmill.store.search_tables import SearchStanding

WRITE_EVERY: Final = timedelta(seconds=30)
"""How often the same news is written; a change from good to bad, or back, is written at once."""

State = Literal["unknown", "ok", "failing"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the provider's last searches; `failing_since` None: the last one was answered."""

    answered_at: datetime | None = None
    failed_at: datetime | None = None
    failing_since: datetime | None = None
    failure: str | None = None

    @property
    def state(self) -> State:
        """Does the provider answer?"""
        if self.failing_since is not None:
            return "failing"
        return "unknown" if self.answered_at is None else "ok"


async def standing_of(work: ReadWork, provider: str) -> Standing:
    """How the provider is doing, as far as any node knows."""
    row = await work.session.get(SearchStanding, provider)
    if row is None:
        return Standing()
    return Standing(
        answered_at=row.answered_at,
        failed_at=row.failed_at,
        failing_since=row.failing_since,
        failure=row.failure,
    )


class Standings:
    """Writes down how the searches of this node go."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._told: dict[str, tuple[str | None, datetime]] = {}

    async def note(self, provider: str, failure: str | None) -> None:
        """A search of the provider's was answered (None), or failed and why. Raises Fault(UNAVAILABLE)."""
        now = self._clock.now()
        before, at = self._told.get(provider, ("", now))
        if (before is None) == (failure is None) and before != "" and now - at < WRITE_EVERY:
            return
        self._told[provider] = (failure, now)
        async with self._database.write() as work:
            row = await work.session.get(SearchStanding, provider)
            if row is None:
                row = SearchStanding(provider=provider)
                work.session.add(row)
            if failure is None:
                row.answered_at, row.failing_since = now, None
            else:
                row.failed_at, row.failure = now, failure
                row.failing_since = row.failing_since or now
