"""What goes on right now: exchanges in flight, and how the last minutes went."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.usage_shapes import SeriesAsked, UsageShown, usage_of
from tokenmill.exchange.hold import decode_draft
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import Account, Usage

router = APIRouter(prefix="/operator", tags=["operator: live"])

_MINUTES: Final = 5
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


class Live(Shown):
    """Rates and times are of the exchanges that ended within the last five minutes."""

    at: Moment
    in_flight: int
    requests_per_second: float
    output_per_second: float
    first_ms_median: int | None
    first_ms_p95: int | None
    failed: int
    ended: int
    exchanges: list[Flying]


@router.get("/live")
async def live(_: Operator, desk: Desk) -> Live:
    """All nodes together; ask again every two seconds."""
    now = desk.clock.now()
    recent = Usage.started_at >= now - timedelta(minutes=_MINUTES)
    async with desk.database.read() as work:
        running = select(Hold).where(Hold.state == "held").order_by(Hold.id.desc())
        holds = (await work.session.scalars(running.limit(_MOST))).all()
        count = await work.session.scalar(select(func.count()).select_from(Hold).where(Hold.state == "held"))
        owners = {hold.account_id for hold in holds}
        named = await work.session.execute(select(Account.id, Account.email).where(Account.id.in_(owners)))
        emails = {row.id: row.email for row in named}
        sums = await work.session.execute(
            select(
                func.count(),
                func.count().filter(Usage.status == "failed"),
                func.coalesce(func.sum(Usage.output), 0),
            ).where(recent)
        )
        ended, failed, output = sums.one()
        times = (
            await work.session.scalars(
                select(Usage.first_ms)
                .where(recent, Usage.first_ms.is_not(None))
                .order_by(Usage.id.desc())
                .limit(2000)
            )
        ).all()
    first = sorted(each for each in times if each is not None)
    return Live(
        at=now,
        in_flight=count or 0,
        requests_per_second=round(ended / (_MINUTES * 60), 3),
        output_per_second=round(int(output) / (_MINUTES * 60), 3),
        first_ms_median=first[len(first) // 2] if first else None,
        first_ms_p95=first[len(first) * 95 // 100] if first else None,
        failed=failed,
        ended=ended,
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
