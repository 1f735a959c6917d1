"""Rings when another process has changed something, where the database can tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from tokenmill.kit.faults import Fault
from tokenmill.store import postgres

CHANNEL = "tokenmill_changes"
"""Where PostgreSQL's trigger on `changes` notifies; the newest revision names it too."""

_RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def change_bell(url: str) -> AsyncIterator[asyncio.Event]:
    """Set whenever a change may have been committed to the database at `url`.

    SQLite cannot tell, and PostgreSQL's connection may be away: who waits for the bell looks
    now and then all the same.
    """
    bell = asyncio.Event()
    if not postgres.on_postgres(url):
        yield bell
        return
    listening = asyncio.create_task(_listen(url, bell), name="change-bell")
    try:
        yield bell
    finally:
        listening.cancel()
        await asyncio.wait([listening])


async def _listen(url: str, bell: asyncio.Event) -> None:
    while True:
        try:
            await _listen_once(url, bell)
            _log.warning("no longer told of changes; looking for them meanwhile")
        except Fault as fault:
            _log.debug("not told of changes yet", reason=fault.message)
        except Exception:
            _log.exception("not told of changes; looking for them meanwhile")
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_once(url: str, bell: asyncio.Event) -> None:
    """Returns when the connection is lost."""
    connection = await postgres.connect(url)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda *_: bell.set())
        bell.set()  # Nobody listened until now.
        await lost.wait()
    finally:
        connection.terminate()
