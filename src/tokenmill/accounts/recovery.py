"""Gives a user who forgot the password a new start, by a link that is good once."""

from __future__ import annotations

from sqlalchemy import select

from tokenmill.accounts.accounts import normal_email, prove_address
from tokenmill.accounts.audit import Actor, record
from tokenmill.accounts.refusals import unusable_ticket
from tokenmill.accounts.sessions import end_sessions
from tokenmill.accounts.tickets import TicketView, issue, use
from tokenmill.kit.clock import Clock
from tokenmill.kit.ids import AccountId, UserId
from tokenmill.store.database import UnitOfWork
from tokenmill.store.outbox import announce
from tokenmill.store.tables import User
from tokenmill.store.work_tables import Session


async def ask_for_reset(work: UnitOfWork, clock: Clock, secret: bytes, email: str) -> TicketView | None:
    """Leaves word for the mail that sends the link; None, and nothing, for an address that nobody has."""
    query = select(User).where(User.email == normal_email(email), User.disabled_at.is_(None))
    user = (await work.session.scalars(query)).first()
    if user is None:
        return None
    ticket = await issue(
        work,
        clock,
        secret,
        "password_reset",
        user.email,
        user_id=UserId(user.id),
        account_id=AccountId(user.account_id),
    )
    payload = {"email": user.email, "ticket": ticket.id, "language": user.language}
    await announce(work, clock, "user.password_reset", AccountId(user.account_id), payload, ticket.id)
    return ticket


async def reset_password(
    work: UnitOfWork, clock: Clock, token: str, password_hash: str, *, address: str
) -> UserId:
    """Uses the link up: the password is replaced and every session ends.

    Raises Refusal(unusable_ticket).
    """
    ticket = await use(work, clock, "password_reset", token)
    user = None if ticket.user_id is None else await work.session.get(User, ticket.user_id)
    if user is None or user.disabled_at is not None:
        raise unusable_ticket()
    user.password_hash, user.password_given = password_hash, False
    await prove_address(work, clock, UserId(user.id))  # Its letter went there, or an operator gave the link.
    await end_sessions(work, clock, Session.user_id == user.id)
    actor = Actor(user.email, UserId(user.id), address)
    account_id = AccountId(user.account_id)
    await record(work, clock, actor, "user.password_reset", user.id, account_id=account_id)
    await work.changed("user", user.id)
    return UserId(user.id)
