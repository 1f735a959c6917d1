"""Coming in for the first time, or again without the password: sign-up, invitations, password reset."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request

from tokenmill.accounts.accounts import normal_email
from tokenmill.accounts.audit import Actor
from tokenmill.accounts.members import accept, sign_up
from tokenmill.accounts.passwords import MAX_LENGTH, MIN_LENGTH, hash_password
from tokenmill.accounts.recovery import ask_for_reset, reset_password
from tokenmill.accounts.refusals import passwords_off
from tokenmill.accounts.throttle import Subject, address_subjects
from tokenmill.accounts.tickets import look_at
from tokenmill.admin.acting import acting_as
from tokenmill.admin.caller import Anyone, Desk, address_of
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Asked, Currency, Done, Language, Line, Moment, Secret, Shown
from tokenmill.store.tables import Role, Standing

router = APIRouter(tags=["entry"])


class BilingualName(Shown):
    en: str
    zh: str


class OidcButton(Shown):
    """What stands on the button of single sign-on, by language."""

    name: BilingualName


class Welcome(Shown):
    """What a page may know before anybody has signed in; `passwords` says whether they let anybody in."""

    name: str = "TokenMill"
    signup: Literal["closed", "invite", "open"]
    shortest_password: int = MIN_LENGTH
    longest_password: int = MAX_LENGTH
    currencies: tuple[str, ...] = ("USD", "CNY")
    languages: tuple[str, ...] = ("zh-CN", "en")
    passwords: bool
    oidc: OidcButton | None


class SignUpAsked(Asked):
    email: Line
    password: Secret
    currency: Currency = "USD"
    language: Language | None = None


class Link(Asked):
    """What is behind `#` in a link."""

    token: Secret


class InvitationUsed(Asked):
    token: Secret
    password: Secret
    language: Language | None = None


class ResetUsed(Asked):
    token: Secret
    password: Secret


class ResetAsked(Asked):
    email: Line


class InvitationSeen(Shown):
    email: str
    role: Role
    standing: Standing
    into_account: bool
    expires_at: Moment


@router.get("/welcome")
async def welcome(_: Anyone, desk: Desk) -> Welcome:
    """How one comes in."""
    button = None
    if desk.oidc is not None:
        en, zh = desk.oidc.names
        button = OidcButton(name=BilingualName(en=en, zh=zh))
    return Welcome(signup=desk.signup, passwords=desk.passwords, oidc=button)


@router.post("/sign-up", status_code=201)
async def signing_up(asked: SignUpAsked, _: Anyone, desk: Desk, request: Request) -> Done:
    """Make an account for oneself, where the settings allow that."""
    _refuse_where_off(desk)
    email = normal_email(asked.email)
    if desk.signup == "open":
        await desk.throttle.admit(*address_subjects(address_of(request), "sign-up"))
    password_hash = await hash_password(asked.password)
    async with acting_as(desk, Actor(email, None, address_of(request)), "account.sign_up") as act:
        made = await sign_up(
            act.work,
            desk.clock,
            signup=desk.signup,
            email=email,
            password_hash=password_hash,
            currency=asked.currency,
            language=asked.language,
        )
        act.on(made.id)
    return Done()


@router.post("/invitations/look")
async def look_at_invitation(asked: Link, _: Anyone, desk: Desk) -> InvitationSeen:
    """What an invitation is to, before it is used."""
    async with desk.database.read() as work:
        ticket = await look_at(work, desk.clock, "invite", asked.token)
    return InvitationSeen(
        email=ticket.email,
        role=ticket.terms.role,
        standing=ticket.terms.standing,
        into_account=ticket.account_id is not None,
        expires_at=ticket.expires_at,
    )


@router.post("/invitations/accept", status_code=201)
async def accept_invitation(asked: InvitationUsed, _: Anyone, desk: Desk, request: Request) -> Done:
    """Use an invitation, with a password of one's own; sign in next."""
    _refuse_where_off(desk)
    async with desk.database.read() as work:  # Nobody makes us hash with a link that is none.
        ticket = await look_at(work, desk.clock, "invite", asked.token)
    password_hash = await hash_password(asked.password)
    actor = Actor(ticket.email, None, address_of(request))
    async with acting_as(desk, actor, "user.join", ticket.account_id) as act:
        member = await accept(act.work, desk.clock, asked.token, password_hash, asked.language)
        act.on(member.id, invitation=ticket.id)
    return Done()


@router.post("/password-reset", status_code=202)
async def ask_for_link(asked: ResetAsked, _: Anyone, desk: Desk, request: Request) -> Done:
    """Have a link sent; the answer is the same whether the address is known or not."""
    _refuse_where_off(desk)
    email = normal_email(asked.email)
    address = address_of(request)
    await desk.throttle.admit(Subject("reset", email), *address_subjects(address))
    async with acting_as(desk, Actor("system", None, address), "user.password_reset_asked") as act:
        ticket = await ask_for_reset(act.work, desk.clock, desk.secret, email)
        act.on("unknown" if ticket is None else ticket.id)
    return Done()


@router.post("/password-reset/use")
async def use_link(asked: ResetUsed, _: Anyone, desk: Desk, request: Request) -> Done:
    """Set a new password with the link; every session of the user ends."""
    _refuse_where_off(desk)
    async with desk.database.read() as work:
        await look_at(work, desk.clock, "password_reset", asked.token)
    password_hash = await hash_password(asked.password)
    async with desk.database.write() as work:  # It writes its own audit entry, in the user's name.
        await reset_password(work, desk.clock, asked.token, password_hash, address=address_of(request))
    return Done()


def _refuse_where_off(desk: Services) -> None:
    if not desk.passwords:
        raise passwords_off()
