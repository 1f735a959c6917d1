"""Redeem codes, by the batch."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import func, select

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.shapes import (
    Amount,
    AmountAsked,
    Asked,
    Currency,
    Cursor,
    Limit,
    Moment,
    Page,
    Shown,
    page_of,
    read_cursor,
)
from tokenmill.billing.codes import CodeView, create_codes, disable_codes, list_codes
from tokenmill.store.ledger_tables import RedeemCode

router = APIRouter(prefix="/operator/codes", tags=["operator: codes"])


class BatchAsked(Asked):
    amount: AmountAsked
    currency: Currency
    count: int = Field(ge=1, le=10_000)
    expires_at: Moment | None = None


class BatchMade(Shown):
    """`codes` are whole for the only time."""

    batch: str
    codes: list[str]


class Batch(Shown):
    """`left` can still be redeemed, unless they have expired."""

    batch: str
    amount: Amount
    currency: str
    created_at: Moment
    expires_at: Moment | None
    count: int
    redeemed: int
    disabled: int
    left: int


class CodeShown(Shown):
    id: str
    batch: str
    shown: str
    amount: Amount
    currency: str
    created_at: Moment
    expires_at: Moment | None
    disabled_at: Moment | None
    redeemed_at: Moment | None
    redeemed_by: str | None


class Stopped(Shown):
    """How many could still have been redeemed."""

    stopped: int


@router.get("/batches")
async def batches(_: Operator, desk: Desk, limit: Limit = 50, cursor: Cursor = None) -> Page[Batch]:
    """Batches, the newest first."""
    after = read_cursor(cursor, str)
    used = func.count(RedeemCode.redeemed_at)
    stopped = func.count(RedeemCode.disabled_at).filter(RedeemCode.redeemed_at.is_(None))
    query = (
        select(
            RedeemCode.batch,
            func.max(RedeemCode.amount).label("amount"),
            func.max(RedeemCode.currency).label("currency"),
            func.max(RedeemCode.created_at).label("created_at"),
            func.max(RedeemCode.expires_at).label("expires_at"),
            func.count().label("count"),
            used.label("redeemed"),
            stopped.label("disabled"),
            (func.count() - used - stopped).label("left"),
        )
        .group_by(RedeemCode.batch)
        .order_by(RedeemCode.batch.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(RedeemCode.batch < after[0])
    async with desk.database.read() as work:
        rows = (await work.session.execute(query)).all()
    return page_of(rows, limit, Batch.of, lambda row: (row.batch,))


@router.post("/batches", status_code=201)
async def make_batch(asked: BatchAsked, caller: ConfirmedOperator, desk: Desk) -> BatchMade:
    """Make codes; they are shown whole this once."""
    async with acting(desk, caller, "codes.create") as act:
        batch, codes = await create_codes(
            act.work,
            desk.clock,
            desk.secret,
            amount=asked.amount,
            currency=asked.currency,
            count=asked.count,
            expires_at=asked.expires_at,
        )
        act.on(batch, amount=asked.amount, currency=asked.currency, count=asked.count)
    return BatchMade(batch=batch, codes=codes)


@router.get("/batches/{batch}")
async def codes(
    batch: str, _: Operator, desk: Desk, limit: Limit = 100, cursor: Cursor = None
) -> Page[CodeShown]:
    """The codes of a batch, the oldest first, without what makes them whole."""
    after = read_cursor(cursor, str)
    async with desk.database.read() as work:
        rows = await list_codes(work, batch=batch, after=after[0] if after else "", limit=limit + 1)
    return page_of(rows, limit, CodeShown.of, _id)


@router.post("/batches/{batch}/disable")
async def stop_batch(batch: str, caller: ConfirmedOperator, desk: Desk) -> Stopped:
    """Take a batch, or one code by its id, out of use."""
    async with acting(desk, caller, "codes.disable") as act:
        stopped = await disable_codes(act.work, desk.clock, batch)
        act.on(batch, stopped=stopped)
    return Stopped(stopped=stopped)


def _id(row: CodeView) -> tuple[str]:
    return (row.id,)
