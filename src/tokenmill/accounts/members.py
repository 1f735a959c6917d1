"""Keeps the users of an account: who they are, who is invited, who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import delete, func, select

from tokenmill.accounts.accounts import (
    AccountView,
    create_account,
    get_account,
    normal_email,
    refuse_without_operator,
)
from tokenmill.accounts.passwords import NO_PASSWORD
from tokenmill.accounts.sessions import end_sessions
from tokenmill.accounts.tickets import InviteTerms, TicketView, issue, use
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.identity_tables import Identity, ProvedAddress
from tokenmill.store.outbox import announce
from tokenmill.store.tables import Role, Standing, User
from tokenmill.store.work_tables import Session

Signup = Literal["closed", "invite", "open"]
Language = Literal["zh-CN", "en"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user of an account."""

    id: UserId
    account_id: AccountId
    email: str
    role: Role
    standing: Standing
    created_at: datetime
    disabled_at: datetime | None
    by_provider: bool
    """Can they sign in by the identity provider?"""


async def list_members(work: ReadWork | UnitOfWork, account_id: AccountId) -> list[Member]:
    """The users of the account who have not left, the oldest first."""
    rows = await work.session.scalars(
        select(User).where(User.account_id == account_id, User.disabled_at.is_(None)).order_by(User.id)
    )
    users = rows.all()
    joined = await _by_provider(work, [user.id for user in users])
    return [_view(user, user.id in joined) for user in users]


async def find_member(work: ReadWork | UnitOfWork, user_id: str, account_id: AccountId | None) -> Member:
    """A user, of this account unless None. Raises Fault(NOT_FOUND)."""
    return await _member(work, await _user(work, user_id, account_id))


async def invite(
    work: UnitOfWork,
    clock: Clock,
    secret: bytes,
    email: str,
    *,
    signup: Signup,
    by: AccountId,
    into: AccountId | None,
    terms: InviteTerms,
) -> TicketView:
    """Invites somebody `into` an account, or (None) to one of their own, and leaves word for the mail.

    Raises Fault(CONFLICT) for an address that signs in already, Fault(FORBIDDEN) where nobody may come in.
    """
    if signup == "closed":
        raise Fault(Code.FORBIDDEN, "This platform takes no new users; its settings say [accounts] signup.")
    email = normal_email(email)
    await _refuse_taken(work, email)
    ticket = await issue(work, clock, secret, "invite", email, account_id=into, terms=terms)
    await announce(work, clock, "user.invited", by, {"email": email, "ticket": ticket.id}, ticket.id)
    return ticket


async def accept(
    work: UnitOfWork, clock: Clock, token: str, password_hash: str, language: Language | None = None
) -> Member:
    """Uses an invitation up. Raises Refusal(unusable_ticket), Fault(CONFLICT) for a taken address."""
    return await come_by(work, clock, await use(work, clock, "invite", token), password_hash, language)


async def come_by(
    work: UnitOfWork,
    clock: Clock,
    ticket: TicketView,
    password_hash: str,
    language: Language | None = None,
) -> Member:
    """Makes the user to whom an invitation that is used up was given. Raises Fault(CONFLICT)."""
    terms = ticket.terms
    if ticket.account_id is None:
        made = await create_account(
            work,
            clock,
            email=ticket.email,
            password_hash=password_hash,
            role=terms.role,
            currency=terms.currency,
            language=language,
            proved=True,  # Operators alone invite to accounts of their own.
        )
        return (await list_members(work, made.id))[0]
    account = await get_account(work, ticket.account_id)
    if account.disabled_at is not None or account.deleted_at is not None:
        raise Fault(Code.CONFLICT, "The account that you were invited to is not open any more.")
    await _refuse_taken(work, ticket.email)
    user = User(
        id=sortable("usr"),
        email=ticket.email,
        password_hash=password_hash,
        role=terms.role,
        standing=terms.standing,
        account_id=account.id,
        created_at=clock.now(),
        disabled_at=None,
        language=language,
    )
    work.session.add(user)
    await work.session.flush()
    await work.changed("user", user.id)
    return _view(user, by_provider=False)


