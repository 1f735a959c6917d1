"""Keeps the browsers that have signed in: opens their sessions, knows them again and ends them."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from tokenmill.accounts.passwords import has_password
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.store.database import Database, ReadWork, UnitOfWork
from tokenmill.store.identity_tables import Identity
from tokenmill.store.tables import Account, Role, Standing, User
from tokenmill.store.work_tables import Session

_TOUCH = timedelta(minutes=1)
"""How exact `seen_at` is; each time it moves is a transaction."""
_LONGEST_AGENT: Final = 300
_KEPT = timedelta(days=30)
"""How long ended sessions can be looked at."""


class SessionTerms(msgspec.Struct, frozen=True):
    """How long a session lasts, how long it may be idle, and how long a password counts as just given."""

    lasts: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=7)
    confirmed: timedelta = timedelta(minutes=10)


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and what they may do."""

    session_id: str
    user_id: UserId
    email: str
    role: Role
    standing: Standing
    language: str | None
    password_given: bool
    has_password: bool
    has_identity: bool
    account_id: AccountId
    account_email: str
    currency: str
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its user's list shows it."""

    id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str


class Sessions:
    """All sessions of the platform; the database has only hashes of what browsers hold."""

    def __init__(self, database: Database, clock: Clock, terms: SessionTerms) -> None:
        self._database = database
        self._clock = clock
        self._terms = terms

    async def open(
        self,
        work: UnitOfWork,
        user_id: UserId,
        *,
        address: str,
        agent: str,
        proved_at: datetime | None = None,
    ) -> tuple[str, str]:
        """A new session's token, for the browser alone, and its id.

        `proved_at` is when its user last showed who they are; None: just now.
        """
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        row = Session(
            id=sortable("ses"),
            hash=_digest(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            confirmed_at=now if proved_at is None else min(proved_at, now),
            expires_at=now + self._terms.lasts,
            ended_at=None,
            address=address,
            agent=agent[:_LONGEST_AGENT],
        )
        work.session.add(row)
        await work.session.flush()
        return token, row.id

    async def find(self, token: str) -> SignedIn | None:
        """Who holds this token; None when it is not, or no longer, good, or its user may not come in."""
        async with self._database.read() as view:
            row = (
                await view.session.execute(
                    select(Session, User, Account, exists().where(Identity.user_id == User.id))
                    .join(User, User.id == Session.user_id)
                    .join(Account, Account.id == User.account_id)
                    .where(Session.hash == _digest(token), *self._live())
                    .where(User.disabled_at.is_(None), Account.disabled_at.is_(None))
                    .where(Account.deleted_at.is_(None))
                )
            ).first()
        if row is None:
            return None
        session, user, account, has_identity = row
        await self._touch(session)
        return SignedIn(
            session_id=session.id,
            user_id=UserId(user.id),
            email=user.email,
            role=user.role,
            standing=user.standing,
            language=user.language,
            password_given=user.password_given,
            has_password=has_password(user.password_hash),
            has_identity=has_identity,
            account_id=AccountId(account.id),
            account_email=account.email,
            currency=account.currency,
            created_at=session.created_at,
            expires_at=session.expires_at,
            confirmed_at=session.confirmed_at,
        )

    def confirmed(self, who: SignedIn) -> bool:
        """Has the password been given just now?"""
        return self._clock.now() - who.confirmed_at < self._terms.confirmed

    async def confirm(self, work: UnitOfWork, session_id: str) -> None:
        """The password has been given again."""
        mine = update(Session).where(Session.id == session_id)
        await work.session.execute(mine.values(confirmed_at=self._clock.now()))

    async def listed(self, work: ReadWork, user_id: UserId) -> list[SessionView]:
        """The user's sessions that are good, the newest first."""
        rows = await work.session.scalars(
            select(Session).where(Session.user_id == user_id, *self._live()).order_by(Session.id.desc())
        )
        return [
            SessionView(
                id=row.id,
                created_at=row.created_at,
                seen_at=row.seen_at,
                expires_at=row.expires_at,
                address=row.address,
                agent=row.agent,
            )
            for row in rows
        ]

    async def end(self, work: UnitOfWork, user_id: UserId, session_id: str) -> None:
        """Ends one session of the user's. Raises Fault(NOT_FOUND) for any other."""
        row = await work.session.get(Session, session_id)
        if row is None or row.user_id != user_id or row.ended_at is not None:
            raise Fault(Code.NOT_FOUND, "There is no such session, or it has ended.", field="id")
        row.ended_at = self._clock.now()

    async def end_all(self, work: UnitOfWork, user_id: UserId, *, but: str = "") -> None:
        """Ends all sessions of the user, except that with the id `but`."""
        await end_sessions(work, self._clock, Session.user_id == user_id, Session.id != but)

    async def sweep(self) -> None:
        """Takes away what ended long ago."""
        old = self._clock.now() - _KEPT
        async with self._database.write() as work:
            await work.session.execute(
                delete(Session).where(or_(Session.ended_at < old, Session.expires_at < old))
            )

    def _live(self) -> tuple[ColumnElement[bool], ...]:
        now = self._clock.now()
        return (
            Session.ended_at.is_(None),
            Session.expires_at > now,
            Session.seen_at > now - self._terms.idle,
        )

    async def _touch(self, session: Session) -> None:
        now = self._clock.now()
        if now - session.seen_at < _TOUCH:
            return
        with suppress(Fault):  # Whoever only reads may go on while nothing can be written.
            async with self._database.write() as work:
                mine = update(Session).where(Session.id == session.id)
                await work.session.execute(mine.values(seen_at=now))


async def end_sessions(work: UnitOfWork, clock: Clock, *which: ColumnElement[bool]) -> None:
    """Ends all sessions for which these conditions hold."""
    await work.session.execute(
        update(Session)
        .where(*which, Session.ended_at.is_(None))
        .values(ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _digest(token: str) -> bytes:
    """A token has 256 bits of chance, so a plain hash tells nothing about it."""
    return hashlib.sha256(token.encode()).digest()
