"""The parts of the admin API that need no server: the door, cursors, amounts, days of time zones."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.admin.buckets import starts
from tokenmill.admin.door import read_body
from tokenmill.admin.shapes import page_of, read_cursor, show_credits, write_cursor
from tokenmill.kit.faults import Code, Fault

WHOLE = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.one_of(st.text().filter(str.isprintable), WHOLE)))
def test_a_cursor_is_read_as_it_was_written(key: list[str | int]) -> None:
    """And as a key of other types it is refused."""
    cursor = write_cursor(*key)
    assert read_cursor(cursor, *map(type, key)) == tuple(key)
    with pytest.raises(Fault) as caught:
        read_cursor(cursor, *map(type, key), str)
    assert (caught.value.code, caught.value.field) == (Code.BAD_VALUE, "cursor")


@given(st.text(max_size=50))
def test_what_is_no_cursor_is_refused_and_never_breaks(text: str) -> None:
    """Whatever somebody writes there."""
    with suppress(Fault):
        found = read_cursor(text, str)
        assert found is not None
        assert isinstance(found[0], str)


@pytest.mark.parametrize("part", ["\0", "a\0b", "\ud800", 2**63, -(2**63) - 1])
def test_a_cursor_that_no_database_can_look_for_is_refused(part: str | int) -> None:
    """They are written by whoever likes to."""
    with pytest.raises(Fault) as caught:
        read_cursor(write_cursor(part), type(part))
    assert caught.value.code is Code.BAD_VALUE


@given(st.lists(WHOLE, unique=True), st.integers(1, 7))
def test_pages_together_are_the_whole_list(rows: list[int], limit: int) -> None:
    """Each row is on one page, in order, and only the last page says that it is the last."""
    rows = sorted(rows)
    found: list[int] = []
    after: tuple[Any, ...] | None = None
    while True:
        left = [row for row in rows if after is None or row > after[0]]
        page = page_of(left[: limit + 1], limit, int, lambda row: (row,))
        found += page.data
        if page.next_cursor is None:
            break
        assert len(page.data) == limit
        after = read_cursor(page.next_cursor, int)
    assert found == rows


@pytest.mark.parametrize(
    ("milli", "shown"), [(0, "0"), (1, "0.001"), (2500, "2.5"), (4_100_000_000_000, "4100000000")]
)
def test_credits_are_exact(milli: int, shown: str) -> None:
    """A thousandth of a credit is the smallest there is."""
    assert show_credits(milli) == shown


def test_days_of_a_zone_begin_at_its_midnight_also_when_the_clock_is_changed() -> None:
    """In October 2026 a day of Berlin has 25 hours; none is left out, and none is there twice."""
    zone = ZoneInfo("Europe/Berlin")
    days = starts(datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 10, 26, 23, tzinfo=UTC), "day", zone)
    assert [day.isoformat() for day in days] == [
        "2026-10-24T00:00:00+02:00",
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
    ]
    hours = starts(
        datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC), "hour", zone
    )
    assert len({hour.astimezone(UTC) for hour in hours}) == len(hours) == 25


def test_zones_of_half_an_hour_begin_their_days_at_their_own_midnight() -> None:
    """India is half an hour off, Nepal a quarter."""
    for name in ("Asia/Kolkata", "Asia/Kathmandu"):
        zone = ZoneInfo(name)
        since = datetime(2026, 11, 20, tzinfo=zone)
        days = starts(since, datetime(2026, 11, 22, tzinfo=zone), "day", zone)
        assert [day.strftime("%d %H:%M") for day in days] == ["20 00:00", "21 00:00"]


def test_a_server_that_nobody_signs_in_to_never_imports_the_framework() -> None:
    """FastAPI costs memory and a second; both are paid when the admin API is first asked."""
    code = "import sys, tokenmill.compose, tokenmill.cli.main; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_a_body_that_never_ends_is_given_up() -> None:
    """The door waits for a while, and says so."""

    async def silent() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    with pytest.raises(Fault) as caught:
        await read_body({"headers": []}, silent, within=0.01)
    assert caught.value.code is Code.SLOW_BODY