async def sign_up(
    work: UnitOfWork,
    clock: Clock,
    *,
    signup: Signup,
    email: str,
    password_hash: str,
    currency: str,
    language: Language | None,
) -> AccountView:
    """An account that somebody makes for themselves. Raises Fault(FORBIDDEN) where that is not done."""
    if signup != "open":
        raise Fault(Code.FORBIDDEN, "This platform is not open for sign-up. Ask its operator to invite you.")
    return await create_account(
        work, clock, email=email, password_hash=password_hash, currency=currency, language=language
    )


async def set_standing(work: UnitOfWork, user_id: str, account_id: AccountId, standing: Standing) -> Member:
    """Makes a member an owner, or an owner a member. Raises Fault(CONFLICT) for the last owner."""
    row = await _user(work, user_id, account_id)
    row.standing = standing
    await work.session.flush()
    await _refuse_without_owner(work, account_id)
    await work.changed("user", row.id)
    return await _member(work, row)


async def set_role(work: UnitOfWork, user_id: str, role: Role) -> Member:
    """What the user may do on the platform. Raises Fault(CONFLICT) for the last operator."""
    row = await _user(work, user_id, None)
    before, row.role = row.role, role
    await work.session.flush()
    if before == "operator" != role:
        await refuse_without_operator(work)
    await work.changed("user", row.id)
    return await _member(work, row)


async def remove(work: UnitOfWork, clock: Clock, user_id: str, account_id: AccountId) -> Member:
    """Takes a user out of the account: sessions end, the address is free again.

    Raises Fault(CONFLICT) for the last owner and for the last operator.
    """
    row = await _user(work, user_id, account_id)
    gone = await _member(work, row)
    await forget_user(work, clock, row)
    await _refuse_without_owner(work, account_id)
    if gone.role == "operator":
        await refuse_without_operator(work)
    return gone


async def forget_user(work: UnitOfWork, clock: Clock, row: User) -> None:
    """Takes everything personal from a user's row, which stays for those that refer to it."""
    row.email = f"removed+{row.id}@invalid"
    row.password_hash = NO_PASSWORD
    row.language = None
    row.disabled_at = clock.now()
    for table in (Identity, ProvedAddress):
        await work.session.execute(delete(table).where(table.user_id == row.id))
    await end_sessions(work, clock, Session.user_id == row.id)
    await work.session.flush()
    await work.changed("user", row.id)


async def set_language(work: UnitOfWork, user_id: UserId, language: Language | None) -> None:
    """In which language the user reads; None: as their browser says."""
    (await _user(work, user_id, None)).language = language
    await work.changed("user", user_id)


async def _refuse_taken(work: UnitOfWork, email: str) -> None:
    if await work.session.scalar(select(User.id).where(User.email == email)) is not None:
        raise Fault(Code.CONFLICT, f"{email} signs in to an account already.", field="email")


async def _refuse_without_owner(work: UnitOfWork, account_id: AccountId) -> None:
    query = (
        select(func.count())
        .select_from(User)
        .where(User.account_id == account_id, User.standing == "owner", User.disabled_at.is_(None))
    )
    if not await work.session.scalar(query):
        raise Fault(
            Code.CONFLICT, "This is the last owner of the account. Make another member an owner first."
        )


async def _user(work: ReadWork | UnitOfWork, user_id: str, account_id: AccountId | None) -> User:
    row = await work.session.get(User, user_id)
    if row is None or row.disabled_at is not None or account_id not in (None, row.account_id):
        raise Fault(Code.NOT_FOUND, f"There is no user {user_id!r}.", field="id")
    return row


async def _by_provider(work: ReadWork | UnitOfWork, user_ids: Sequence[str]) -> frozenset[str]:
    query = select(Identity.user_id).where(Identity.user_id.in_(user_ids))
    return frozenset(await work.session.scalars(query))


async def _member(work: ReadWork | UnitOfWork, row: User) -> Member:
    return _view(row, row.id in await _by_provider(work, [row.id]))


def _view(row: User, by_provider: bool) -> Member:
    return Member(
        id=UserId(row.id),
        account_id=AccountId(row.account_id),
        email=row.email,
        role=row.role,
        standing=row.standing,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        by_provider=by_provider,
    )
