"""Remembers how far work has come that goes on from there."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.once import insert_once
from tokenmill.store.work_tables import Mark

USAGE_KEPT: Final = "usage kept"
"""Exchanges that began before this moment have no usage row any more."""


async def mark_at(work: ReadWork | UnitOfWork, name: str) -> datetime | None:
    """Where the mark stands; None when there is none yet."""
    mark = await work.session.get(Mark, name)
    return None if mark is None else mark.at


async def set_mark(work: UnitOfWork, name: str, at: datetime) -> None:
    """Moves the mark; it never goes back."""
    if await insert_once(work, Mark, "name", name=name, at=at):
        return
    mark = await work.session.get(Mark, name)
    assert mark is not None
    mark.at = max(mark.at, at)
