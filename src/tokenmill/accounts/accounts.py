"""Creates, lists and finds accounts with the user who signs in to each."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from sqlalchemy import func, or_, select, update

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.kit.money import CURRENCIES
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.identity_tables import ProvedAddress
from tokenmill.store.ledger_tables import Purse
from tokenmill.store.once import insert_once
from tokenmill.store.rows import RateLimits
from tokenmill.store.tables import Account, Role, User
from tokenmill.store.work_tables import AuditEntry, Session

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets.


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as lists show it; `role` is the highest among its users."""

    id: AccountId
    email: str
    currency: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    deleted_at: datetime | None = None


def normal_email(text: str) -> str:
    """Trimmed and lower-cased, as it is stored. Raises Fault(BAD_VALUE) for what cannot be an address."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > _LONGEST_EMAIL:
        raise Fault(
            Code.BAD_VALUE,
            f"{text!r} is not an e-mail address. Write it like dev@example.com.",
            field="email",
        )
    return email


async def create_account(
    work: UnitOfWork,
    clock: Clock,
    *,
    email: str,
    password_hash: str,
    role: Role = "developer",
    currency: str = "USD",
    language: str | None = None,
    given: bool = False,
    unbilled: bool = False,
    proved: bool = False,
) -> AccountView:
    """Makes an account with its wallet and its owner; both have this e-mail address.

    `password_hash` comes from `hash_password`, made before the transaction since it
    is slow; `given` says that somebody else chose the password, `unbilled` that nothing
    costs anything until the wallet is filled. An identity of a provider's may join a user whose address is
    `proved`, or was given. Raises Fault(CONFLICT) if the address is
    taken, Fault(BAD_VALUE) for an address or currency that cannot be.
    """
    email = normal_email(email)
    if currency not in CURRENCIES:
        raise Fault(
            Code.BAD_VALUE,
            f"{currency!r} is not a currency here. Use one of {', '.join(CURRENCIES)}.",
            field="currency",
        )
    taken = select(User.id).where(User.email == email).union(select(Account.id).where(Account.email == email))
    if await work.session.scalar(taken) is not None:
        raise Fault(
            Code.CONFLICT,
            f"There is already an account for {email}. See `tokenmill accounts list`, "
            f"or set a new password with `tokenmill accounts password {email}`.",
            field="email",
        )
    now = clock.now()
    account = Account(
        id=sortable("acc"),
        email=email,
        currency=currency,
        created_at=now,
        disabled_at=None,
        unbilled=unbilled,
    )
    user = User(
        id=sortable("usr"),
        email=email,
        password_hash=password_hash,
        role=role,
        account_id=account.id,
        created_at=now,
        disabled_at=None,
        language=language,
        password_given=given,
    )
    work.session.add(account)
    await work.session.flush()
    work.session.add(user)
    work.session.add(Purse(id=f"wallet/{account.id}", unit=currency, balance=0, held=0, expires_at=None))
    await work.session.flush()
    if given or proved:
        await prove_address(work, clock, UserId(user.id))
    await work.changed("account", account.id)
    return _view(account, role)


async def prove_address(work: UnitOfWork, clock: Clock, user_id: UserId) -> None:
    """The user's address is known to be theirs, and not only what they said."""
    await insert_once(work, ProvedAddress, "user_id", user_id=user_id, at=clock.now())


async def list_accounts(work: ReadWork | UnitOfWork) -> list[AccountView]:
    """Every account that is not deleted, the oldest first."""
    rows = await work.session.scalars(
        select(Account).where(Account.deleted_at.is_(None)).order_by(Account.id)
    )
    operators = await operating_accounts(work)
    return [_view(account, _role(account.id, operators)) for account in rows]


async def find_accounts(
    work: ReadWork, *, text: str = "", below: str | None = None, limit: int, deleted: bool = False
) -> list[AccountView]:
    """Accounts whose address, or that of one of their users, has `text` in it; the newest first.

    `below` is the id after which to go on.
    """
    query = select(Account).order_by(Account.id.desc()).limit(limit)
    if text:
        theirs = select(User.account_id).where(User.email.contains(text.lower(), autoescape=True))
        query = query.where(
            or_(
                Account.email.contains(text.lower(), autoescape=True),
                Account.id.in_(theirs),
                Account.id == text,
            )
        )
    if below is not None:
        query = query.where(Account.id < below)
    if not deleted:
        query = query.where(Account.deleted_at.is_(None))
    operators = await operating_accounts(work)
    return [_view(account, _role(account.id, operators)) for account in await work.session.scalars(query)]


async def find_account(work: ReadWork | UnitOfWork, email: str) -> AccountView:
    """The account of this address, or of its user with this address, in any case.

    Raises Fault(NOT_FOUND) that tells how to make one.
    """
    email = normal_email(email)
    row = (await work.session.scalars(select(Account).where(Account.email == email))).first()
    if row is None:
        query = select(Account).join(User, User.account_id == Account.id).where(User.email == email)
        row = (await work.session.scalars(query)).first()
    if row is None:
        raise Fault(
            Code.NOT_FOUND,
            f"There is no account for {email}. See `tokenmill accounts list`, "
            f"or make it with `tokenmill accounts create {email}`.",
            field="email",
        )
    return _view(row, _role(row.id, await operating_accounts(work)))


