"""Declares the tables of the reasoning vault."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class VaultTurn(Base):
    """The reasoning of a turn that called tools, sealed; `size` is what it takes here, in bytes."""

    __tablename__ = "vault_turns"
    __table_args__ = (Index(None, "account_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # Sorts by the time it was made.
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    key_id: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    size: Mapped[int]
    sealed: Mapped[bytes]


class VaultCall(Base):
    """A call of such a turn; `digest` is made under the platform's secret, so it tells nothing by itself."""

    __tablename__ = "vault_calls"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    turn_id: Mapped[str] = mapped_column(
        ForeignKey("vault_turns.id", ondelete="CASCADE"), primary_key=True, index=True
    )
