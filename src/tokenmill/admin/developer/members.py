"""The users of the caller's account, and who is invited to it."""

from __future__ import annotations

from fastapi import APIRouter

from tokenmill.accounts.members import invite, list_members, remove, set_standing
from tokenmill.accounts.tickets import InviteTerms, TicketView, open_invitations, ticket_link, withdraw
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOwner, Desk, Member, Owner
from tokenmill.admin.shapes import Asked, Done, Everything, Line, Moment, Shown
from tokenmill.store.tables import Role, Standing

router = APIRouter(tags=["members"])


class MemberShown(Shown):
    """`by_provider` says whether they can sign in by the identity provider."""

    id: str
    email: str
    role: Role
    standing: Standing
    created_at: Moment
    by_provider: bool


class StandingChosen(Asked):
    standing: Standing


class InvitationAsked(Asked):
    email: Line
    standing: Standing = "member"


class InvitationShown(Shown):
    id: str
    email: str
    standing: Standing
    role: Role
    created_at: Moment
    expires_at: Moment


class InvitationMade(InvitationShown):
    """`link` is shown only now; it is also sent by mail where mail is set up."""

    link: str


@router.get("/members")
async def members(caller: Member, desk: Desk) -> Everything[MemberShown]:
    """Who belongs to the account, the oldest first."""
    async with desk.database.read() as work:
        rows = await list_members(work, caller.account_id)
    return Everything(data=[MemberShown.of(row) for row in rows])


@router.patch("/members/{user_id}")
async def change_standing(
    user_id: str, asked: StandingChosen, caller: ConfirmedOwner, desk: Desk
) -> MemberShown:
    """Make a member an owner, or the other way round."""
    async with acting(desk, caller, "user.standing") as act:
        changed = await set_standing(act.work, user_id, caller.account_id, asked.standing)
        act.on(user_id, standing=asked.standing)
    return MemberShown.of(changed)


@router.delete("/members/{user_id}")
async def remove_member(user_id: str, caller: ConfirmedOwner, desk: Desk) -> Done:
    """Take a user out of the account; their sessions end at once."""
    async with acting(desk, caller, "user.remove") as act:
        await remove(act.work, desk.clock, user_id, caller.account_id)
        act.on(user_id)
    return Done()


@router.get("/invitations")
async def invitations(caller: Owner, desk: Desk) -> Everything[InvitationShown]:
    """Invitations into the account that can still be followed, the newest first."""
    async with desk.database.read() as work:
        rows = await open_invitations(work, desk.clock, caller.account_id)
    return Everything(data=[shown(row) for row in rows])


@router.post("/invitations", status_code=201)
async def invite_member(asked: InvitationAsked, caller: Owner, desk: Desk) -> InvitationMade:
    """Invite somebody into the account."""
    async with acting(desk, caller, "user.invite") as act:
        ticket = await invite(
            act.work,
            desk.clock,
            desk.secret,
            asked.email,
            signup=desk.signup,
            by=caller.account_id,
            into=caller.account_id,
            terms=InviteTerms(standing=asked.standing, currency=caller.who.currency),
        )
        act.on(ticket.id, email=ticket.email, standing=asked.standing)
    link = ticket_link(desk.public_url, desk.secret, "invite", ticket.id)
    return InvitationMade(**shown(ticket).model_dump(), link=link)


@router.delete("/invitations/{ticket_id}")
async def withdraw_invitation(ticket_id: str, caller: Owner, desk: Desk) -> Done:
    """Take an invitation back."""
    async with acting(desk, caller, "user.uninvite") as act:
        ticket = await withdraw(act.work, ticket_id, caller.account_id)
        act.on(ticket.id, email=ticket.email)
    return Done()


def shown(ticket: TicketView) -> InvitationShown:
    """An invitation without its link."""
    return InvitationShown(
        id=ticket.id,
        email=ticket.email,
        standing=ticket.terms.standing,
        role=ticket.terms.role,
        created_at=ticket.created_at,
        expires_at=ticket.expires_at,
    )
