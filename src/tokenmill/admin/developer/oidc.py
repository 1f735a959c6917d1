"""Single sign-on: the way to the provider and back, and the identity that is joined to a user."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from tokenmill.accounts.oidc.door import ProviderDoor, Return
from tokenmill.accounts.oidc.identities import identities_of, unlink
from tokenmill.accounts.oidc.problems import Problem, SignInProblem
from tokenmill.accounts.oidc.rounds import HOME, LASTS, Aim, Trouble, local_path, opened, sealed, with_problem
from tokenmill.accounts.sessions import SignedIn
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Anyone, ConfirmedMember, Desk, Member, address_of
from tokenmill.admin.cookie import cookie_name
from tokenmill.admin.developer.session import set_session_cookie
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Asked, Done, Everything, Line, Moment, Shown
from tokenmill.kit.faults import Code, Fault

log = structlog.get_logger()

router = APIRouter(prefix="/oidc", tags=["single sign-on"])

ROUND_COOKIE: Final = "tm_oidc"
TROUBLE_COOKIE: Final = "tm_oidc_problem"
_PATH: Final = "/console/api/v1/oidc"
CALLBACK: Final = f"{_PATH}/callback"
SIGN_IN: Final = "/console/sign-in"


class ReturnAsked(Asked):
    """The page of the console to come back to."""

    return_to: str = HOME


class RoundAsked(ReturnAsked):
    """`invitation` is what is behind `#` in its link, for whoever follows one."""

    invitation: Line | None = None  # A cookie has to hold it.


class Begun(Shown):
    """Where the browser has to go now; it has ten minutes to come back."""

    url: str


class Problematic(Shown):
    """Why the last way to the provider came to nothing, in this browser."""

    problem: Problem
    message: str


class IdentityShown(Shown):
    """`email` is what the provider told last."""

    issuer: str
    email: str | None
    created_at: Moment
    seen_at: Moment


@router.post("/start")
async def start(asked: RoundAsked, _: Anyone, desk: Desk, request: Request, response: Response) -> Begun:
    """Begin to sign in."""
    return await _begin(desk, request, response, "sign_in", asked.return_to, invitation=asked.invitation)


@router.post("/confirm")
async def confirm(
    asked: ReturnAsked, caller: Member, desk: Desk, request: Request, response: Response
) -> Begun:
    """Begin to show again who one is, which opens dangerous acts for some minutes."""
    return await _begin(desk, request, response, "confirm", asked.return_to, who=caller.who)


@router.post("/join")
async def join(
    asked: ReturnAsked, caller: ConfirmedMember, desk: Desk, request: Request, response: Response
) -> Begun:
    """Begin to join an identity to the user, who then signs in by it as well."""
    return await _begin(desk, request, response, "join", asked.return_to, who=caller.who)


@router.get("/callback", status_code=303, response_class=RedirectResponse)
async def callback(_: Anyone, desk: Desk, request: Request) -> Response:
    """Where the provider sends the browser back to; it goes on to a page, with `problem` if need be."""
    came = _return(request)
    back, known = SIGN_IN, None
    try:
        door = _door(desk)
        begun = door.round_of(came)
        if begun.aim != "sign_in":
            back = begun.return_to
        token = await door.finish(begun, came, await _who(desk, request))
        response = RedirectResponse(begun.return_to, 303)
        if token is not None:
            set_session_cookie(desk, response, token)
    except SignInProblem as problem:
        log.warning("single sign-on failed", problem=problem.problem, why=problem.why)
        known = Trouble(problem.problem, problem.message)
    except Fault as fault:
        log.warning("single sign-on failed", problem="failed", why=fault.code.value)
        known = Trouble("failed", fault.message)
    if known is not None:
        response = RedirectResponse(with_problem(back, known.problem), 303)
        if desk.oidc is not None:
            _keep(desk, response, TROUBLE_COOKIE, sealed(desk.oidc.sealer, known), f"{_PATH}/problem")
    response.delete_cookie(ROUND_COOKIE, path=CALLBACK, secure=desk.secure, httponly=True, samesite="lax")
    return response


@router.get("/problem")
async def problem(_: Anyone, desk: Desk, request: Request) -> Problematic:
    """What went wrong in this browser just now, with the reason of a suspension."""
    trouble = opened(_door(desk).sealer, request.cookies.get(TROUBLE_COOKIE, ""), Trouble)
    if trouble is None:
        raise Fault(Code.NOT_FOUND, "Nothing went wrong in this browser of late.")
    return Problematic(problem=trouble.problem, message=trouble.message)


@router.get("/identities")
async def identities(caller: Member, desk: Desk) -> Everything[IdentityShown]:
    """By which identities the user signs in."""
    async with desk.database.read() as work:
        rows = await identities_of(work, caller.who.user_id)
    return Everything(data=[IdentityShown.of(row) for row in rows])


@router.delete("/identities")
async def leave(caller: ConfirmedMember, desk: Desk) -> Done:
    """Sign in by the provider no more; only for who has a password that lets them in."""
    if not (caller.who.has_password and desk.passwords):
        raise Fault(Code.CONFLICT, "You could not sign in any more. Set a password first.")
    async with acting(desk, caller, "user.unlink_identity") as act:
        if not await unlink(act.work, caller.who.user_id):
            raise Fault(Code.NOT_FOUND, "You do not sign in by the identity provider.")
        await desk.sessions.end_all(act.work, caller.who.user_id, but=caller.who.session_id)
        act.on(caller.who.user_id)
    return Done()


async def _begin(
    desk: Services,
    request: Request,
    response: Response,
    aim: Aim,
    return_to: str,
    *,
    who: SignedIn | None = None,
    invitation: str | None = None,
) -> Begun:
    door = _door(desk)
    local_path(return_to)
    _refuse_elsewhere(desk, request)
    begun = await door.begin(aim, return_to, who=who, invitation=invitation)
    _keep(desk, response, ROUND_COOKIE, begun.cookie, CALLBACK)
    return Begun(url=begun.url)


def _door(desk: Services) -> ProviderDoor:
    if desk.oidc is None:
        raise SignInProblem("off")
    return desk.oidc


def _refuse_elsewhere(desk: Services, request: Request) -> None:
    """The provider sends people to the public address, where a cookie of another host is not to be had."""
    origin = request.headers.get("origin")
    parts = urlsplit(desk.public_url)
    if origin is not None and origin != f"{parts.scheme}://{parts.netloc}":
        raise Fault(
            Code.CONFLICT, f"Single sign-on comes back to {desk.public_url} alone. Open the console there."
        )


def _return(request: Request) -> Return:
    def once(name: str) -> str:
        values = request.query_params.getlist(name)
        return values[0] if len(values) == 1 else ""

    return Return(
        cookie=request.cookies.get(ROUND_COOKIE, ""),
        state=once("state"),
        code=once("code"),
        error=once("error"),
        issuer=once("iss"),
        address=address_of(request),
        agent=request.headers.get("user-agent", ""),
    )


async def _who(desk: Services, request: Request) -> SignedIn | None:
    token = request.cookies.get(cookie_name(desk.secure), "")
    return await desk.sessions.find(token) if token else None


def _keep(desk: Services, response: Response, name: str, value: str, path: str) -> None:
    # Lax, since the way back from the provider is a navigation from elsewhere.
    response.set_cookie(
        name,
        value,
        max_age=int(LASTS.total_seconds()),
        path=path,
        httponly=True,
        secure=desk.secure,
        samesite="lax",
    )
