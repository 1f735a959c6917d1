"""Lets one node at a time do what need not be done by all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import delete, or_, update

from tokenmill.kit.clock import Clock
from tokenmill.store.database import Database
from tokenmill.store.once import insert_once
from tokenmill.store.work_tables import Lease


class Leases:
    """Rights that a node takes for a while.

    They spare work and exclude nothing: a node whose clock is ahead, or whose job outlasts its lease, may
    find another at the same job. So whatever runs under a lease bears being done twice.
    """

    def __init__(self, database: Database, clock: Clock, node: str) -> None:
        self._database = database
        self._clock = clock
        self._node = node

    async def take(self, name: str, seconds: float) -> bool:
        """Takes the lease, or prolongs it; False while another node has it."""
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)
        free = or_(Lease.holder == self._node, Lease.until <= now)
        async with self._database.write() as work:
            taken = await work.session.execute(
                update(Lease)
                .where(Lease.name == name, free)
                .values(holder=self._node, until=until)
                .returning(Lease.name)
                .execution_options(synchronize_session=False)
            )
            if taken.first() is not None:
                return True
            return await insert_once(work, Lease, "name", name=name, holder=self._node, until=until)

    async def give_back(self) -> None:
        """This node stops: others need not wait until its leases run out."""
        async with self._database.write() as work:
            mine = delete(Lease).where(Lease.holder == self._node)
            await work.session.execute(mine.execution_options(synchronize_session=False))

    def guarded(
        self, name: str, seconds: float, job: Callable[[], Awaitable[object]]
    ) -> Callable[[], Awaitable[None]]:
        """`job`, for whoever has the lease when it is called; for others nothing."""

        async def run() -> None:
            if await self.take(name, seconds):
                await job()

        return run
