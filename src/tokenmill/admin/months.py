"""Makes monthly statements of a wallet: what it held before and after, and what changed it in between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from tokenmill.admin.buckets import QUARTER, quarter_of
from tokenmill.admin.sheets import csv_head, csv_lines
from tokenmill.billing.ledger import look_into
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import Database, ReadWork
from tokenmill.store.ledger_tables import Posting, Transfer

USAGE: Final = "usage"
"""The kind of a line that stands for the exchanges of one day, up to whatever else came in between."""
MOST_LINES: Final = 1000

_EXCHANGE: Final = "exchange"
_PAGE: Final = 1000
_HEADINGS: Final = ("at", "zone", "kind", "amount", "balance", "currency", "source", "note")
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2999


@dataclass(slots=True)
class MonthLine:
    """One movement, or `count` exchanges of `day` together; amounts in nano-units, `balance` after it."""

    id: str
    kind: str
    at: datetime
    amount: int
    count: int = 1
    day: str | None = None
    source: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    balance: int = 0


@dataclass(frozen=True, slots=True)
class Month:
    """`since` to just before `until`; `sums` by kind add up to `closing - opening`, `ever` to what there is.

    `cut`: there are lines before the first that is shown.
    """

    since: datetime
    until: datetime
    opening: int
    closing: int
    sums: Mapping[str, int]
    ever: Mapping[str, int]
    lines: list[MonthLine]
    cut: bool


def month_of(name: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the month `2026-11` begins and ends in `zone`. Raises Fault(BAD_VALUE)."""
    year, dash, number = name.partition("-")
    digits = year.isascii() and number.isascii() and year.isdigit() and number.isdigit()
    known = dash and digits and len(name) == len("2026-11") and 1 <= int(number) <= 12
    if not known or not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        raise Fault(Code.BAD_VALUE, "Name a month like 2026-11.", field="month")
    since = datetime(int(year), int(number), 1, tzinfo=zone)
    until = datetime(since.year + since.month // 12, since.month % 12 + 1, 1, tzinfo=zone)
    return since.astimezone(UTC), until.astimezone(UTC)


async def month_in(work: ReadWork, purse_id: str, since: datetime, until: datetime, zone: ZoneInfo) -> Month:
    """The statement of the purse; exchanges stand together by the day of `zone`."""
    sums, ever, later = await _sums(work, purse_id, since, until)
    closing = (await look_into(work, purse_id)).balance - later
    moves = _moves(purse_id, since, until).subquery()
    query = select(moves).where(moves.c.kind != _EXCHANGE).order_by(moves.c.id.desc()).limit(MOST_LINES + 1)
    found = [
        (int(row.id), MonthLine(row.transfer_id, row.kind, row.at, row.amount, source=row.source,
                                details=json.loads(row.memo or "{}")))
        for row in await work.session.execute(query)
    ]  # fmt: skip
    found += await _folded(work, purse_id, since, until, zone)
    found.sort(key=lambda each: each[0], reverse=True)
    balance = closing
    for _, line in found:
        line.balance = balance
        balance -= line.amount
    lines = [line for _, line in found[:MOST_LINES]]
    return Month(
        since, until, closing - sum(sums.values()), closing, sums, ever, lines, len(found) > MOST_LINES
    )


async def month_sheet(
    database: Database, purse_id: str, currency: str, since: datetime, until: datetime, zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The month as a file, each exchange by itself, from what the purse held before to what it held after."""
    async with database.read() as work:
        sums, _, later = await _sums(work, purse_id, since, until)
        balance = (await look_into(work, purse_id)).balance - later - sum(sums.values())
    yield csv_head(_HEADINGS) + _limit("opening", since, balance, currency, zone)
    last = 0
    while True:
        query = _moves(purse_id, since, until).where(Posting.id > last).order_by(Posting.id).limit(_PAGE)
        async with database.read() as work:
            rows = (await work.session.execute(query)).all()
        lines = []
        for row in rows:
            balance += row.amount
            note = json.loads(row.memo or "{}").get("note", "")
            money = (show(Nano(row.amount)), show(Nano(balance)), currency)
            lines.append((_moment(row.at, zone), zone.key, row.kind, *money, row.source, note))
            last = row.id
        yield csv_lines(lines)
        if len(rows) < _PAGE:
            break
    yield _limit("closing", until, balance, currency, zone)


def _limit(kind: str, at: datetime, balance: int, currency: str, zone: ZoneInfo) -> bytes:
    return csv_lines([(_moment(at, zone), zone.key, kind, "", show(Nano(balance)), currency, "", "")])


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def _moves(purse_id: str, since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Posting.id.label("id"),
            Posting.amount.label("amount"),
            Posting.transfer_id.label("transfer_id"),
            Transfer.kind.label("kind"),
            Transfer.at.label("at"),
            Transfer.source.label("source"),
            Transfer.memo.label("memo"),
        )
        .join(Transfer, Transfer.id == Posting.transfer_id)
        .where(Posting.ledger_account == purse_id, Transfer.at >= since, Transfer.at < until)
    )


async def _sums(
    work: ReadWork, purse_id: str, since: datetime, until: datetime
) -> tuple[dict[str, int], dict[str, int], int]:
    """By kind: what changed within the range, and ever; and all that changed after it."""
    within: ColumnElement[bool] = and_(Transfer.at >= since, Transfer.at < until)
    query = (
        select(
            Transfer.kind,
            func.sum(Posting.amount),
            func.coalesce(func.sum(Posting.amount).filter(within), 0),
            func.coalesce(func.sum(Posting.amount).filter(Transfer.at >= until), 0),
        )
        .join(Posting, Posting.transfer_id == Transfer.id)
        .where(Posting.ledger_account == purse_id)
        .group_by(Transfer.kind)
    )
    month: dict[str, int] = {}
    ever: dict[str, int] = {}
    later = 0
    for kind, total, in_month, after in await work.session.execute(query):
        ever[kind] = int(total)
        later += int(after)
        if in_month:
            month[kind] = int(in_month)
    return month, ever, later


async def _folded(
    work: ReadWork, purse_id: str, since: datetime, until: datetime, zone: ZoneInfo
) -> list[tuple[int, MonthLine]]:
    """Exchanges by day and by what else came between them, each with its last posting's number."""
    other = case((Transfer.kind != _EXCHANGE, 1), else_=0)
    part = func.sum(other).over(order_by=Posting.id).label("part")
    moves = _moves(purse_id, since, until).add_columns(part).subquery()
    quarter = quarter_of(work, moves.c.at).label("quarter")
    query = (
        select(
            moves.c.part,
            quarter,
            func.max(moves.c.id).label("last"),
            func.max(moves.c.at).label("at"),
            func.sum(moves.c.amount).label("amount"),
            func.count().label("exchanges"),
        )
        .where(moves.c.kind == _EXCHANGE)
        .group_by(moves.c.part, quarter)
    )
    found: dict[tuple[int, str], tuple[int, MonthLine]] = {}
    for row in await work.session.execute(query):
        begun = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(row.quarter) * QUARTER)
        day = begun.astimezone(zone).date().isoformat()
        key = (int(row.part), day)
        last, line = found.get(key, (0, MonthLine(f"{day}.{row.part}", USAGE, row.at, 0, 0, day)))
        line.amount += int(row.amount)
        line.count += int(row.exchanges)
        line.at = max(line.at, row.at)
        found[key] = (max(last, int(row.last)), line)
    return list(found.values())
