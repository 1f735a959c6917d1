"""Asks for work that has to be done although a node may die over it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tokenmill.kit.clock import Clock
from tokenmill.kit.ids import sortable
from tokenmill.store.database import UnitOfWork
from tokenmill.store.once import insert_once
from tokenmill.store.work_tables import Task


async def ask_for(
    work: UnitOfWork,
    clock: Clock,
    kind: str,
    payload: Mapping[str, str],
    dedupe_key: str,
    *,
    run_after: datetime | None = None,
) -> bool:
    """Leaves a task for `jobs.tasks`, with this transaction; False when it was asked for before.

    `payload` holds ids and no secret. `run_after` None: as soon as may be.
    """
    now = clock.now()
    return await insert_once(
        work,
        Task,
        "dedupe_key",
        id=sortable("tsk"),
        kind=kind,
        payload=msgspec.json.encode(payload).decode(),
        dedupe_key=dedupe_key,
        created_at=now,
        run_after=run_after or now,
        attempts=0,
        claimed_by=None,
        claimed_until=None,
        done_at=None,
        failed_at=None,
        last_error=None,
    )
