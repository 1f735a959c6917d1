"""Gives out links that are good once: invitations and password resets."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec
from sqlalchemy import delete, select, update

from tokenmill.accounts.refusals import unusable_ticket
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.tables import Role, Standing
from tokenmill.store.work_tables import Ticket

TicketKind = Literal["invite", "password_reset"]
LASTS: Final[dict[TicketKind, timedelta]] = {
    "invite": timedelta(days=7),
    "password_reset": timedelta(hours=1),
}
_PAGES: Final[dict[TicketKind, str]] = {"invite": "invite", "password_reset": "reset"}
_LABEL: Final = b"tokenmill ticket: "


class InviteTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever follows an invitation becomes; `currency` is that of an account of their own."""

    role: Role = "developer"
    standing: Standing = "owner"
    currency: str = "USD"


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket, without what makes its link."""

    id: str
    kind: TicketKind
    email: str
    user_id: UserId | None
    account_id: AccountId | None
    terms: InviteTerms
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def ticket_token(secret: bytes, ticket_id: str) -> str:
    """What the link holds: derived, so that whoever sends it later needs only the id and the secret."""
    mac = hmac.digest(secret, _LABEL + ticket_id.encode(), hashlib.sha256)
    return urlsafe_b64encode(mac).decode().rstrip("=")


def ticket_link(public_url: str, secret: bytes, kind: TicketKind, ticket_id: str) -> str:
    """The page that uses the ticket; the token is behind `#`, which browsers keep to themselves."""
    return f"{public_url}/console/{_PAGES[kind]}#{ticket_token(secret, ticket_id)}"


async def issue(
    work: UnitOfWork,
    clock: Clock,
    secret: bytes,
    kind: TicketKind,
    email: str,
    *,
    user_id: UserId | None = None,
    account_id: AccountId | None = None,
    terms: InviteTerms | None = None,
) -> TicketView:
    """A new ticket; older ones of the same kind for the same address and account are good no longer."""
    now = clock.now()
    await work.session.execute(
        update(Ticket)
        .where(Ticket.kind == kind, Ticket.email == email, Ticket.used_at.is_(None))
        .where(Ticket.account_id.is_(None) if account_id is None else Ticket.account_id == account_id)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    ticket_id = sortable("tkt")
    row = Ticket(
        id=ticket_id,
        kind=kind,
        hash=_digest(ticket_token(secret, ticket_id)),
        email=email,
        user_id=user_id,
        account_id=account_id,
        terms=msgspec.json.encode(terms or InviteTerms()).decode(),
        created_at=now,
        expires_at=now + LASTS[kind],
        used_at=None,
    )
    work.session.add(row)
    await work.session.flush()
    return _view(row)


async def look_at(work: ReadWork | UnitOfWork, clock: Clock, kind: TicketKind, token: str) -> TicketView:
    """The ticket of this link. Raises Refusal(unusable_ticket) unless it can be used now."""
    return _view(await _usable(work, clock, kind, token))


async def link_to_send(
    work: ReadWork, clock: Clock, public_url: str, secrets: Iterable[bytes], ticket_id: str
) -> str | None:
    """The link for its letter, by whichever secret made it; None when it is no longer good."""
    row = await work.session.get(Ticket, ticket_id)
    if row is None or row.used_at is not None or row.expires_at <= clock.now():
        return None
    kind = _view(row).kind
    made_by = (secret for secret in secrets if _digest(ticket_token(secret, row.id)) == row.hash)
    return next((ticket_link(public_url, secret, kind, row.id) for secret in made_by), None)


async def use(work: UnitOfWork, clock: Clock, kind: TicketKind, token: str) -> TicketView:
    """Uses the ticket up. Raises Refusal(unusable_ticket), so that of two who try one succeeds."""
    row = await _usable(work, clock, kind, token)
    row.used_at = clock.now()
    return _view(row)


async def use_by_id(work: UnitOfWork, clock: Clock, ticket_id: str) -> TicketView:
    """The same for an invitation whose receiver has shown by other means who they are."""
    row = await work.session.get(Ticket, ticket_id)
    if row is None or row.kind != "invite" or row.used_at is not None or row.expires_at <= clock.now():
        raise unusable_ticket()
    row.used_at = clock.now()
    return _view(row)


async def open_invitations(
    work: ReadWork | UnitOfWork, clock: Clock, account_id: AccountId | None
) -> list[TicketView]:
    """Invitations that can still be followed: those into one account, or (None) to accounts of their own."""
    where = Ticket.account_id.is_(None) if account_id is None else Ticket.account_id == account_id
    rows = await work.session.scalars(
        select(Ticket)
        .where(Ticket.kind == "invite", where, Ticket.used_at.is_(None), Ticket.expires_at > clock.now())
        .order_by(Ticket.id.desc())
    )
    return [_view(row) for row in rows]


async def withdraw(work: UnitOfWork, ticket_id: str, account_id: AccountId | None) -> TicketView:
    """Takes back an invitation. Raises Fault(NOT_FOUND) for one that is not there, or of another account."""
    row = await work.session.get(Ticket, ticket_id)
    if row is None or row.kind != "invite" or row.account_id != account_id or row.used_at is not None:
        raise Fault(Code.NOT_FOUND, "There is no such invitation, or it has been used.", field="id")
    await work.session.delete(row)
    return _view(row)


async def sweep_tickets(work: UnitOfWork, clock: Clock) -> None:
    """Takes away what nobody can use any more."""
    old = clock.now() - timedelta(days=30)
    await work.session.execute(delete(Ticket).where(Ticket.expires_at < old))


async def _usable(work: ReadWork | UnitOfWork, clock: Clock, kind: TicketKind, token: str) -> Ticket:
    row = (await work.session.scalars(select(Ticket).where(Ticket.hash == _digest(token)))).first()
    if row is None or row.kind != kind or row.used_at is not None or row.expires_at <= clock.now():
        raise unusable_ticket()
    return row


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _view(row: Ticket) -> TicketView:
    return TicketView(
        id=row.id,
        kind="invite" if row.kind == "invite" else "password_reset",
        email=row.email,
        user_id=None if row.user_id is None else UserId(row.user_id),
        account_id=None if row.account_id is None else AccountId(row.account_id),
        terms=msgspec.json.decode(row.terms, type=InviteTerms),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
