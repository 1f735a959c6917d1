"""Sums up how the exchanges of the last minutes went, on all nodes together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from tokenmill.admin.shapes import Shown
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import Usage

MINUTES: Final = 5
_TIMES: Final = 2_000
"""First tokens that are looked at, the newest ones."""


class Recent(Shown):
    """Rates and times are of the exchanges that ended within the last five minutes."""

    in_flight: int
    requests_per_second: float
    output_per_second: float
    first_ms_median: int | None
    first_ms_p95: int | None
    failed: int
    ended: int


async def recent(work: ReadWork, now: datetime) -> Recent:
    """As of `now`."""
    within = Usage.started_at >= now - timedelta(minutes=MINUTES)
    flying = await work.session.scalar(select(func.count()).select_from(Hold).where(Hold.state == "held"))
    sums = await work.session.execute(
        select(
            func.count(),
            func.count().filter(Usage.status == "failed"),
            func.coalesce(func.sum(Usage.output), 0),
        ).where(within)
    )
    ended, failed, output = sums.one()
    timed = select(Usage.first_ms).where(within, Usage.first_ms.is_not(None))
    times = await work.session.scalars(timed.order_by(Usage.id.desc()).limit(_TIMES))
    first = sorted(each for each in times if each is not None)
    return Recent(
        in_flight=flying or 0,
        requests_per_second=round(ended / (MINUTES * 60), 3),
        output_per_second=round(int(output) / (MINUTES * 60), 3),
        first_ms_median=first[len(first) // 2] if first else None,
        first_ms_p95=first[len(first) * 95 // 100] if first else None,
        failed=failed,
        ended=ended,
    )
