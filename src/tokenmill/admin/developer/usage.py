"""What the account used: sums over time, and every single exchange with its receipt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from tokenmill.admin.buckets import zone_of
from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.receipt_shapes import ExchangeWhole, exchange_whole
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Moment, Page, Shown
from tokenmill.admin.sheets import sheet
from tokenmill.admin.usage_shapes import (
    ExchangesAsked,
    ExchangeShown,
    SeriesAsked,
    SheetAsked,
    UsageShown,
    conditions,
    exchange_shown,
    exchanges_of,
    key_names,
    usage_of,
)
from tokenmill.billing.receipts import exchange_view, find_exchange
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.marks import USAGE_KEPT, mark_at
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
async def exchanges_csv(
    asked: Annotated[SheetAsked, Query()], caller: Member, desk: Desk
) -> StreamingResponse:
    """The same as a file for spreadsheets, with times in a zone that is named in each row."""
    zone = zone_of(asked.zone)
    async with desk.database.read() as work:
        names = await key_names(work, caller.account_id)
    return StreamingResponse(
        sheet(desk.database, conditions(asked, caller.account_id), names, zone),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="exchanges.csv"'},
    )


@router.get("/exchanges/{exchange_id}")
async def exchange(exchange_id: str, caller: Member, desk: Desk) -> ExchangeWhole:
    """One exchange, by its id or its request id: what it used, at which rates, and what it came to."""
    async with desk.database.read() as work:
        found = await find_exchange(work, caller.account_id, exchange_id)
        row = None if found is None else await work.session.get(Usage, found.id)
        if row is None:
            raise Fault(Code.NOT_FOUND, f"There is no such exchange. {_kept_for(_days(desk))}", field="id")
        names = await key_names(work, caller.account_id)
        return await exchange_whole(work, row, exchange_shown(row, exchange_view(row), names))


class Kept(Shown):
    """`days` is for how long single exchanges are kept, 0 for ever; none is from before `since`."""

    days: int
    since: Moment | None


@router.get("/usage/kept")
async def kept(_: Member, desk: Desk) -> Kept:
    """How long single exchanges are kept; sums of days outlive them."""
    async with desk.database.read() as work:
        return Kept(days=_days(desk), since=await mark_at(work, USAGE_KEPT))


def _days(desk: Services) -> int:
    found = (each.value for each in desk.settings if (each.section, each.key) == ("retention", "usage_days"))
    return int(next(found, 0))


def _kept_for(days: int) -> str:
    return f"Single exchanges are kept for {days} days." if days else "Exchanges are kept for ever."
