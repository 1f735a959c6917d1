"""Declares the tables of moderation: policies, operators' lists, verdicts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class ModerationPolicy(Base):
    """What is done about unwanted text of one account, of one model, or of both; empty means all."""

    __tablename__ = "moderation_policies"
    __table_args__ = (UniqueConstraint("account_id", "model"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    model: Mapped[str]
    spec: Mapped[str]  # JSON text: `moderation.policies.Policy`.
    updated_at: Mapped[datetime]


class ModerationList(Base):
    """An operator's own list: one phrase a line."""

    __tablename__ = "moderation_lists"

    name: Mapped[str] = mapped_column(primary_key=True)
    category: Mapped[str]
    text: Mapped[str]
    phrases: Mapped[int]
    enabled: Mapped[bool]
    updated_at: Mapped[datetime]


class ModerationVerdict(Base):
    """Something that was blocked or flagged, or could not be judged; what was said is not kept.

    It has no foreign keys: it is written in a batch with strangers' rows.
    """

    __tablename__ = "moderation_verdicts"
    __table_args__ = (Index(None, "at"), Index(None, "account_id", "id"))

    id: Mapped[str] = mapped_column(primary_key=True)  # Sorts by the time it was made.
    at: Mapped[datetime]
    exchange_id: Mapped[str]
    request_id: Mapped[str]
    account_id: Mapped[str]
    key_id: Mapped[str]
    model: Mapped[str]
    protocol: Mapped[str]
    direction: Mapped[str]  # input | output
    place: Mapped[str]  # Where it was said: a request's field, or `text`, `reasoning`, `arguments`, ….
    outcome: Mapped[str]  # blocked | flagged | failed
    category: Mapped[str]
    source: Mapped[str]  # A list's name, or `classifier`.
    rule: Mapped[str]  # The list's own line, or the classifier's word; why, where judging failed.
    permille: Mapped[int]  # How sure, in thousandths.
    false_positive: Mapped[bool]
