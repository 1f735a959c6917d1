"""The control room: what is wrong right now, and how the platform does otherwise."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from tokenmill.admin.alarms import Alarm, alarms
from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.recent import Recent, recent
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.target_states import Doing, TargetState, doings
from tokenmill.store.work_tables import AuditEntry

router = APIRouter(prefix="/operator", tags=["operator: live"])

_FAR_REACHING = ("account", "catalogue", "codes", "moderation", "plan", "price", "target", "user", "wallet")
_ACTS = 6


class TargetInRoom(Shown):
    id: str
    state: TargetState
    in_flight: int


class ActShown(Shown):
    """An entry of the audit log, in short."""

    at: Moment
    actor: str
    action: str
    subject: str


class Room(Shown):
    """`alarms` are the worst first; none: nothing is known to be wrong. `acts` is what was done last."""

    at: Moment
    alarms: list[Alarm]
    recent: Recent
    targets: list[TargetInRoom]
    acts: list[ActShown]


@router.get("/room")
async def room(caller: Operator, desk: Desk) -> Room:
    """All nodes together; ask again every few seconds."""
    now = desk.clock.now()
    targets = desk.catalogue().targets()
    async with desk.database.read() as work:
        known = await doings(work, now)
        found = await alarms(work, desk, now, known)
        rates = await recent(work, now)
        wanted = AuditEntry.action.regexp_match(f"^({'|'.join(_FAR_REACHING)})[.]")
        entries = select(AuditEntry).where(wanted).order_by(AuditEntry.id.desc()).limit(_ACTS)
        acts = [ActShown.of(row) for row in await work.session.scalars(entries)]
    states = [(each.id, known.get(each.id, Doing()), each) for each in targets]
    return Room(
        at=now,
        alarms=found,
        recent=rates,
        targets=[
            TargetInRoom(id=name, state=doing.state(target), in_flight=doing.in_flight)
            for name, doing, target in states
        ],
        acts=acts,
    )
