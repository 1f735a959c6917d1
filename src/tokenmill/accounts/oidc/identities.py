"""Finds out whose an identity is, and joins it to a user or makes one where the settings allow that."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import select

from tokenmill.accounts.accounts import create_account, normal_email, prove_address
from tokenmill.accounts.audit import Actor, record
from tokenmill.accounts.members import Signup, come_by, list_members, set_role
from tokenmill.accounts.oidc.problems import Problem, SignInProblem
from tokenmill.accounts.passwords import NO_PASSWORD
from tokenmill.accounts.tickets import TicketView, open_invitations, use, use_by_id
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.hosts import host_name
from tokenmill.kit.ids import AccountId, UserId, sortable
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.identity_tables import Identity, ProvedAddress
from tokenmill.store.tables import Role, User

T = TypeVar("T")

_LONGEST_CLAIM = 10_000  # Values of a claim that are looked at; people are in hundreds of groups, not more.


class OidcTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the settings let in; see `tokenmill.settings.Oidc`."""

    signup: Signup
    sign_up: Literal["existing", "invited", "open"] = "invited"
    currency: str = "USD"
    allowed_domains: frozenset[str] = frozenset()
    operator_claim: str = ""
    operator_values: frozenset[str] = frozenset()


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider vouches for; `email` is normal, and theirs only if it is `verified`."""

    issuer: str
    subject: str
    email: str | None
    verified: bool
    shown_at: datetime | None
    """When they last showed the provider who they are."""
    operator: bool
    """Does the claim make them one?"""

    @property
    def domain(self) -> str:
        """That of a verified address, as host names are compared; empty without one."""
        if self.email is None or not self.verified:
            return ""
        try:
            return host_name(self.email.rpartition("@")[2])
        except ValueError:
            return ""


class IdentityView(msgspec.Struct, frozen=True, kw_only=True):
    """An identity as its user's page shows it."""

    issuer: str
    email: str | None
    created_at: datetime
    seen_at: datetime


def has_value(claims: dict[str, Any], path: str, wanted: frozenset[str]) -> bool:
    """Is one of the wanted values in this claim? Its name may hold dots, or lead into objects by them."""
    found: Any = claims
    if path in claims:
        found = claims[path]
    else:
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return any(isinstance(value, str) and value in wanted for value in values[:_LONGEST_CLAIM])


def known_email(claims: dict[str, Any]) -> str | None:
    """The address among the claims, as it is compared; None without one that could be."""
    email = claims.get("email")
    if not isinstance(email, str) or not email.isprintable():
        return None
    try:
        normal = normal_email(email)
    except Fault:
        return None
    # Lower-casing makes an ASCII letter of some that are none (U+212A), and so one address of another.
    return normal if email.isascii() or email == normal else None


async def identity_of(work: ReadWork | UnitOfWork, issuer: str, subject: str) -> Identity | None:
    """The identity with this name at this provider."""
    query = select(Identity).where(Identity.issuer == issuer, Identity.subject == subject)
    return (await work.session.scalars(query)).first()


async def identities_of(work: ReadWork | UnitOfWork, user_id: UserId) -> list[IdentityView]:
    """By which identities the user signs in, the oldest first."""
    query = select(Identity).where(Identity.user_id == user_id).order_by(Identity.id)
    return [
        IdentityView(issuer=row.issuer, email=row.email, created_at=row.created_at, seen_at=row.seen_at)
        for row in await work.session.scalars(query)
    ]


async def unlink(work: UnitOfWork, user_id: str) -> int:
    """Takes all identities from the user; how many there were."""
    rows = (await work.session.scalars(select(Identity).where(Identity.user_id == user_id))).all()
    for row in rows:
        await work.session.delete(row)
    await work.session.flush()
    return len(rows)


async def join(work: UnitOfWork, clock: Clock, person: Person, user: User, address: str) -> Identity:
    """Makes the identity the user's.

    Raises SignInProblem: identity_taken for another user's, other_identity for a user who has another one of
    this provider. An address that goes to somebody else at the provider does not take the user along.
    """
    theirs = await identity_of(work, person.issuer, person.subject)
    if theirs is not None and theirs.user_id != user.id:
        raise SignInProblem("identity_taken")
    query = select(Identity).where(Identity.user_id == user.id, Identity.issuer == person.issuer)
    present = (await work.session.scalars(query)).first()
    if present is not None:
        if present.subject != person.subject:
            raise SignInProblem("other_identity")
        return present
    now = clock.now()
    identity = Identity(
        id=sortable("idn"),
        issuer=person.issuer,
        subject=person.subject,
        user_id=user.id,
        email=person.email,
        made_operator=False,
        created_at=now,
        seen_at=now,
    )
    work.session.add(identity)
    await work.session.flush()
    if person.verified and person.email == user.email:
        await prove_address(work, clock, UserId(user.id))
    actor = Actor(user.email, UserId(user.id), address)
    details = {"issuer": person.issuer, "email": person.email}
    await record(
        work,
        clock,
        actor,
        "user.join_identity",
        user.id,
        account_id=AccountId(user.account_id),
        details=details,
    )
    await work.changed("user", user.id)
    return identity


