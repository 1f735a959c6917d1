"""Declares the tables of Token Plans: what is offered, and who has subscribed to what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class Plan(Base):
    """A tier, as its entry in JSON text; a retired one can be renewed and no longer bought."""

    __tablename__ = "plans"

    id: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[str]  # JSON text: `billing.plans.Plan`.
    position: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Subscription(Base):
    """An account's plan for one period; a renewal is the next row, so that terms once bought stay."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index(None, "state", "ends_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    plan_id: Mapped[str]
    spec: Mapped[str]  # JSON text: the plan as it was bought.
    period: Mapped[str]  # month | year
    seats: Mapped[int]
    credits: Mapped[int] = mapped_column(
        BigInteger
    )  # Milli-credits granted at the start, compensation included.
    paid: Mapped[int] = mapped_column(BigInteger)  # Nano-units that the credits are worth; 0: a gift.
    currency: Mapped[str]
    state: Mapped[str]  # active | ended | replaced
    anchor: Mapped[datetime]  # When the chain of renewals began; its day of the month rules them all.
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # The last second that is covered: 23:59:59 UTC.
    renews: Mapped[bool]
    next_plan_id: Mapped[str | None]  # A downgrade that waits for the renewal.
    previous_id: Mapped[str | None]
    closed_at: Mapped[datetime | None]
