"""Signing in and out, one's own password and language, one's browsers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from tokenmill.accounts.members import set_language
from tokenmill.accounts.refusals import signed_out
from tokenmill.accounts.sessions import SignedIn
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Anyone, Caller, Desk, Member, address_of
from tokenmill.admin.cookie import cookie_name, cookie_path
from tokenmill.admin.csrf import csrf_token
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Asked, Done, Everything, Language, Line, Moment, Secret, Shown
from tokenmill.store.tables import Role, Standing

router = APIRouter(tags=["session"])


class SignInAsked(Asked):
    email: Line
    password: Secret


class Password(Asked):
    password: Secret


class NewPassword(Asked):
    old: Secret
    new: Secret


class LanguageChosen(Asked):
    language: Language | None


class Me(Shown):
    """Who is signed in; `csrf_token` goes into `x-csrf-token` of every POST, PUT, PATCH and DELETE.

    `confirms_by` is how they can show again who they are: `POST /session/confirm`, `POST /oidc/confirm`.
    """

    user_id: str
    email: str
    role: Role
    standing: Standing
    language: str | None
    password_given: bool
    confirms_by: list[Literal["password", "oidc"]]
    account_id: str
    account_email: str
    currency: str
    session_id: str
    expires_at: Moment
    confirmed: bool
    csrf_token: str


class SessionShown(Shown):
    id: str
    created_at: Moment
    seen_at: Moment
    expires_at: Moment
    address: str
    agent: str
    current: bool


@router.post("/session")
async def sign_in(asked: SignInAsked, _: Anyone, desk: Desk, request: Request, response: Response) -> Me:
    """Sign in; the session is in a cookie that pages cannot read."""
    address = address_of(request)
    token = await desk.sign_in.sign_in(
        asked.email, asked.password, address=address, agent=request.headers.get("user-agent", "")
    )
    who = await desk.sessions.find(token)
    if who is None:
        raise signed_out()
    set_session_cookie(desk, response, token)
    return _me(desk, who, token)


@router.get("/session")
async def me(caller: Member, desk: Desk) -> Me:
    """Who is signed in."""
    return _me(desk, caller.who, caller.token)


@router.delete("/session")
async def sign_out(caller: Member, desk: Desk, response: Response) -> Done:
    """End this session."""
    async with acting(desk, caller, "session.end") as act:
        await desk.sessions.end(act.work, caller.who.user_id, caller.who.session_id)
        act.on(caller.who.session_id)
    drop_session_cookie(desk, response)
    return Done()


@router.post("/session/confirm")
async def confirm(asked: Password, caller: Member, desk: Desk) -> Me:
    """Give the password again, which opens dangerous acts for some minutes."""
    await desk.sign_in.confirm(caller.who, asked.password, address=caller.address)
    return await _again(desk, caller)


@router.put("/session/password")
async def change_password(asked: NewPassword, caller: Member, desk: Desk) -> Me:
    """Change the password; all other sessions of the user end."""
    await desk.sign_in.change_password(caller.who, asked.old, asked.new, address=caller.address)
    return await _again(desk, caller)


@router.put("/session/language")
async def choose_language(asked: LanguageChosen, caller: Member, desk: Desk) -> Me:
    """In which language the user reads; null: as the browser says."""
    async with acting(desk, caller, "user.language") as act:
        await set_language(act.work, caller.who.user_id, asked.language)
        act.on(caller.who.user_id, language=asked.language)
    return await _again(desk, caller)


@router.get("/sessions")
async def sessions(caller: Member, desk: Desk) -> Everything[SessionShown]:
    """The browsers in which the user is signed in, the newest first."""
    async with desk.database.read() as work:
        rows = await desk.sessions.listed(work, caller.who.user_id)
    return Everything(
        data=[
            SessionShown(
                id=row.id,
                created_at=row.created_at,
                seen_at=row.seen_at,
                expires_at=row.expires_at,
                address=row.address,
                agent=row.agent,
                current=row.id == caller.who.session_id,
            )
            for row in rows
        ]
    )


@router.delete("/sessions/{session_id}")
async def end_session(session_id: str, caller: Member, desk: Desk) -> Done:
    """End one of the user's sessions."""
    async with acting(desk, caller, "session.end") as act:
        await desk.sessions.end(act.work, caller.who.user_id, session_id)
        act.on(session_id)
    return Done()


@router.post("/sessions/end-others")
async def end_others(caller: Member, desk: Desk) -> Done:
    """End all of the user's sessions but this one."""
    async with acting(desk, caller, "session.end_others") as act:
        await desk.sessions.end_all(act.work, caller.who.user_id, but=caller.who.session_id)
        act.on(caller.who.user_id)
    return Done()


def set_session_cookie(desk: Services, response: Response, token: str) -> None:
    """Signs this browser in; whatever session it had before is another."""
    # Lax, since a return from single sign-on is a navigation from elsewhere; the CSRF token guards the rest.
    response.set_cookie(
        cookie_name(desk.secure),
        token,
        path=cookie_path(desk.secure),
        httponly=True,
        secure=desk.secure,
        samesite="lax",
    )


def drop_session_cookie(desk: Services, response: Response) -> None:
    """Takes the session out of this browser."""
    response.delete_cookie(
        cookie_name(desk.secure),
        path=cookie_path(desk.secure),
        httponly=True,
        secure=desk.secure,
        samesite="lax",
    )


async def _again(desk: Services, caller: Caller) -> Me:
    who = await desk.sessions.find(caller.token)
    if who is None:
        raise signed_out()
    return _me(desk, who, caller.token)


def _confirms_by(desk: Services, who: SignedIn) -> list[Literal["password", "oidc"]]:
    ways: list[Literal["password", "oidc"]] = []
    if who.has_password and desk.passwords:
        ways.append("password")
    if who.has_identity and desk.oidc is not None:
        ways.append("oidc")
    return ways


def _me(desk: Services, who: SignedIn, token: str) -> Me:
    return Me(
        user_id=who.user_id,
        email=who.email,
        role=who.role,
        standing=who.standing,
        language=who.language,
        password_given=who.password_given,
        confirms_by=_confirms_by(desk, who),
        account_id=who.account_id,
        account_email=who.account_email,
        currency=who.currency,
        session_id=who.session_id,
        expires_at=who.expires_at,
        confirmed=desk.sessions.confirmed(who),
        csrf_token=csrf_token(token),
    )
