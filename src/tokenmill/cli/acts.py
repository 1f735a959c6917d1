"""Writes down in the audit log what was done on the command line, in the transaction that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenmill.accounts.audit import Detail
    from tokenmill.kit.ids import AccountId
    from tokenmill.store.database import UnitOfWork


async def note(
    work: UnitOfWork, action: str, subject: str, account_id: AccountId | None = None, **details: Detail
) -> None:
    """`action` and `details` are those of the same act in the admin API; never a secret."""
    from tokenmill.accounts.audit import CLI, record
    from tokenmill.kit.clock import SystemClock

    await record(work, SystemClock(), CLI, action, subject, account_id=account_id, details=details)
