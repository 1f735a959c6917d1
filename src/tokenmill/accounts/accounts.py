"""Creates, lists and finds accounts with the user who signs in to each."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from sqlalchemy import select

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.kit.money import CURRENCIES
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.tables import Account, Role, User

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets.


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account as lists show it; `role` is that of the user who signs in to it."""

    id: AccountId
    email: str
    currency: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


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
) -> AccountView:
    """Makes an account and its user, who share the e-mail address.

    `password_hash` comes from `hash_password`, made before the transaction since it
    is slow. Raises Fault(CONFLICT) if the address is taken, Fault(BAD_VALUE) for an
    address or currency that cannot be.
    """
    email = normal_email(email)
    if currency not in CURRENCIES:
        raise Fault(
            Code.BAD_VALUE,
            f"{currency!r} is not a currency here. Use one of {', '.join(CURRENCIES)}.",
            field="currency",
        )
    if await work.session.scalar(select(User.id).where(User.email == email)) is not None:
        raise Fault(
            Code.CONFLICT,
            f"There is already an account for {email}. See `tokenmill accounts list`, "
            f"or set a new password with `tokenmill accounts password {email}`.",
            field="email",
        )
    now = clock.now()
    account = Account(id=sortable("acc"), email=email, currency=currency, created_at=now, disabled_at=None)
    user = User(
        id=sortable("usr"),
        email=email,
        password_hash=password_hash,
        role=role,
        account_id=account.id,
        created_at=now,
        disabled_at=None,
    )
    work.session.add(account)
    await work.session.flush()
    work.session.add(user)
    await work.session.flush()
    await work.changed("account", account.id)
    return _view(account, role)


async def list_accounts(work: ReadWork | UnitOfWork) -> list[AccountView]:
    """Every account, the oldest first."""
    rows = await work.session.execute(
        select(Account, User.role).join(User, User.account_id == Account.id).order_by(Account.id)
    )
    return [_view(account, role) for account, role in rows]


async def find_account(work: ReadWork | UnitOfWork, email: str) -> AccountView:
    """The account of this address, in any case. Raises Fault(NOT_FOUND) that tells how to make one."""
    email = normal_email(email)
    row = (
        await work.session.execute(
            select(Account, User.role).join(User, User.account_id == Account.id).where(Account.email == email)
        )
    ).first()
    if row is None:
        raise Fault(
            Code.NOT_FOUND,
            f"There is no account for {email}. See `tokenmill accounts list`, "
            f"or make it with `tokenmill accounts create {email}`.",
            field="email",
        )
    return _view(row[0], row[1])


async def find_operator(work: ReadWork | UnitOfWork) -> AccountView | None:
    """The first operator's account; None on a platform that is not initialised."""
    row = (
        await work.session.execute(
            select(Account, User.role)
            .join(User, User.account_id == Account.id)
            .where(User.role == "operator")
            .order_by(Account.id)
            .limit(1)
        )
    ).first()
    return None if row is None else _view(row[0], row[1])


async def set_password(work: UnitOfWork, email: str, password_hash: str) -> AccountView:
    """Replaces the password of the user with this address."""
    account = await find_account(work, email)
    user = (await work.session.scalars(select(User).where(User.email == account.email))).one()
    user.password_hash = password_hash
    await work.changed("user", user.id)
    return account


def _view(account: Account, role: Role) -> AccountView:
    return AccountView(
        id=AccountId(account.id),
        email=account.email,
        currency=account.currency,
        role=role,
        created_at=account.created_at,
        disabled_at=account.disabled_at,
    )
