"""Inserts a row unless one with the same key is there already."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from tokenmill.store.database import UnitOfWork
from tokenmill.store.tables import Base


async def insert_once(work: UnitOfWork, table: type[Base], key: str, **values: Any) -> bool:
    """Was the row new? `key` is the column that has to be unique; a row that is there stays as it is.

    A transaction that is inserting the same key right now is waited for.
    """
    on_sqlite = work.session.get_bind().dialect.name == "sqlite"
    statement = (
        sqlite.insert(table).values(**values).on_conflict_do_nothing(index_elements=[key])
        if on_sqlite
        else postgresql.insert(table).values(**values).on_conflict_do_nothing(index_elements=[key])
    )
    inserted = await work.session.execute(statement.returning(getattr(table, key)))
    return inserted.first() is not None
