"""Declares the table of stored files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class FileRow(Base):
    """A file of an account; its bytes lie where files are kept, under its account's id and its own."""

    __tablename__ = "files"
    __table_args__ = (Index(None, "account_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # Sorts by the time it was made.
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str]
    purpose: Mapped[str]
    media_type: Mapped[str]  # Told by its content.
    size: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
