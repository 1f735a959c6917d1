"""Targets: which there are, how they do, whether one answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints
from sqlalchemy import func, select

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.shapes import Asked, Everything, Line, Moment, Shown
from tokenmill.admin.trial import try_target
from tokenmill.catalog.file import read_catalogue
from tokenmill.catalog.writing import write_entry
from tokenmill.exchange.hold import decode_draft
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.tables import Usage

router = APIRouter(prefix="/operator/targets", tags=["operator: targets"])

_RECENT = timedelta(hours=1)


class LastError(Shown):
    at: Moment
    fault: str
    model: str


class TargetShown(Shown):
    """`last_hour` counts exchanges that ended; `runs_here` false: no engine of this node speaks to it."""

    id: str
    engine: str
    toml: str
    models: list[str]
    runs_here: bool
    in_flight: int
    answered_last_hour: int
    failed_last_hour: int
    first_ms_last_hour: int | None
    last_error: LastError | None


class Trial(Asked):
    """The target as it is on the screen, as a `[[targets]]` table, and its own name of a model."""

    toml: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    model: Line


class Tried(Shown):
    """`text` is the beginning of what it said."""

    first_ms: int
    text: str


@router.get("")
async def targets(_: Operator, desk: Desk) -> Everything[TargetShown]:
    """Every target with what is known of it."""
    since = desk.clock.now() - _RECENT
    async with desk.database.read() as work:
        drafts = await work.session.scalars(select(Hold.draft).where(Hold.state == "held"))
        flying = [str(decode_draft(draft).row.target) for draft in drafts]
        rows = await work.session.execute(
            select(
                Usage.target,
                func.count().filter(Usage.status == "answered"),
                func.count().filter(Usage.status == "failed"),
                func.avg(Usage.first_ms),
            )
            .where(Usage.started_at >= since)
            .group_by(Usage.target)
        )
        counts = {target: (answered, failed, mean) for target, answered, failed, mean in rows}
        failures = (
            select(func.max(Usage.id)).where(Usage.status == "failed", Usage.started_at >= since)
        ).group_by(Usage.target)
        last = await work.session.scalars(select(Usage).where(Usage.id.in_(failures)))
        errors = {
            row.target: LastError(at=row.started_at, fault=row.fault or "", model=row.model) for row in last
        }
    catalogue = desk.catalogue()
    shown = []
    for target in catalogue.targets():
        answered, failed, mean = counts.get(target.id, (0, 0, None))
        serves = [m.id for m in catalogue.models() if any(ref.target == target.id for ref in m.targets)]
        shown.append(
            TargetShown(
                id=target.id,
                engine=target.engine,
                toml=write_entry(target),
                models=serves,
                runs_here=target.engine in desk.engines,
                in_flight=flying.count(target.id),
                answered_last_hour=answered,
                failed_last_hour=failed,
                first_ms_last_hour=None if mean is None else round(mean),
                last_error=errors.get(target.id),
            )
        )
    return Everything(data=shown)


@router.post("/test")
async def test(asked: Trial, caller: ConfirmedOperator, desk: Desk) -> Tried:
    """Send one tiny request to a target, saved or not; its own words when it fails."""
    try:
        found = read_catalogue(asked.toml, "the target").targets
    except Fault as fault:
        raise Fault(Code.BAD_VALUE, fault.message, field="toml") from None
    if len(found) != 1:
        raise Fault(Code.BAD_VALUE, "Write one [[targets]] table.", field="toml")
    async with acting(desk, caller, "target.test") as act:
        act.on(found[0].id, model=asked.model)
    first_ms, text = await try_target(desk, found[0], asked.model)
    return Tried(first_ms=first_ms, text=text)
