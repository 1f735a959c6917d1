"""Writes CSV that spreadsheets open as it is meant: of exchanges, and of anything else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select

from tokenmill.billing.receipts import shown_amount
from tokenmill.store.database import Database
from tokenmill.store.tables import Usage

_PAGE: Final = 1000
_HEADINGS: Final = (
    "id", "request_id", "started_at", "zone", "model", "key", "client", "protocol", "status", "http_status",
    "input_fresh", "input_cached", "input_written", "output", "output_reasoning", "searches",
    "unit", "cost", "shortfall", "charged", "usage_quality", "duration_ms", "first_ms",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


async def sheet(
    database: Database, where: Sequence[ColumnElement[bool]], names: dict[str, str], zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The file in pieces, the newest exchange first; each page of rows is a transaction of its own."""
    yield csv_head(_HEADINGS)
    after: list[ColumnElement[bool]] = []
    while True:
        query = select(Usage).where(*where, *after).order_by(Usage.id.desc()).limit(_PAGE)
        async with database.read() as work:
            rows = (await work.session.scalars(query)).all()
        if rows:
            yield csv_lines([_cells(row, names, zone) for row in rows])
            after = [Usage.id < rows[-1].id]
        if len(rows) < _PAGE:
            return


def csv_head(headings: Sequence[str]) -> bytes:
    """The first line, after the mark that tells spreadsheets that the file is UTF-8."""
    return "\ufeff".encode() + csv_lines([headings])


def csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    """More lines; a text that a spreadsheet would run as a formula stays a text."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([_harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue().encode()


def _cells(row: Usage, names: dict[str, str], zone: ZoneInfo) -> tuple[object, ...]:
    amounts = (row.cost, row.shortfall, row.cost - row.shortfall)
    return (
        row.id, row.request_id, row.started_at.astimezone(zone).isoformat(timespec="milliseconds"), zone.key,
        row.model, names.get(row.key_id, row.key_id),
        row.client, row.protocol, row.status, row.http_status, row.input_fresh, row.input_cached,
        row.input_written, row.output, row.output_reasoning, row.searches, row.unit,
        *(shown_amount(amount, row.unit) for amount in amounts), row.quality,
        row.duration_ms, row.first_ms,
    )  # fmt: skip


def _harmless(text: str) -> str:
    if text.startswith(_FORMULA) and _NUMBER.fullmatch(text) is None:
        return f"'{text}"
    return text
