"""What the first page shows: addresses to copy, and how far a newcomer has come."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import func, select

from tokenmill.accounts.keys import list_keys
from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.standing_in import StandIn, stand_ins
from tokenmill.store.tables import Usage

router = APIRouter(tags=["overview"])


class Urls(Shown):
    openai: str
    anthropic: str
    plan_openai: str
    plan_anthropic: str


class FirstRequest(Shown):
    at: Moment
    model: str
    client: str
    first_ms: int | None


class FirstSteps(Shown):
    """Each turns true by itself; `clients` are the tools seen, `stand_ins` what answers for other models."""

    has_key: bool
    key_used: bool
    answered: FirstRequest | None
    clients: list[str]
    base_urls: Urls
    stand_ins: list[StandIn]


@router.get("/first-steps")
async def first_steps(caller: Member, desk: Desk) -> FirstSteps:
    """Is there a key, was it used, and was the first request answered?"""
    mine = Usage.account_id == caller.account_id
    async with desk.database.read() as work:
        keys = await list_keys(work, caller.account_id)
        used = await work.session.scalar(select(func.count()).select_from(Usage).where(mine))
        first = (
            await work.session.scalars(
                select(Usage).where(mine, Usage.status == "answered").order_by(Usage.id).limit(1)
            )
        ).first()
        clients = await work.session.scalars(select(Usage.client).where(mine).distinct().limit(50))
        seen = sorted(client for client in clients if client)
    url = desk.public_url
    return FirstSteps(
        has_key=bool(keys),
        key_used=bool(used),
        answered=None
        if first is None
        else FirstRequest(
            at=first.started_at, model=first.model, client=first.client, first_ms=first.first_ms
        ),
        clients=seen,
        base_urls=Urls(
            openai=f"{url}/v1",
            anthropic=f"{url}/anthropic",
            plan_openai=f"{desk.plan_url}/v1",
            plan_anthropic=f"{desk.plan_url}/anthropic",
        ),
        stand_ins=stand_ins(desk),
    )
