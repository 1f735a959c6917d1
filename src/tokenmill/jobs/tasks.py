"""Does the tasks of the `tasks` table: each at least once, however often nodes die over them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import msgspec
import structlog
from sqlalchemy import ColumnElement, and_, or_, select, update

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.store.database import Database
from tokenmill.store.work_tables import Task

EVERY: Final = 2.0
"""Seconds between two looks for what is due."""
AT_ONCE: Final = 8
"""Tasks that a node does at a time."""
CLAIM: Final = 120.0
"""Seconds for which a claim holds; a task whose node has died is taken up again after that."""
LONGEST: Final = 60.0
"""Seconds that a task may take: well within its claim, so that it is not done by two nodes at a time."""
_GRACE: Final = 5.0

log = structlog.get_logger()


class TaskFailed(Exception):
    """The task could not be done; `final` means that trying again cannot help. The text holds no secret."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A task that this node is to do; this is its attempt number `attempts`."""

    id: str
    kind: str
    payload: dict[str, str]
    attempts: int


Handler = Callable[[Claimed], Awaitable[None]]
"""Does a task; it may have been done before. Raises TaskFailed or Fault when it could not."""


class Chore(msgspec.Struct, frozen=True):
    """How one kind of task is done, and how many seconds lie between attempts; after the last it fails."""

    do: Handler
    waits: tuple[float, ...]


class TaskRunner:
    """Any number of nodes may run one on the same table."""

    def __init__(self, database: Database, clock: Clock, node: str, chores: Mapping[str, Chore]) -> None:
        """Tasks of kinds that are not among `chores` are left for nodes that know them."""
        self._database = database
        self._clock = clock
        self._node = node
        self._chores = chores
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits a little for what runs; what is not done by then another node takes up."""
        if self._running:
            await asyncio.wait(self._running, timeout=_GRACE)
        for running in self._running:
            running.cancel()
        await self.settled()

    async def run_due(self) -> int:
        """Claims what is due, as much as may run at a time, and begins it; the number of tasks begun."""
        claimed = await self._claim(AT_ONCE - len(self._running))
        for task in claimed:
            running = asyncio.create_task(self._do(task), name=f"task {task.kind}")
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return len(claimed)

    async def settled(self) -> None:
        """Waits until nothing runs."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _claim(self, most: int) -> list[Claimed]:
        due = self._due()
        query = select(Task.id).where(due).order_by(Task.run_after).limit(most)
        async with self._database.read() as view:  # Most often there is nothing, and no writer is held up.
            if most <= 0 or (await view.session.scalars(query)).first() is None:
                return []
        until = self._clock.now() + timedelta(seconds=CLAIM)
        async with self._database.write() as work:
            free = list(await work.session.scalars(query.with_for_update(skip_locked=True)))
            rows = await work.session.execute(
                update(Task)
                .where(Task.id.in_(free), due)
                .values(claimed_by=self._node, claimed_until=until, attempts=Task.attempts + 1)
                .returning(Task.id, Task.kind, Task.payload, Task.attempts)
                .execution_options(synchronize_session=False)
            )
            return [
                Claimed(
                    id=row.id,
                    kind=row.kind,
                    payload=msgspec.json.decode(row.payload, type=dict[str, str]),
                    attempts=row.attempts,
                )
                for row in rows
            ]

    def _due(self) -> ColumnElement[bool]:
        now = self._clock.now()
        return and_(
            Task.done_at.is_(None),
            Task.failed_at.is_(None),
            Task.run_after <= now,
            Task.kind.in_(list(self._chores)),
            or_(Task.claimed_until.is_(None), Task.claimed_until <= now),
        )

    async def _do(self, task: Claimed) -> None:
        chore = self._chores[task.kind]
        try:
            async with asyncio.timeout(LONGEST):
                await chore.do(task)
        except TaskFailed as failed:
            await self._failed(task, str(failed), chore.waits, final=failed.final)
        except Fault as fault:
            await self._failed(task, fault.message, chore.waits)
        except TimeoutError:
            await self._failed(task, f"not done within {LONGEST:.0f} s", chore.waits)
        except asyncio.CancelledError:
            await self._failed(task, "the node stopped", (0.0,) * task.attempts)
        except Exception as error:
            log.exception("a task failed", task=task.id, kind=task.kind)
            await self._failed(task, type(error).__name__, chore.waits)
        else:
            await self._note(task, done_at=self._clock.now(), last_error=None)

    async def _failed(
        self, task: Claimed, reason: str, waits: tuple[float, ...], *, final: bool = False
    ) -> None:
        now = self._clock.now()
        if final or task.attempts > len(waits):
            log.warning("a task is given up", task=task.id, kind=task.kind, reason=reason)
            await self._note(task, failed_at=now, last_error=reason)
            return
        later = now + timedelta(seconds=waits[task.attempts - 1])
        await self._note(task, run_after=later, last_error=reason)

    async def _note(self, task: Claimed, **values: object) -> None:
        """Only for whoever has the claim: it may have run out, and the task may be another's by now."""
        mine = and_(Task.id == task.id, Task.claimed_by == self._node, Task.attempts == task.attempts)
        with suppress(Fault):  # A database that is away: the claim runs out, and the task is done again.
            async with self._database.write() as work:
                await work.session.execute(
                    update(Task)
                    .where(mine, Task.done_at.is_(None))
                    .values(claimed_by=None, claimed_until=None, **values)
                    .execution_options(synchronize_session=False)
                )