async def find_or_make(
    work: UnitOfWork, clock: Clock, terms: OidcTerms, person: Person, invitation: str | None, address: str
) -> tuple[User, Identity]:
    """Whose the identity is; the first time, whose it becomes. Raises SignInProblem."""
    identity = await identity_of(work, person.issuer, person.subject)
    if identity is not None:
        return await work.session.get_one(User, identity.user_id), identity
    if invitation is not None:
        user = await _invited(work, clock, await _used(work, clock, invitation), address)
    else:
        user = await _by_email(work, clock, terms, person, address)
    return user, await join(work, clock, person, user, address)


async def _by_email(work: UnitOfWork, clock: Clock, terms: OidcTerms, person: Person, address: str) -> User:
    if person.email is None:
        raise SignInProblem("no_email")
    if not person.verified:
        raise SignInProblem("unverified_email")
    present = (await work.session.scalars(select(User).where(User.email == person.email))).first()
    if present is not None:
        # Who signed up with another's address waits here for its owner, password and keys in hand.
        if await work.session.get(ProvedAddress, present.id) is None:
            raise SignInProblem("join_first")
        return present
    if terms.signup == "closed" or terms.sign_up == "existing":
        raise SignInProblem("no_account")
    # Only operators invite to accounts of their own; into somebody's account goes who follows the link.
    for ticket in await open_invitations(work, clock, None):
        if ticket.email == person.email:
            return await _invited(work, clock, await use_by_id(work, clock, ticket.id), address)
    if terms.sign_up != "open":
        raise SignInProblem("no_account")
    return await _signed_up(work, clock, terms, person.email, address)


async def _signed_up(work: UnitOfWork, clock: Clock, terms: OidcTerms, email: str, address: str) -> User:
    made = await _or_problem(
        "taken",
        create_account(
            work, clock, email=email, password_hash=NO_PASSWORD, currency=terms.currency, proved=True
        ),
    )
    actor = Actor(email, None, address)
    await record(work, clock, actor, "account.sign_up", made.id, account_id=made.id)
    (member,) = await list_members(work, made.id)
    return await work.session.get_one(User, member.id)


async def _used(work: UnitOfWork, clock: Clock, invitation: str) -> TicketView:
    return await _or_problem("invitation", use(work, clock, "invite", invitation))


async def _invited(work: UnitOfWork, clock: Clock, ticket: TicketView, address: str) -> User:
    member = await _or_problem("taken", come_by(work, clock, ticket, NO_PASSWORD))
    actor = Actor(ticket.email, member.id, address)
    details = {"invitation": ticket.id}
    await record(work, clock, actor, "user.join", member.id, account_id=member.account_id, details=details)
    return await work.session.get_one(User, member.id)


async def follow_claim(
    work: UnitOfWork, clock: Clock, terms: OidcTerms, person: Person, user: User, identity: Identity
) -> None:
    """Makes an operator of whom the claim makes one, and takes back what it gave, but for the last operator.

    Who was made an operator here stays one, whatever the claim says.
    """
    if not terms.operator_claim and not identity.made_operator:
        return
    if person.operator == (user.role == "operator") or (not person.operator and not identity.made_operator):
        return
    role: Role = "operator" if person.operator else "developer"
    try:
        await set_role(work, user.id, role)
    except Fault as fault:
        if fault.code is not Code.CONFLICT:
            raise
        user.role = "operator"  # The last one; the next sign-in tries again.
        await work.session.flush()
        return
    identity.made_operator = person.operator
    actor = Actor("system")
    details = {"role": role, "by": terms.operator_claim}
    account_id = AccountId(user.account_id)
    await record(work, clock, actor, "user.role", user.id, account_id=account_id, details=details)


async def _or_problem(problem: Problem, doing: Awaitable[T]) -> T:
    """What a person can do nothing about here is a problem; a database that is away stays a fault."""
    try:
        return await doing
    except Fault as fault:
        if fault.code not in (Code.CONFLICT, Code.NOT_FOUND):
            raise
        raise SignInProblem(problem, fault.message) from None
