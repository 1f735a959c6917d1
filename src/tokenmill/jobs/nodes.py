"""Keeps this node's lease and finds nodes that have died, so that a survivor can settle what they held."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import insert, select, update

from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import sortable
from tokenmill.store.database import Database
from tokenmill.store.work_tables import Node

RENEW: Final = 5.0
"""Seconds between two renewals of a lease."""
SILENT: Final = 20.0
"""Seconds without a renewal after which a node counts as dead."""
WATCHED: Final = 2 * RENEW + 1.0
"""Seconds for which a stale lease is watched first: a living node would renew it, whatever our clock says
and although the database has just come back."""

log = structlog.get_logger()


class Nodes:
    """What this node knows of the others; the wall clock alone never condemns one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[str, tuple[datetime, float]] = {}  # The lease, and since when it has not moved.
        self._looked = float("-inf")

    async def bury(self) -> list[str]:
        """Marks as ended all nodes that have fallen silent, and names them."""
        now, elapsed = self._clock.now(), self._clock.monotonic()
        async with self._database.read() as work:
            rows = await work.session.execute(select(Node.id, Node.renewed_at).where(Node.ended_at.is_(None)))
            leases = {row.id: row.renewed_at for row in rows}
        if elapsed - self._looked > WATCHED:  # The database was away, for the others as well perhaps.
            self._seen = {}
        self._looked = elapsed
        self._seen = {
            node: seen if (seen := self._seen.get(node)) and seen[0] == renewed else (renewed, elapsed)
            for node, renewed in leases.items()
        }
        stale = timedelta(seconds=SILENT)
        dead = [
            node
            for node, (renewed, since) in self._seen.items()
            if elapsed - since >= SILENT or (elapsed - since >= WATCHED and now - renewed >= stale)
        ]
        await self.end(dead)
        return dead

    async def end(self, nodes: list[str]) -> None:
        """Marks these nodes as ended, whether they stopped in order or were found dead."""
        if not nodes:
            return
        async with self._database.write() as work:
            ended = update(Node).where(Node.id.in_(nodes), Node.ended_at.is_(None))
            await work.session.execute(ended.values(ended_at=self._clock.now()))


@asynccontextmanager
async def node_lease(
    database: Database, clock: Clock, data: Path, buried: Callable[[], None] = lambda: None
) -> AsyncIterator[str]:
    """A lease for this process, renewed until the block is left; gives the node's id.

    `buried` is called when this node finds that it was taken for dead: it was paused, or cut off, for so
    long that others have settled what it ran.

    A lock on a file below `data` says that the process lives, so that the next one to start there
    knows at once which of its predecessors have died.
    """
    nodes = Nodes(database, clock)
    node = sortable("node")
    with _claimed(data / "nodes", node) as predecessors:
        if predecessors:
            log.warning("nodes of this data directory had died", nodes=predecessors)
        await nodes.end(predecessors)
        await _register(database, clock, node)

        async def renew() -> None:
            async with database.write() as work:
                ended = await work.session.scalar(select(Node.ended_at).where(Node.id == node))
                # A node that was buried by mistake comes back to life; what was settled for it stays settled.
                lease = update(Node).where(Node.id == node)
                await work.session.execute(lease.values(renewed_at=clock.now(), ended_at=None))
            if ended is not None:
                log.error("this node was taken for dead, and ends what it was doing", node=node)
                buried()

        async with sweeping("lease", RENEW, renew):
            yield node
        await asyncio.shield(nodes.end([node]))


async def _register(database: Database, clock: Clock, node: str) -> None:
    now = clock.now()
    name = f"{socket.gethostname()}, process {os.getpid()}"
    async with database.write() as work:
        row = {"id": node, "name": name, "started_at": now, "renewed_at": now}
        await work.session.execute(insert(Node).values(**row, ended_at=None))


@contextmanager
def _claimed(folder: Path, node: str) -> Iterator[list[str]]:
    """Holds a lock named after `node`, and names those of the folder that nobody holds any more."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = folder / node
    with ExitStack() as held:
        with folder.with_suffix(".lock").open("w") as door:  # One comes in at a time, else a newcomer's
            fcntl.flock(door, fcntl.LOCK_EX)  # file could be taken for a dead one before it is locked.
            dead = [each.name for each in folder.iterdir() if _let_go(each)]
            file = held.enter_context(mine.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield dead
        finally:
            mine.unlink(missing_ok=True)


@contextmanager
def nobody_in(data: Path) -> Iterator[None]:
    """Keeps processes from taking their lease in `data` until the block is left.

    Raises Fault(CONFLICT) when one has it.
    """
    folder = data / "nodes"
    with folder.with_suffix(".lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        if folder.is_dir() and any(_held(each) for each in folder.iterdir()):
            raise Fault(Code.CONFLICT, f"A server runs on {data}. Stop it first.")
        yield


def _held(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _let_go(path: Path) -> bool:
    """Takes away the lock file of a process that has died; False while it lives."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:  # Held, or gone by itself just now.
        return False
    return True
