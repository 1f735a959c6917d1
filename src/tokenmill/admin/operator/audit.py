"""The audit log: who did what to whom, and from where."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select

from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.shapes import Cursor, Limit, Moment, Page, Shown, page_of, read_cursor
from tokenmill.store.work_tables import AuditEntry

router = APIRouter(prefix="/operator/audit", tags=["operator: audit"])


class EntryShown(Shown):
    id: str
    at: Moment
    actor: str
    user_id: str | None
    account_id: str | None
    action: str
    subject: str
    details: dict[str, Any]
    address: str | None


@router.get("")
async def entries(
    _: Operator,
    desk: Desk,
    account_id: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EntryShown]:
    """Entries, the newest first; `action` may be a beginning, like `key.`"""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    if (after := read_cursor(cursor, str)) is not None:
        query = query.where(AuditEntry.id < after[0])
    if action is not None:
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    for column, value in (
        (AuditEntry.account_id, account_id),
        (AuditEntry.actor, actor),
        (AuditEntry.subject, subject),
    ):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    async with desk.database.read() as work:
        rows = (await work.session.scalars(query)).all()
    return page_of(rows, limit, _shown, lambda row: (row.id,))


def _shown(row: AuditEntry) -> EntryShown:
    return EntryShown(
        id=row.id,
        at=row.at,
        actor=row.actor,
        user_id=row.user_id,
        account_id=row.account_id,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        address=row.address,
    )
