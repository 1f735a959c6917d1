"""Declares the tables of what runs and who signs in: nodes, leases, tasks, sessions, the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class Node(Base):
    """A serving process; its lease is `renewed_at`."""

    __tablename__ = "nodes"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]  # Host and address, for people.
    started_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # It stopped in order, or was found dead.


class Lease(Base):
    """The right to do what only one node may do at a time, until `until`."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[datetime]


class Mark(Base):
    """How far a job has come that goes on from there."""

    __tablename__ = "marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Fact(Base):
    """What the platform knows of itself."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Task(Base):
    """Work that has to be done although a node may die over it; its key keeps it from being asked twice."""

    __tablename__ = "tasks"
    __table_args__ = (Index(None, "done_at", "run_after"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[str]  # JSON text.
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    run_after: Mapped[datetime]
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]  # Given up; `last_error` says why.
    last_error: Mapped[str | None]


class Event(Base):
    """Something that an account's people are to learn of; each delivery of it is a task."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "account_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    account_id: Mapped[str]
    payload: Mapped[str]  # JSON text.
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class Session(Base):
    """A browser that has signed in; the cookie's hash finds it."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    confirmed_at: Mapped[datetime]  # When the password was last given; dangerous acts ask for a recent one.
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str]
    agent: Mapped[str]


class Ticket(Base):
    """A single-use link: an invitation, or a password reset."""

    __tablename__ = "tickets"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # invite | password_reset
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    email: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str | None]
    account_id: Mapped[str | None]  # Whom the invited joins; None: an account of their own.
    terms: Mapped[str]  # JSON text: role, standing, currency.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInFailure(Base):
    """Failed sign-ins of one subject (an address, or an e-mail) within the current window."""

    __tablename__ = "sign_in_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    since: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what to whom; it holds no secret, and is never changed."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"), Index(None, "account_id", "at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # An e-mail address, `cli` or `system`.
    user_id: Mapped[str | None]
    account_id: Mapped[str | None]
    action: Mapped[str]  # `key.create`, `wallet.grant`
    subject: Mapped[str]  # The id of what was acted upon.
    details: Mapped[str]  # JSON text.
    address: Mapped[str | None]
