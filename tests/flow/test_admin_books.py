"""An account's figures agree wherever it looks, and every charge can be computed again."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.flow.admin_client import API, Browser, browser
from tests.flow.test_chat import ASK, HELLO
from tokenmill.accounts.passwords import hash_password
from tokenmill.jobs.retention import take_away
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import User
from tokenmill.testing import EMAIL, PASSWORD, ScriptedEngine, TestPlatform, open_test_platform

BUSY = Fault(Code.UPSTREAM_BUSY, "The model is busy.")
NANO = Decimal("0.000000001")


class Days:
    """A clock that creeps until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._seconds = 0.0

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def monotonic(self) -> float:
        self._seconds += 0.001
        return self._seconds

    def at(self, now: datetime) -> None:
        """Goes on to another moment."""
        self._now = now


@pytest.fixture
def days() -> Days:
    return Days(datetime(2027, 1, 30, 12, tzinfo=UTC))


@pytest.fixture
async def platform(tmp_path: Path, database_url: str, days: Days) -> AsyncIterator[TestPlatform]:
    """A developer's account, whose upstream is busy at its first request and answers from then on."""
    engines = {"openai": ScriptedEngine(BUSY, HELLO)}
    opening = open_test_platform(
        tmp_path,
        engines,
        operator=True,
        database_url=database_url,
        clock=days,
        waits=(0.0,),
        environ={"TOKENMILL__RETENTION__USAGE_DAYS": "7"},
    )
    async with opening as opened:
        password = await hash_password(PASSWORD)
        async with opened.database.write() as work:
            await work.session.execute(update(User).where(User.email == EMAIL).values(password_hash=password))
        yield opened


async def call(one: Browser, tool: str = "codex_cli_rs/0.63.0") -> None:
    url = f"{one.platform.url}/v1/chat/completions"
    headers = {"authorization": f"Bearer {one.platform.key}", "user-agent": tool}
    async with one.http.post(url, json=ASK, headers=headers) as reply:
        assert reply.status == 200, await reply.text()


async def sheet(one: Browser, path: str) -> list[dict[str, str]]:
    async with one.http.get(f"{one.platform.url}{API}{path}") as reply:
        raw = await reply.read()
        assert reply.status == 200, raw
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def total(amounts: Any) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal(0))


async def test_a_charge_can_be_computed_again_from_its_receipt(platform: TestPlatform) -> None:
    """Rate times count is the line, the lines are the cost; who failed first, and what was held, is told."""
    async with browser(platform, EMAIL) as one:
        await call(one)
        (listed,) = (await one.get("/exchanges"))["data"]
        found = await one.get(f"/exchanges/{listed['id']}")
        receipt = found["receipt"]
        assert len(receipt["lines"]) >= 2
        for line in receipt["lines"]:
            assert Decimal(line["amount"]) == line["count"] * Decimal(line["rate"]) / 1_000_000
        exact = total(line["amount"] for line in receipt["lines"]) * Decimal(receipt["factor"])
        assert Decimal(receipt["exact"]) == exact
        assert Decimal(receipt["cost"]) == exact.quantize(NANO, ROUND_HALF_UP) > 0
        assert (found["purse"], found["target"]) == ("wallet", "scripted")
        assert (found["usage_quality"], found["upstream_model"]) == ("reported", "upstream-name")
        assert found["hold"]["state"] == "settled"
        assert Decimal(found["hold"]["amount"]) >= Decimal(receipt["cost"])
        assert found["price_since"] is not None
        assert {"kind": "retry", "field": "target", "reason": "scripted: upstream_busy"} in found["steps"]
        assert found["refunded_at"] is None


