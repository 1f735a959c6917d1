"""Says when a period of a subscription ends."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from tokenmill.billing.plans import Period

_MONTHS = {"month": 1, "year": 12}
SECOND = timedelta(seconds=1)
"""A period ends with its last second; the next begins a second later."""


def end_after(anchor: datetime, last: datetime, period: Period) -> datetime:
    """The end of the period that follows the moment `last`: 23:59:59 UTC on the day of `anchor`.

    `anchor` is when the chain of renewals began, and `last` is the same moment for its first period, else
    the end of the period before. A month without such a day ends the period on its last day, and the next
    one has the anchor's day again: 31 Jan, 28 Feb, 31 Mar. Both may be in any time zone; days are UTC's.
    """
    start, before = anchor.astimezone(UTC), last.astimezone(UTC)
    year, month = divmod(before.year * 12 + before.month - 1 + _MONTHS[period], 12)
    month += 1
    day = min(start.day, monthrange(year, month)[1])
    return datetime(year, month, day, 23, 59, 59, tzinfo=UTC)


def next_start(ends_at: datetime) -> datetime:
    """When the period after the one that ends at `ends_at` begins: its next second."""
    return ends_at.astimezone(UTC) + SECOND


def is_over(ends_at: datetime, now: datetime) -> bool:
    """Has the whole last second gone by?"""
    return now >= ends_at + SECOND
