"""Gathers every table, so that migrations see them all."""

from __future__ import annotations

from tokenmill.store import (
    files_tables,
    identity_tables,
    ledger_tables,
    moderation_tables,
    plan_tables,
    search_tables,
    vault_tables,
    work_tables,
)
from tokenmill.store.tables import Base

__all__ = [
    "Base",
    "files_tables",
    "identity_tables",
    "ledger_tables",
    "moderation_tables",
    "plan_tables",
    "search_tables",
    "vault_tables",
    "work_tables",
]

METADATA = Base.metadata
