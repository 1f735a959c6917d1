"""Runs revisions on the connection that `store.migrate` passes in."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from tokenmill.store.schema import METADATA
from tokenmill.store.tables import UtcTime


def _generic(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """A revision names the database's type, not our class, which may change after it."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    render_item=_generic,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
