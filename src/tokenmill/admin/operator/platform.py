"""The platform itself: its settings, its nodes, its books, what it has told people."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import select

from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.shapes import Cursor, Everything, Limit, Moment, Page, Shown, page_of, read_cursor
from tokenmill.billing.verify import verify
from tokenmill.settings import Source
from tokenmill.store.work_tables import Event, Node

router = APIRouter(prefix="/operator", tags=["operator: platform"])

_SILENT: Final = timedelta(seconds=20)


class SettingShown(Shown):
    """A setting in force; passwords in it are masked, and secrets are only said where to find."""

    section: str
    key: str
    value: Any
    source: Source


class NodeShown(Shown):
    """A serving process; `alive` false: it has not renewed its lease for 20 seconds."""

    id: str
    name: str
    started_at: Moment
    renewed_at: Moment
    ended_at: Moment | None
    alive: bool


class Verified(Shown):
    """`ok` true: every transfer balances, and purses, holds and usage agree with the ledger."""

    ok: bool
    transfers: int
    orphan_holds: int
    differences: list[str]
    at: Moment


class EventShown(Shown):
    id: str
    kind: str
    account_id: str
    at: Moment
    payload: dict[str, Any]


@router.get("/settings")
async def settings(_: Operator, desk: Desk) -> Everything[SettingShown]:
    """Every setting of the node that answers, with where it comes from."""
    return Everything(data=[SettingShown.of(each) for each in desk.settings])


@router.get("/nodes")
async def nodes(_: Operator, desk: Desk) -> Everything[NodeShown]:
    """The nodes of the last day, the newest first."""
    now = desk.clock.now()
    async with desk.database.read() as work:
        rows = (
            await work.session.scalars(
                select(Node)
                .where(Node.renewed_at > now - timedelta(days=1))
                .order_by(Node.id.desc())
                .limit(200)
            )
        ).all()
    return Everything(
        data=[
            NodeShown(
                id=row.id,
                name=row.name,
                started_at=row.started_at,
                renewed_at=row.renewed_at,
                ended_at=row.ended_at,
                alive=row.ended_at is None and now - row.renewed_at < _SILENT,
            )
            for row in rows
        ]
    )


@router.get("/ledger/verify")
async def verify_ledger(_: Operator, desk: Desk) -> Verified:
    """Prove that the books balance; it reads everything, and may take a while."""
    now = desk.clock.now()
    async with desk.database.read() as work:
        found = await verify(work, now)
    return Verified(
        ok=found.ok,
        transfers=found.transfers,
        orphan_holds=found.orphan_holds,
        differences=list(found.differences),
        at=now,
    )


@router.get("/events")
async def events(
    _: Operator, desk: Desk, account_id: str | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[EventShown]:
    """What people were told of, the newest first."""
    query = select(Event).order_by(Event.id.desc()).limit(limit + 1)
    if (after := read_cursor(cursor, str)) is not None:
        query = query.where(Event.id < after[0])
    if account_id is not None:
        query = query.where(Event.account_id == account_id)
    async with desk.database.read() as work:
        rows = (await work.session.scalars(query)).all()
    return page_of(rows, limit, _event, lambda row: (row.id,))


def _event(row: Event) -> EventShown:
    return EventShown(
        id=row.id,
        kind=row.kind,
        account_id=row.account_id,
        at=row.created_at,
        payload=json.loads(row.payload),
    )
