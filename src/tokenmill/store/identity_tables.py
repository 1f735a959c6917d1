"""Declares the tables of sign-in by a provider: whose identities are whose, and what was used up."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class Identity(Base):
    """Who a user is at a provider; one user has one identity of each, and one identity is one user's."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[str] = mapped_column(primary_key=True)
    issuer: Mapped[str]
    subject: Mapped[str]  # The provider's own name for them; it never goes to somebody else.
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    email: Mapped[str | None]  # As the provider last told it; the user's own address stays as it was.
    made_operator: Mapped[bool] = mapped_column(server_default=false())  # By the claim, which may take it.
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class ProvedAddress(Base):
    """This user's address is known to be theirs: by a letter, by a provider, or by an operator's word."""

    __tablename__ = "proved_addresses"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    at: Mapped[datetime]


class SpentRound(Base):
    """A way to the provider and back that has been used; the row outlives the round itself."""

    __tablename__ = "spent_rounds"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
