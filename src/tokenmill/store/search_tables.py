"""Declares the table of how search providers are doing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base


class SearchStanding(Base):
    """When a provider last answered and failed on any node; `failing_since` null: its last answer was one."""

    __tablename__ = "search_standings"

    provider: Mapped[str] = mapped_column(primary_key=True)
    answered_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failure: Mapped[str | None]
