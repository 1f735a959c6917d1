"""When periods end, as laws and as the published examples."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.billing.periods import end_after, is_over, next_start
from tokenmill.billing.plans import Period

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1990, 1, 2), datetime(2150, 1, 1), timezones=offsets)
periods: st.SearchStrategy[Period] = st.sampled_from(("month", "year"))


def chain(anchor: datetime, period: Period, length: int) -> list[datetime]:
    ends: list[datetime] = []
    last = anchor
    for _ in range(length):
        last = end_after(anchor, last, period)
        ends.append(last)
    return ends


@pytest.mark.parametrize(
    ("anchor", "period", "ends"),
    [
        ("2026-03-28T10:00:00+00:00", "month", ["2026-04-28", "2026-05-28"]),
        ("2026-01-31T00:00:00+00:00", "month", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-30T00:00:00+00:00", "month", ["2028-02-29", "2028-03-30"]),
        ("2026-12-15T00:00:00+00:00", "month", ["2027-01-15", "2027-02-15"]),
        ("2028-02-29T12:00:00+00:00", "year", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-03-28T10:00:00+00:00", "year", ["2027-03-28"]),
        # It is the 29th in UTC already, and the 30th in Shanghai is still the 29th there.
        ("2026-03-28T23:30:00-05:00", "month", ["2026-04-29"]),
        ("2026-03-30T07:59:59+08:00", "month", ["2026-04-29"]),
        ("2026-03-28T23:59:59+00:00", "month", ["2026-04-28"]),
    ],
)
def test_periods_end_with_the_anchors_day(anchor: str, period: Period, ends: list[str]) -> None:
    expected = [datetime.fromisoformat(f"{day}T23:59:59+00:00") for day in ends]
    assert chain(datetime.fromisoformat(anchor), period, len(ends)) == expected


@given(moments, periods)
def test_an_end_is_the_last_second_of_a_day_in_utc(anchor: datetime, period: Period) -> None:
    for end in chain(anchor, period, 5):
        assert end.utcoffset() == timedelta(0)
        assert (end.hour, end.minute, end.second, end.microsecond) == (23, 59, 59, 0)


@given(moments, periods)
def test_the_zone_of_the_anchor_makes_no_difference(anchor: datetime, period: Period) -> None:
    assert chain(anchor, period, 15) == chain(anchor.astimezone(UTC), period, 15)


@given(moments, periods)
def test_the_anchors_day_is_kept_wherever_the_month_has_it(anchor: datetime, period: Period) -> None:
    """So no chain drifts to a smaller day after February."""
    day = anchor.astimezone(UTC).day
    for end in chain(anchor, period, 15):
        assert end.day == min(day, monthrange(end.year, end.month)[1])


@given(moments, periods)
def test_periods_follow_each_other_month_by_month(anchor: datetime, period: Period) -> None:
    step = 12 if period == "year" else 1
    start = anchor.astimezone(UTC)
    for number, end in enumerate(chain(anchor, period, 30), 1):
        assert end.year * 12 + end.month == start.year * 12 + start.month + number * step


@given(moments, periods)
def test_a_first_period_is_at_least_a_whole_one(anchor: datetime, period: Period) -> None:
    """Nobody gets fewer than 28 days, or 365, nor a day more than the longest month, or year."""
    length = end_after(anchor, anchor, period) + timedelta(seconds=1) - anchor.astimezone(UTC)
    least, most = (365, 367) if period == "year" else (28, 32)
    assert timedelta(days=least) <= length <= timedelta(days=most)


@given(moments, periods)
def test_between_two_periods_there_is_no_gap(anchor: datetime, period: Period) -> None:
    end = end_after(anchor, anchor, period)
    begins = next_start(end)
    assert not is_over(end, begins - timedelta(microseconds=1))
    assert is_over(end, begins)
