"""Users of any account: their role, a new start without their password, invitations to the platform."""

from __future__ import annotations

from fastapi import APIRouter

from tokenmill.accounts.members import find_member, invite, set_role
from tokenmill.accounts.oidc.identities import unlink
from tokenmill.accounts.recovery import ask_for_reset
from tokenmill.accounts.tickets import InviteTerms, open_invitations, ticket_link, withdraw
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.developer.members import InvitationMade, InvitationShown, MemberShown, shown
from tokenmill.admin.shapes import Asked, Currency, Done, Everything, Line, Shown
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import Role

router = APIRouter(prefix="/operator", tags=["operator: people"])


class RoleChosen(Asked):
    role: Role


class InvitationAsked(Asked):
    """To an account of their own, in a currency that can never be changed."""

    email: Line
    role: Role = "developer"
    currency: Currency = "USD"


class ResetLink(Shown):
    """To hand over by oneself; it is good once, for an hour."""

    link: str


@router.put("/users/{user_id}/role")
async def change_role(user_id: str, asked: RoleChosen, caller: ConfirmedOperator, desk: Desk) -> MemberShown:
    """Make a user an operator, or an operator a developer."""
    async with desk.database.read() as work:
        whose = (await find_member(work, user_id, None)).account_id
    async with acting(desk, caller, "user.role", whose) as act:
        changed = await set_role(act.work, user_id, asked.role)
        act.on(user_id, role=asked.role)
    return MemberShown.of(changed)


@router.post("/users/{user_id}/password-reset", status_code=201)
async def give_reset_link(user_id: str, caller: ConfirmedOperator, desk: Desk) -> ResetLink:
    """A link with which the user sets a new password."""
    async with desk.database.read() as work:
        user = await find_member(work, user_id, None)
    async with acting(desk, caller, "user.password_reset_given", user.account_id) as act:
        ticket = await ask_for_reset(act.work, desk.clock, desk.secret, user.email)
        if ticket is None:
            raise Fault(Code.NOT_FOUND, f"There is no user {user_id!r}.", field="id")
        act.on(user_id, ticket=ticket.id)
    return ResetLink(link=ticket_link(desk.public_url, desk.secret, "password_reset", ticket.id))


@router.delete("/users/{user_id}/identity")
async def unlink_identity(user_id: str, caller: ConfirmedOperator, desk: Desk) -> MemberShown:
    """Take from a user the identity by which they sign in; their sessions end."""
    async with desk.database.read() as work:
        user = await find_member(work, user_id, None)
    async with acting(desk, caller, "user.unlink_identity", user.account_id) as act:
        if not await unlink(act.work, user_id):
            raise Fault(Code.NOT_FOUND, "This user does not sign in by the identity provider.", field="id")
        await desk.sessions.end_all(act.work, user.id)
        act.on(user_id)
        changed = await find_member(act.work, user_id, None)
    return MemberShown.of(changed)


@router.get("/invitations")
async def invitations(_: Operator, desk: Desk) -> Everything[InvitationShown]:
    """Invitations to accounts of their own that can still be followed, the newest first."""
    async with desk.database.read() as work:
        rows = await open_invitations(work, desk.clock, None)
    return Everything(data=[shown(row) for row in rows])


@router.post("/invitations", status_code=201)
async def invite_to_platform(asked: InvitationAsked, caller: ConfirmedOperator, desk: Desk) -> InvitationMade:
    """Invite somebody to the platform."""
    async with acting(desk, caller, "account.invite") as act:
        ticket = await invite(
            act.work,
            desk.clock,
            desk.secret,
            asked.email,
            signup=desk.signup,
            by=caller.account_id,
            into=None,
            terms=InviteTerms(role=asked.role, currency=asked.currency),
        )
        act.on(ticket.id, email=ticket.email, role=asked.role)
    link = ticket_link(desk.public_url, desk.secret, "invite", ticket.id)
    return InvitationMade(**shown(ticket).model_dump(), link=link)


@router.delete("/invitations/{ticket_id}")
async def withdraw_invitation(ticket_id: str, caller: Operator, desk: Desk) -> Done:
    """Take an invitation back."""
    async with acting(desk, caller, "account.uninvite") as act:
        ticket = await withdraw(act.work, ticket_id, None)
        act.on(ticket.id, email=ticket.email)
    return Done()
