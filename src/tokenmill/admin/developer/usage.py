"""What the account used: sums over time, and every single exchange with its receipt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.shapes import Page
from tokenmill.admin.sheets import sheet
from tokenmill.admin.usage_shapes import (
    ExchangesAsked,
    ExchangeShown,
    Filters,
    SeriesAsked,
    UsageShown,
    conditions,
    exchange_shown,
    exchanges_of,
    key_names,
    usage_of,
)
from tokenmill.billing.receipts import exchange_view, find_exchange
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import Usage

router = APIRouter(tags=["usage"])


@router.get("/usage/series")
async def series(asked: Annotated[SeriesAsked, Query()], caller: Member, desk: Desk) -> UsageShown:
    """Sums by the hour or day of a time zone, in all or by model, key or client."""
    async with desk.database.read() as work:
        return await usage_of(work, desk, asked, caller.account_id, caller.who.currency)


@router.get("/exchanges")
async def exchanges(
    asked: Annotated[ExchangesAsked, Query()], caller: Member, desk: Desk
) -> Page[ExchangeShown]:
    """Single exchanges, the newest first."""
    async with desk.database.read() as work:
        return await exchanges_of(work, asked, caller.account_id)


@router.get("/exchanges.csv", response_class=StreamingResponse)
async def exchanges_csv(asked: Annotated[Filters, Query()], caller: Member, desk: Desk) -> StreamingResponse:
    """The same as a file for spreadsheets."""
    async with desk.database.read() as work:
        names = await key_names(work, caller.account_id)
    return StreamingResponse(
        sheet(desk.database, conditions(asked, caller.account_id), names),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="exchanges.csv"'},
    )


@router.get("/exchanges/{exchange_id}")
async def exchange(exchange_id: str, caller: Member, desk: Desk) -> ExchangeShown:
    """One exchange, by its id or its request id: what it used, at which rates, and what it came to."""
    async with desk.database.read() as work:
        found = await find_exchange(work, caller.account_id, exchange_id)
        row = None if found is None else await work.session.get(Usage, found.id)
        if row is None:
            raise Fault(Code.NOT_FOUND, "There is no such exchange, or it is too old to be kept.", field="id")
        names = await key_names(work, caller.account_id)
    return exchange_shown(row, exchange_view(row), names)
