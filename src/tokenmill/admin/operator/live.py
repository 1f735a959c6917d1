"""What goes on right now: exchanges in flight, and how the last minutes went."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy import select

from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.recent import Recent, recent
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.usage_shapes import SeriesAsked, UsageShown, usage_of
from tokenmill.exchange.hold import decode_draft
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import Account

router = APIRouter(prefix="/operator", tags=["operator: live"])

_MOST: Final = 500


class Flying(Shown):
    """An exchange that runs; counts are at most a second old, prompts are never shown."""

    id: str
    node: str
    account_id: str
    email: str
    key_id: str
    model: str
    target: str
    protocol: str
    client: str
    stream: bool
    started_at: Moment
    age_ms: int
    input: int
    output: int
    tokens_per_second: float | None


class Live(Recent):
    """The exchanges that run, and how the last minutes went."""

    at: Moment
    exchanges: list[Flying]


@router.get("/live")
async def live(_: Operator, desk: Desk) -> Live:
    """All nodes together; ask again every two seconds."""
    now = desk.clock.now()
    async with desk.database.read() as work:
        running = select(Hold).where(Hold.state == "held").order_by(Hold.id.desc())
        holds = (await work.session.scalars(running.limit(_MOST))).all()
        owners = {hold.account_id for hold in holds}
        named = await work.session.execute(select(Account.id, Account.email).where(Account.id.in_(owners)))
        emails = {row.id: row.email for row in named}
        rates = await recent(work, now)
    return Live(
        **dict(rates),
        at=now,
        exchanges=[_flying(hold, emails.get(hold.account_id, ""), now) for hold in holds],
    )


@router.get("/usage")
async def usage(asked: Annotated[SeriesAsked, Query()], _: Operator, desk: Desk) -> UsageShown:
    """The usage of all accounts over time; sums of money mix currencies, so look at one account for those."""
    async with desk.database.read() as work:
        return await usage_of(work, desk, asked, None, "")


def _flying(hold: Hold, email: str, now: Moment) -> Flying:
    row = decode_draft(hold.draft).row
    age = max(0.0, (now - row.started_at).total_seconds())
    return Flying(
        id=hold.id,
        node=hold.node,
        account_id=hold.account_id,
        email=email,
        key_id=row.key_id,
        model=row.model,
        target=row.target,
        protocol=row.protocol,
        client=row.client,
        stream=row.stream,
        started_at=row.started_at,
        age_ms=round(age * 1000),
        input=hold.input_fresh + hold.input_cached + hold.input_written,
        output=hold.output,
        tokens_per_second=round(hold.output / age, 1) if age >= 1 else None,
    )
