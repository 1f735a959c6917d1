"""Gathers every table, so that migrations see them all."""

from __future__ import annotations

from tokenmill.store import ledger_tables, plan_tables, search_tables, vault_tables, work_tables
from tokenmill.store.tables import Base

__all__ = ["Base", "ledger_tables", "plan_tables", "search_tables", "vault_tables", "work_tables"]

METADATA = Base.metadata