async def account_of(work: ReadWork | UnitOfWork, account_id: str) -> AccountView:
    """The account with this id. Raises Fault(NOT_FOUND)."""
    row = await get_account(work, account_id)
    return _view(row, _role(row.id, await operating_accounts(work)))


async def get_account(work: ReadWork | UnitOfWork, account_id: str) -> Account:
    """The row of this account, deleted or not. Raises Fault(NOT_FOUND)."""
    row = await work.session.get(Account, account_id)
    if row is None:
        raise Fault(Code.NOT_FOUND, f"There is no account {account_id!r}.", field="id")
    return row


async def find_operator(work: ReadWork | UnitOfWork) -> AccountView | None:
    """The first operator's account; None on a platform that is not initialised."""
    query = (
        select(Account)
        .join(User, User.account_id == Account.id)
        .where(User.role == "operator", User.disabled_at.is_(None))
        .order_by(Account.id)
        .limit(1)
    )
    row = (await work.session.scalars(query)).first()
    return None if row is None else _view(row, "operator")


async def set_password(
    work: UnitOfWork, clock: Clock, email: str, password_hash: str, *, given: bool = False
) -> AccountView:
    """Replaces the password of the user with this address, and ends all their sessions."""
    account = await find_account(work, email)
    user = (await work.session.scalars(select(User).where(User.email == normal_email(email)))).first()
    if user is None:  # The account outlived the user it was made with.
        raise Fault(Code.NOT_FOUND, f"No user signs in as {email}.", field="email")
    user.password_hash, user.password_given = password_hash, given
    ended = update(Session).where(Session.user_id == user.id, Session.ended_at.is_(None))
    await work.session.execute(ended.values(ended_at=clock.now()))
    await work.changed("user", user.id)
    return account


async def suspend(work: UnitOfWork, clock: Clock, account_id: str) -> AccountView:
    """All its keys and sessions stop within a second; its money stays.

    Raises Fault(CONFLICT) when nobody would be left to operate the platform.
    """
    row = await get_account(work, account_id)
    operates = account_id in await operating_accounts(work)
    row.disabled_at = row.disabled_at or clock.now()
    await work.session.flush()
    if operates:
        await refuse_without_operator(work)
    await work.changed("account", row.id)
    return await account_of(work, account_id)


async def restore(work: UnitOfWork, account_id: str) -> AccountView:
    """Undoes `suspend`. Raises Fault(CONFLICT) for a deleted account."""
    row = await get_account(work, account_id)
    if row.deleted_at is not None:
        raise Fault(Code.CONFLICT, "A deleted account cannot be brought back.", field="id")
    row.disabled_at = None
    await work.session.flush()
    await work.changed("account", row.id)
    return await account_of(work, account_id)


async def suspension(work: ReadWork | UnitOfWork, account_id: AccountId) -> str:
    """The reason that was given for the suspension in force; empty when there was none."""
    query = (
        select(AuditEntry.details)
        .where(AuditEntry.account_id == account_id, AuditEntry.action == "account.suspend")
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    details = await work.session.scalar(query)
    if details is None:
        return ""
    return str(msgspec.json.decode(details, type=dict[str, object]).get("reason", ""))


async def set_limits(work: UnitOfWork, account_id: str, limits: RateLimits) -> None:
    """What differs from the models' limits for this account; all None: nothing does."""
    row = await get_account(work, account_id)
    row.limits = None if limits == RateLimits() else msgspec.json.encode(limits).decode()
    await work.changed("account", row.id)


def limits_of(text: str | None) -> RateLimits:
    """Limits as the tables keep them."""
    return msgspec.json.decode(text, type=RateLimits) if text else RateLimits()


async def refuse_without_operator(work: UnitOfWork) -> None:
    """Raises Fault(CONFLICT) when no operator could sign in any more."""
    query = (
        select(func.count())
        .select_from(User)
        .join(Account, Account.id == User.account_id)
        .where(User.role == "operator", User.disabled_at.is_(None))
        .where(Account.disabled_at.is_(None), Account.deleted_at.is_(None))
    )
    if not await work.session.scalar(query):
        raise Fault(
            Code.CONFLICT, "This is the last operator of the platform. Make somebody else an operator first."
        )


async def operating_accounts(work: ReadWork | UnitOfWork) -> frozenset[str]:
    """The accounts that operators belong to."""
    query = select(User.account_id).where(User.role == "operator", User.disabled_at.is_(None))
    return frozenset(await work.session.scalars(query))


def _role(account_id: str, operators: frozenset[str]) -> Role:
    return "operator" if account_id in operators else "developer"


def _view(account: Account, role: Role) -> AccountView:
    return AccountView(
        id=AccountId(account.id),
        email=account.email,
        currency=account.currency,
        role=role,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        deleted_at=account.deleted_at,
    )