async def test_a_month_is_its_days_and_what_came_between_them(platform: TestPlatform, days: Days) -> None:
    """Opening and lines make closing; days are those of the zone; the file says the same one by one."""
    async with browser(platform, EMAIL) as one, browser(platform) as operator:
        grant = f"/operator/accounts/{platform.account_id}/grant"
        for moment in (
            datetime(2027, 1, 31, 15, 30, tzinfo=UTC),  # The last half hour of January in Shanghai.
            datetime(2027, 1, 31, 16, 30, tzinfo=UTC),
            datetime(2027, 2, 3, 1, tzinfo=UTC),
        ):
            days.at(moment)
            await operator.sign_in()
            await one.sign_in(EMAIL)
            await call(one)
        await operator.do("POST", grant, {"amount": "5.00", "currency": "USD", "note": "=thanks"})
        await call(one)
        await call(one)
        month = await one.get("/wallet/month?month=2027-02&zone=Asia/Shanghai")
        lines = month["lines"]
        assert [(line["kind"], line["day"], line["count"]) for line in lines] == [
            ("usage", "2027-02-03", 2),
            ("grant", None, 1),
            ("usage", "2027-02-03", 1),
            ("usage", "2027-02-01", 1),
        ]
        assert month["closing"] == (await one.get("/wallet"))["balance"] == lines[0]["balance"]
        moved = total(line["amount"] for line in lines)
        assert Decimal(month["opening"]) + moved == Decimal(month["closing"])
        assert total(month["sums"].values()) == moved
        assert total(month["ever"].values()) == Decimal(month["closing"])
        for newer, older in pairwise(lines):
            assert Decimal(newer["balance"]) - Decimal(newer["amount"]) == Decimal(older["balance"])
        january = await one.get("/wallet/month?month=2027-01&zone=Asia/Shanghai")
        assert january["closing"] == month["opening"]

        rows = await sheet(one, "/wallet/statement.csv?month=2027-02&zone=Asia/Shanghai")
        assert [row["kind"] for row in rows] == [
            *("opening", "exchange", "exchange", "grant", "exchange", "exchange", "closing"),
        ]
        assert (rows[0]["balance"], rows[-1]["balance"]) == (month["opening"], month["closing"])
        assert total(row["amount"] or 0 for row in rows) == moved
        assert rows[1]["at"].endswith("+08:00")
        assert {row["zone"] for row in rows} == {"Asia/Shanghai"}
        assert [row["note"] for row in rows if row["kind"] == "grant"] == ["'=thanks"]
        for name in ("2026-13", "2026-1", "1066-10", "٢٠٢٦-11"):
            assert await one.refused("GET", f"/wallet/month?month={name}") == (400, "bad_value")


async def test_list_chart_file_and_ledger_have_one_sum(platform: TestPlatform) -> None:
    """Of all, and of what a filter leaves; whatever the rows are grouped or sorted by."""
    async with browser(platform, EMAIL) as one:
        for tool in ("codex_cli_rs/0.63.0", "claude-cli/2.1.0 (external, cli)", "codex_cli_rs/0.63.0"):
            await call(one, tool)
        for narrow, count in (("", 3), ("&client=codex", 2)):
            rows = (await one.get(f"/exchanges?limit=200{narrow}"))["data"]
            assert len(rows) == count
            spent = total(row["receipt"]["cost"] for row in rows)
            for group in ("none", "model", "key", "client"):
                chart = await one.get(f"/usage/series?zone=Asia/Shanghai&group={group}{narrow}")
                assert Decimal(chart["total"]["cost"]) == spent
                parts = [bucket["sums"]["cost"] for each in chart["series"] for bucket in each["buckets"]]
                assert total(parts) == spent
                assert chart["complete_until"] is None
            file = await sheet(one, f"/exchanges.csv?zone=Asia/Shanghai{narrow}")
            assert total(row["charged"] for row in file) == spent
            assert {row["zone"] for row in file} == {"Asia/Shanghai"}
            dearest: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                page = await one.get(
                    f"/exchanges?limit=1&order=dearest{narrow}{cursor and f'&cursor={cursor}'}"
                )
                dearest += [row["receipt"]["cost"] for row in page["data"]]
                cursor = page["next_cursor"]
            assert dearest == sorted((row["receipt"]["cost"] for row in rows), key=Decimal, reverse=True)
        wallet = await one.get("/wallet")
        assert Decimal("1000") - Decimal(wallet["balance"]) == total(
            row["receipt"]["cost"] for row in (await one.get("/exchanges"))["data"]
        )


async def test_what_is_not_counted_yet_or_not_kept_any_more_is_told(
    platform: TestPlatform, days: Days
) -> None:
    """A running exchange moves back how far sums are complete; a receipt that is gone says for how long."""
    async with browser(platform, EMAIL) as one:
        await call(one)
        (row,) = (await one.get("/exchanges"))["data"]
        began = days.now() - timedelta(hours=1)
        async with platform.database.write() as work:
            held = update(Hold).values(state="held", created_at=began, closed_at=None)
            await work.session.execute(held)
        shown = await one.get("/usage/series?times=true")
        assert datetime.fromisoformat(shown["complete_until"]) == began
        assert shown["total"]["first_ms"] is not None
        assert datetime.fromisoformat(shown["kept_since"] or shown["since"]) < began
        async with platform.database.write() as work:
            await work.session.execute(update(Hold).values(state="settled", closed_at=began))
        days.at(days.now() + timedelta(days=40))
        await roll_up(platform.database, days)
        await take_away(platform.database, days, usage_days=7)
        await one.sign_in(EMAIL)
        said = await one.ask("GET", f"/exchanges/{row['id']}")
        assert (one.status, said["error"]["message"]) == (
            404,
            "There is no such exchange. Single exchanges are kept for 7 days.",
        )
        kept = await one.get("/usage/kept")
        assert (kept["days"], datetime.fromisoformat(kept["since"]) > datetime.fromisoformat(row["at"])) == (
            7,
            True,
        )
