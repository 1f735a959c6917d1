"""Lets people in by the provider: begins rounds, judges what comes back, and opens or confirms sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, assert_never

import msgspec

from tokenmill.accounts.audit import Actor, record
from tokenmill.accounts.oidc import identities
from tokenmill.accounts.oidc.id_tokens import LEEWAY, Expected, UnknownKey, moment, verified
from tokenmill.accounts.oidc.identities import OidcTerms, Person, find_or_make, follow_claim, identity_of
from tokenmill.accounts.oidc.problems import Problem, SignInProblem
from tokenmill.accounts.oidc.provider import Provider, Registration, Tokens
from tokenmill.accounts.oidc.rounds import Aim, Round, new_round, opened, sealed
from tokenmill.accounts.sessions import Sessions, SignedIn
from tokenmill.accounts.sign_in import refuse_suspended
from tokenmill.accounts.throttle import Throttle, address_subjects
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import Database
from tokenmill.store.tables import User

_NEVER: Final = datetime.fromtimestamp(0, UTC)
_LONGEST_CODE: Final = 8192


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes, and the cookie that it keeps meanwhile."""

    url: str
    cookie: str


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brings back; a parameter that was there twice, or not at all, is empty."""

    cookie: str
    state: str
    code: str
    error: str
    issuer: str
    address: str
    agent: str


class ProviderDoor:
    """The door beside the one for passwords."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        sessions: Sessions,
        throttle: Throttle,
        registration: Registration,
        provider: Provider,
        sealer: Sealer,
        terms: OidcTerms,
        names: tuple[str, str],
    ) -> None:
        """`names` is what stands on the button, in English and in Chinese."""
        self._database = database
        self._clock = clock
        self._sessions = sessions
        self._throttle = throttle
        self._own = registration
        self._provider = provider
        self._terms = terms
        self.sealer = sealer
        self.names = names

    async def begin(
        self, aim: Aim, return_to: str, *, who: SignedIn | None = None, invitation: str | None = None
    ) -> Begun:
        """A new round.

        Raises Fault(BAD_VALUE) for a path that leads elsewhere, SignInProblem(provider_away).
        """
        begun = new_round(
            self._clock,
            aim=aim,
            issuer=self._own.issuer,
            return_to=return_to,
            session_id=None if who is None else who.session_id,
            invitation=invitation,
        )
        url = await self._provider.address(begun, again=aim != "sign_in")
        return Begun(url, sealed(self.sealer, begun))

    def round_of(self, came: Return) -> Round:
        """The round that this browser began, and that is not over. Raises SignInProblem(round_over)."""
        begun = opened(self.sealer, came.cookie, Round)
        if begun is None or not begun.is_state(came.state):
            raise SignInProblem("round_over", "another state than this browser's")
        if begun.over(self._clock) or begun.issuer != self._own.issuer:
            raise SignInProblem("round_over", "begun too long ago, or under other settings")
        return begun

    async def finish(self, begun: Round, came: Return, who: SignedIn | None) -> str | None:
        """Does what the round is for; the token of a new session when somebody came in.

        `who` is signed in in this browser now. Raises SignInProblem; Fault(UNAVAILABLE).
        """
        await self._refuse_answer(came)
        if begun.aim != "sign_in" and (who is None or who.session_id != begun.session_id):
            raise SignInProblem("round_over", "begun in another session")
        try:
            await self._throttle.admit(*address_subjects(came.address, "provider"))
        except Fault as fault:
            raise _problem_of(fault, Code.RATE_LIMITED, "too_many") from None
        async with self._database.write() as work:
            await begun.spend(work)
        person = await self._person(begun, await self._provider.redeem(came.code, begun.verifier))
        self._refuse_domain(person)
        match begun.aim:
            case "sign_in":
                return await self._come_in(begun, person, came)
            case "confirm":
                assert who is not None
                await self._confirm(begun, person, who, came)
            case "join":
                assert who is not None
                await self._join(person, who, came)
            case _:
                assert_never(begun.aim)
        return None

    async def _refuse_answer(self, came: Return) -> None:
        """Looks at what the browser brought, before anybody is asked about it."""
        said = (await self._provider.metadata()).authorization_response_iss_parameter_supported
        if came.issuer != self._own.issuer and (came.issuer or said):  # RFC 9207
            raise SignInProblem("bad_token", "the answer names another issuer, or none")
        if came.error == "access_denied":
            raise SignInProblem("cancelled")
        if came.error or not came.code or len(came.code) > _LONGEST_CODE:
            raise SignInProblem("provider_refused", f"it says {came.error[:64]!r}")

    async def _person(self, begun: Round, tokens: Tokens) -> Person:
        expected = Expected(
            issuer=self._own.issuer,
            client_id=self._own.client_id,
            nonce=begun.nonce,
            started_at=begun.started_at,
            now=self._clock.now(),
        )
        try:
            claims = verified(tokens.id_token, await self._provider.keys(), expected)
        except UnknownKey:
            try:
                claims = verified(tokens.id_token, await self._provider.keys(anew=True), expected)
            except UnknownKey:
                raise SignInProblem("bad_token", "no key of the provider's fits its signature") from None
        told = claims
        if identities.known_email(claims) is None:
            told = await self._userinfo(claims["sub"], tokens.access_token)
        said = told.get("email_verified")
        wanted = self._terms.operator_values
        return Person(
            issuer=self._own.issuer,
            subject=claims["sub"],
            email=identities.known_email(told),
            verified=said is True or said == "true",  # Some write it as a string,
            shown_at=moment(claims.get("auth_time")),
            operator=bool(wanted) and identities.has_value(claims, self._terms.operator_claim, wanted),
        )

    async def _userinfo(self, subject: str, access_token: str) -> dict[str, Any]:
        """What else the provider tells about the same person. Core 1.0, 5.3.2: else it must not be used."""
        if not access_token:
            return {}
        told = await self._provider.userinfo(access_token)
        if told and told.get("sub") != subject:
            raise SignInProblem("bad_token", "userinfo is about somebody else")
        return told

    def _refuse_domain(self, person: Person) -> None:
        allowed = self._terms.allowed_domains
        if allowed and person.domain not in allowed:
            raise SignInProblem("domain" if person.domain else "unverified_email")

    async def _come_in(self, begun: Round, person: Person, came: Return) -> str:
        async with self._database.write() as work:
            user, identity = await find_or_make(
                work, self._clock, self._terms, person, begun.invitation, came.address
            )
            try:
                await refuse_suspended(work, user)
            except Fault as fault:
                raise _problem_of(fault, Code.FORBIDDEN, "suspended") from None
            await follow_claim(work, self._clock, self._terms, person, user, identity)
            identity.email, identity.seen_at = person.email or identity.email, self._clock.now()
            await self._throttle.forgive(work, *address_subjects(came.address, "provider"))
            # The provider may know somebody by a cookie of last week's; that confirms nothing.
            token, session_id = await self._sessions.open(
                work,
                UserId(user.id),
                address=came.address,
                agent=came.agent,
                proved_at=person.shown_at or _NEVER,
            )
            await record(
                work,
                self._clock,
                Actor(user.email, UserId(user.id), came.address),
                "session.open",
                session_id,
                account_id=AccountId(user.account_id),
                details={"issuer": person.issuer},
            )
        return token

    async def _confirm(self, begun: Round, person: Person, who: SignedIn, came: Return) -> None:
        _refuse_stale(begun, person)
        async with self._database.write() as work:
            identity = await identity_of(work, person.issuer, person.subject)
            if identity is None or identity.user_id != who.user_id:
                raise SignInProblem("other_identity")
            await self._sessions.confirm(work, who.session_id)
            await self._throttle.forgive(work, *address_subjects(came.address, "provider"))
            await record(
                work,
                self._clock,
                Actor(who.email, who.user_id, came.address),
                "session.confirm",
                who.session_id,
                account_id=who.account_id,
                details={"issuer": person.issuer},
            )

    async def _join(self, person: Person, who: SignedIn, came: Return) -> None:
        async with self._database.write() as work:
            user = await work.session.get_one(User, who.user_id)
            await identities.join(work, self._clock, person, user, came.address)
            await self._throttle.forgive(work, *address_subjects(came.address, "provider"))


def _refuse_stale(begun: Round, person: Person) -> None:
    """Has the person shown the provider who they are since the round began?"""
    shown = person.shown_at
    if shown is None or shown.timestamp() < begun.started_at.timestamp() - LEEWAY:
        raise SignInProblem("not_fresh", "no auth_time of this round")


def _problem_of(fault: Fault, code: Code, problem: Problem) -> Fault:
    """The fault as a problem if it has this code; any other stays what it is."""
    return SignInProblem(problem, message=fault.message) if fault.code is code else fault
