"""Keeps what people are to be told, in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tokenmill.kit.clock import Clock
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.store.database import UnitOfWork
from tokenmill.store.once import insert_once
from tokenmill.store.work_tables import Event


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
    return await insert_once(
        work,
        Event,
        "dedupe_key",
        id=sortable("evt"),
        kind=kind,
        account_id=account_id,
        payload=msgspec.json.encode(payload).decode(),
        dedupe_key=dedupe_key,
        created_at=clock.now(),
    )
