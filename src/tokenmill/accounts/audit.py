"""Writes down who did what to whom, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tokenmill.kit.clock import Clock
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.store.database import UnitOfWork
from tokenmill.store.work_tables import AuditEntry

Detail = str | int | bool | None


class Actor(msgspec.Struct, frozen=True):
    """Who acts: an e-mail address, `cli` or `system`; `address` is where from."""

    name: str
    user_id: UserId | None = None
    address: str | None = None


CLI: Final = Actor("cli")
SYSTEM: Final = Actor("system")


async def record(
    work: UnitOfWork,
    clock: Clock,
    actor: Actor,
    action: str,
    subject: str,
    *,
    account_id: AccountId | None,
    details: Mapping[str, Detail] | None = None,
) -> None:
    """Adds an entry; `action` is like `key.create`, `subject` the id of what was acted upon.

    `details` never hold a secret: the entry is kept for ever, and operators read it.
    """
    work.session.add(
        AuditEntry(
            id=sortable("aud"),
            at=clock.now(),
            actor=actor.name,
            user_id=actor.user_id,
            account_id=account_id,
            action=action,
            subject=subject,
            details=msgspec.json.encode(details or {}).decode(),
            address=actor.address,
        )
    )
    await work.session.flush()
