"""Lets people in by their password; the other way in is `accounts.oidc`."""

from __future__ import annotations

from sqlalchemy import select

from tokenmill.accounts.accounts import normal_email, suspension
from tokenmill.accounts.audit import Actor, record
from tokenmill.accounts.passwords import hash_password, outdated, password_fits
from tokenmill.accounts.refusals import passwords_off, signed_out, wrong_password
from tokenmill.accounts.sessions import Sessions, SignedIn
from tokenmill.accounts.throttle import Subject, Throttle, address_subjects
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId
from tokenmill.store.database import Database, UnitOfWork
from tokenmill.store.tables import Account, User


class SignIn:
    """The door. Who guesses waits longer and longer, and learns nothing from how long an answer takes."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        throttle: Throttle,
        *,
        passwords: bool = True,
    ) -> None:
        """Without `passwords` nobody comes in here, whatever they know."""
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._throttle = throttle
        self._passwords = passwords

    async def sign_in(self, email: str, password: str, *, address: str, agent: str) -> str:
        """The token of a new session.

        Raises Refusal(wrong_password) in the same words for an unknown address, Fault(RATE_LIMITED) for
        who has to wait, Fault(FORBIDDEN), to who knows the password, for a suspended account, and
        Refusal(passwords_off) where passwords let nobody in.
        """
        self._refuse_where_off()
        subjects = _subjects(email, address)
        await self._throttle.admit(*subjects)
        user = await self._user(email)
        if not await password_fits(None if user is None else user.password_hash, password):
            raise wrong_password()
        assert user is not None
        renewed = await hash_password(password) if outdated(user.password_hash) else None
        async with self._database.write() as work:
            row = await work.session.get_one(User, user.id)
            if row.password_hash != user.password_hash:  # It was changed meanwhile.
                raise wrong_password()
            await refuse_suspended(work, row)
            row.password_hash = renewed or row.password_hash
            await self._throttle.forgive(work, *subjects)
            token, session_id = await self._sessions.open(work, UserId(row.id), address=address, agent=agent)
            await record(
                work,
                self._clock,
                Actor(row.email, UserId(row.id), address),
                "session.open",
                session_id,
                account_id=AccountId(row.account_id),
            )
        return token

    async def prove(self, who: SignedIn, password: str, *, address: str) -> None:
        """Is this the password of who is signed in? Raises as `sign_in` does."""
        self._refuse_where_off()
        subjects = _subjects(who.email, address)
        await self._throttle.admit(*subjects)
        user = await self._user(who.email)
        if not await password_fits(None if user is None else user.password_hash, password):
            raise wrong_password()
        async with self._database.write() as work:
            await self._throttle.forgive(work, *subjects)

    async def confirm(self, who: SignedIn, password: str, *, address: str) -> None:
        """The same person, again: dangerous acts are open for some minutes."""
        await self.prove(who, password, address=address)
        async with self._database.write() as work:
            await self._sessions.confirm(work, who.session_id)

    async def change_password(self, who: SignedIn, old: str, new: str, *, address: str) -> None:
        """Replaces the password and ends all other sessions of the user."""
        self._refuse_where_off()
        new_hash = await hash_password(new)  # Refused before anything is counted.
        await self.prove(who, old, address=address)
        async with self._database.write() as work:
            row = await work.session.get(User, who.user_id)
            if row is None or row.disabled_at is not None:
                raise signed_out()
            row.password_hash, row.password_given = new_hash, False
            await self._sessions.end_all(work, who.user_id, but=who.session_id)
            await self._sessions.confirm(work, who.session_id)
            actor = Actor(who.email, who.user_id, address)
            await record(work, self._clock, actor, "user.password", who.user_id, account_id=who.account_id)
            await work.changed("user", who.user_id)

    def _refuse_where_off(self) -> None:
        if not self._passwords:
            raise passwords_off()

    async def _user(self, email: str) -> User | None:
        async with self._database.read() as view:
            known = select(User).where(User.email == _normal(email))
            return (await view.session.scalars(known)).first()


async def refuse_suspended(work: UnitOfWork, user: User) -> None:
    """Raises Fault(FORBIDDEN), with the reason that was given, unless the user may come in."""
    account = await work.session.get_one(Account, user.account_id)
    if account.deleted_at is not None or user.disabled_at is not None:
        raise Fault(Code.FORBIDDEN, "This user has been removed. Ask the operator of this platform.")
    if account.disabled_at is not None:
        reason = await suspension(work, AccountId(account.id))
        raise Fault(
            Code.FORBIDDEN,
            f"This account is suspended{f': {reason}' if reason else ''}. Ask the operator of this platform.",
        )


def _subjects(email: str, address: str) -> tuple[Subject, ...]:
    return (Subject("email", _normal(email)), *address_subjects(address))


def _normal(email: str) -> str:
    """What is no address is nobody's, and counted all the same."""
    try:
        return normal_email(email)
    except Fault:
        return email.strip().lower()[:254]
