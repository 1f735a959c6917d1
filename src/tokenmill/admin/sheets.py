"""Writes exchanges as a CSV that spreadsheets open as it is meant."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, select

from tokenmill.billing.receipts import shown_amount
from tokenmill.store.database import Database
from tokenmill.store.tables import Usage

_PAGE: Final = 1000
_HEADINGS: Final = (
    "id", "request_id", "started_at", "model", "key", "client", "protocol", "status", "http_status",
    "input_fresh", "input_cached", "input_written", "output", "output_reasoning", "searches",
    "unit", "cost", "shortfall", "usage_quality", "duration_ms", "first_ms",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def sheet(
    database: Database, where: Sequence[ColumnElement[bool]], names: dict[str, str]
) -> AsyncIterator[bytes]:
    """The file in pieces, the newest exchange first; each page of rows is a transaction of its own."""
    yield "\ufeff".encode() + _lines([_HEADINGS])  # The mark tells spreadsheets that it is UTF-8.
    after: list[ColumnElement[bool]] = []
    while True:
        query = select(Usage).where(*where, *after).order_by(Usage.id.desc()).limit(_PAGE)
        async with database.read() as work:
            rows = (await work.session.scalars(query)).all()
        if rows:
            yield _lines([_cells(row, names) for row in rows])
            after = [Usage.id < rows[-1].id]
        if len(rows) < _PAGE:
            return


def _cells(row: Usage, names: dict[str, str]) -> tuple[str, ...]:
    cells = (
        row.id, row.request_id, row.started_at.isoformat(), row.model, names.get(row.key_id, row.key_id),
        row.client, row.protocol, row.status, row.http_status, row.input_fresh, row.input_cached,
        row.input_written, row.output, row.output_reasoning, row.searches, row.unit,
        shown_amount(row.cost, row.unit), shown_amount(row.shortfall, row.unit), row.quality,
        row.duration_ms, "" if row.first_ms is None else row.first_ms,
    )  # fmt: skip
    return tuple(_harmless(cell) if isinstance(cell, str) else str(cell) for cell in cells)


def _harmless(text: str) -> str:
    """A cell that a spreadsheet would run as a formula becomes text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
