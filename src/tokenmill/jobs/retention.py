"""Takes away what nobody will ask for any more, a few rows at a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from tokenmill.billing.charts import rolled_until
from tokenmill.jobs.rollups import first_kept_day
from tokenmill.kit.clock import Clock
from tokenmill.store.database import Database
from tokenmill.store.ledger_tables import Hold, Purse
from tokenmill.store.marks import USAGE_KEPT, set_mark
from tokenmill.store.tables import Base, ChangeRow, Usage
from tokenmill.store.work_tables import Event, Node, Task

EVERY: Final = 3600.0
AT_A_TIME: Final = 500
"""Rows that go in one transaction; the hot path waits for it."""

HOLDS: Final = timedelta(days=7)
TASKS: Final = timedelta(days=30)
CHANGES: Final = timedelta(days=7)
NODES: Final = timedelta(days=7)
EVENTS: Final = timedelta(days=366)
"""Longer than the longest period of a plan: while it runs, an event keeps its reminder from coming twice."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

log = structlog.get_logger()


async def take_away(
    database: Database, clock: Clock, *, usage_days: int = 0, at_a_time: int = AT_A_TIME
) -> dict[str, int]:
    """How many rows of each table were taken away.

    `usage_days` is for how many whole days single exchanges are kept, 0 for ever; those that are not summed
    up yet stay in any case.
    """
    rules = _rules(clock.now())
    if usage_days:
        floor = await _usage_floor(database, clock.now(), usage_days)
        async with database.write() as work:  # Before the first row goes, so that the books stay proven.
            await set_mark(work, USAGE_KEPT, floor)
        rules[Usage] = Usage.started_at < floor
    taken = {
        table.__tablename__: await _delete(database, table, old, at_a_time) for table, old in rules.items()
    }
    if any(taken.values()):
        log.info("old rows were taken away", **{name: count for name, count in taken.items() if count})
    return taken


def _rules(now: datetime) -> dict[type[Base], ColumnElement[bool]]:
    newest = select(func.max(ChangeRow.id)).scalar_subquery()
    settled = Hold.state != "held"
    return {
        Hold: and_(settled, Hold.closed_at < now - HOLDS),
        Purse: and_(Purse.expires_at < now, Purse.held == 0),
        Task: or_(Task.done_at < now - TASKS, Task.failed_at < now - TASKS),
        # A node that starts reads the newest number first, and none may be given out twice.
        ChangeRow: and_(ChangeRow.at < now - CHANGES, ChangeRow.id < newest),
        Event: Event.created_at < now - EVENTS,
        Node: Node.ended_at < now - NODES,
    }


async def _usage_floor(database: Database, now: datetime, days: int) -> datetime:
    """What began before it may go; nothing while nothing is summed up."""
    async with database.read() as view:
        rolled = await rolled_until(view)
    first = datetime.combine(first_kept_day(now, days), time(), UTC)
    return _EPOCH if rolled is None else min(first, rolled)


async def _delete(database: Database, table: type[Base], old: ColumnElement[bool], at_a_time: int) -> int:
    (key,) = table.__table__.primary_key
    column: Any = table.__table__.c[key.name]
    gone = 0
    while True:
        some = select(column).where(old).limit(at_a_time)
        async with database.write() as work:
            deleted = await work.session.execute(
                delete(table)
                .where(column.in_(some))
                .returning(column)
                .execution_options(synchronize_session=False)
            )
            count = len(deleted.all())
        gone += count
        if count < at_a_time:
            return gone
