"""Writes down all that is kept about one account, without its secrets, as one JSON object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import DeclarativeBase

from tokenmill.accounts.accounts import get_account
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import Database
from tokenmill.store.files_tables import FileRow
from tokenmill.store.identity_tables import Identity
from tokenmill.store.ledger_tables import Payment, Posting, PriceOverride, Purse, RedeemCode, Transfer
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Key, ResponseRow, Usage, User
from tokenmill.store.work_tables import AuditEntry, Event, Session, Ticket

SECRETS: Final = frozenset({"hash", "password_hash", "webhook_secret", "sealed"})
"""Columns that never leave the database."""

_PAGE = 500


async def export_account(database: Database, account_id: AccountId) -> AsyncIterator[bytes]:
    """Pieces of `{"account": {…}, "users": […], "keys": […], …}`; one transaction for each page of rows.

    Raises Fault(NOT_FOUND).
    """
    async with database.read() as view:
        account = await get_account(view, account_id)
        yield b'{"account":' + _json(account)
        keys = [key async for key in _ids(database, Key, Key.account_id == account_id)]
        plans = [each async for each in _ids(database, Subscription, Subscription.account_id == account_id)]
    purses = [f"wallet/{account_id}", *(f"cap/{key}" for key in keys), *(f"credits/{plan}" for plan in plans)]
    transfers = select(Transfer.id).where(Transfer.account_id == account_id)
    users = select(User.id).where(User.account_id == account_id)
    parts: tuple[tuple[str, type[DeclarativeBase], ColumnElement[bool]], ...] = (
        ("users", User, User.account_id == account_id),
        ("identities", Identity, Identity.user_id.in_(users)),
        ("sessions", Session, Session.user_id.in_(users)),
        ("invitations", Ticket, Ticket.account_id == account_id),
        ("keys", Key, Key.account_id == account_id),
        ("purses", Purse, Purse.id.in_(purses)),
        ("subscriptions", Subscription, Subscription.account_id == account_id),
        ("payments", Payment, Payment.account_id == account_id),
        ("codes", RedeemCode, RedeemCode.redeemed_by == account_id),
        ("transfers", Transfer, Transfer.account_id == account_id),
        ("postings", Posting, Posting.transfer_id.in_(transfers)),
        ("usage", Usage, Usage.account_id == account_id),
        ("stored_responses", ResponseRow, ResponseRow.account_id == account_id),
        ("files", FileRow, FileRow.account_id == account_id),
        ("events", Event, Event.account_id == account_id),
        ("audit", AuditEntry, AuditEntry.account_id == account_id),
    )
    for name, table, where in parts:
        yield f',"{name}":['.encode()
        between = b""
        async for row in _rows(database, table, where):
            yield between + _json(row)
            between = b","
        yield b"]"
    async with database.read() as view:
        special = await view.session.scalars(
            select(PriceOverride).where(PriceOverride.account_id == account_id).order_by(PriceOverride.model)
        )
        yield b',"price_overrides":[' + b",".join(map(_json, special)) + b"]}"


async def _ids(
    database: Database, table: type[DeclarativeBase], where: ColumnElement[bool]
) -> AsyncIterator[str]:
    async for row in _rows(database, table, where):
        yield row.id


async def _rows(database: Database, table: type[Any], where: ColumnElement[bool]) -> AsyncIterator[Any]:
    """Rows by id, a page at a time: no transaction lasts as long as a slow reader."""
    query = select(table).where(where).order_by(table.id).limit(_PAGE)
    last: Any = None
    while True:
        async with database.read() as view:
            page = (await view.session.scalars(query if last is None else query.where(table.id > last))).all()
        for row in page:
            yield row
        if len(page) < _PAGE:
            return
        last = page[-1].id


def _json(row: DeclarativeBase) -> bytes:
    names = [column.key for column in type(row).__table__.columns if column.key not in SECRETS]
    return msgspec.json.encode({name: getattr(row, name) for name in names})
