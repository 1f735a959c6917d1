"""Keeps what people are to be told, in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tokenmill.kit.clock import Clock
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.store.database import UnitOfWork
from tokenmill.store.once import insert_once
from tokenmill.store.tasks import ask_for
from tokenmill.store.work_tables import Event

DELIVER: Final = "deliver"
"""The kind of the task that sends an event on its ways; its payload is `{"event": id}`."""


async def announce(
    work: UnitOfWork,
    clock: Clock,
    kind: str,
    account_id: AccountId,
    payload: Mapping[str, str | int | None],
    dedupe_key: str,
) -> bool:
    """Leaves word for an account's people; False when this was said before, and nothing is added.

    `kind` is like `plan.renewed`; amounts in `payload` are decimal strings. It holds no secret.
    """
    event_id = sortable("evt")
    new = await insert_once(
        work,
        Event,
        "dedupe_key",
        id=event_id,
        kind=kind,
        account_id=account_id,
        payload=msgspec.json.encode(payload).decode(),
        dedupe_key=dedupe_key,
        created_at=clock.now(),
    )
    if new:
        await ask_for(work, clock, DELIVER, {"event": event_id}, f"{DELIVER}:{event_id}")
    return new
