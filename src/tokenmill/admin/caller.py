"""Says who calls a route of the admin API, and refuses whom the route is not for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, assert_never

from fastapi import Depends, Request

from tokenmill.accounts.audit import Actor
from tokenmill.accounts.refusals import confirm_first, signed_out
from tokenmill.accounts.sessions import SignedIn
from tokenmill.admin.cookie import cookie_name
from tokenmill.admin.csrf import CSRF_HEADER, SAFE, check_csrf
from tokenmill.admin.services import Services
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId

Need = Literal["anyone", "member", "owner", "operator"]
"""For whom a route is: who is not signed in, any user of the account, its owners, the operators."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is signed in, and from where; `token` is the browser's."""

    who: SignedIn
    address: str
    token: str

    @property
    def account_id(self) -> AccountId:
        """Whose things the caller sees."""
        return self.who.account_id

    @property
    def actor(self) -> Actor:
        """As the audit log names them."""
        return Actor(self.who.email, self.who.user_id, self.address)


Requirement = Callable[[Request], Awaitable[Caller | None]]

NEEDS: Final[dict[Requirement, tuple[Need, bool]]] = {}
"""What each requirement asks for, and whether the password has to have been given just now."""


def _requirement(need: Need, *, confirmed: bool = False) -> Requirement:
    async def required(request: Request) -> Caller | None:
        if need == "anyone":
            return None
        services: Services = request.app.state.services
        token = request.cookies.get(cookie_name(services.secure), "")
        who = await services.sessions.find(token) if token else None
        if who is None:
            raise signed_out()
        if request.method not in SAFE:
            check_csrf(token, request.headers.get(CSRF_HEADER, ""))
        _check_need(who, need)
        if confirmed and not services.sessions.confirmed(who):
            raise confirm_first()
        return Caller(who, address_of(request), token)

    NEEDS[required] = (need, confirmed)
    return required


Anyone = Annotated[None, Depends(_requirement("anyone"))]
Member = Annotated[Caller, Depends(_requirement("member"))]
ConfirmedMember = Annotated[Caller, Depends(_requirement("member", confirmed=True))]
Owner = Annotated[Caller, Depends(_requirement("owner"))]
ConfirmedOwner = Annotated[Caller, Depends(_requirement("owner", confirmed=True))]
Operator = Annotated[Caller, Depends(_requirement("operator"))]
ConfirmedOperator = Annotated[Caller, Depends(_requirement("operator", confirmed=True))]


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Desk = Annotated[Services, Depends(_services)]
"""What every route works with."""


def address_of(request: Request) -> str:
    """The caller's IP address; empty when the server does not know it."""
    return request.client.host if request.client is not None else ""


def _check_need(who: SignedIn, need: Need) -> None:
    match need:
        case "anyone" | "member":
            return
        case "owner":
            if who.standing != "owner":
                raise Fault(Code.FORBIDDEN, "Only an owner of the account may do this.")
        case "operator":
            if who.role != "operator":
                raise Fault(Code.FORBIDDEN, "Only an operator of this platform may do this.")
        case _:
            assert_never(need)
