"""The models on offer, with what they cost this account."""

from __future__ import annotations

from fastapi import APIRouter

from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.model_shapes import ModelShown, model_shown, overrides_of
from tokenmill.admin.shapes import Everything

router = APIRouter(tags=["models"])


@router.get("/models")
async def models(caller: Member, desk: Desk) -> Everything[ModelShown]:
    """Every model of the catalogue, by id, with prices, credits and recommended sampling."""
    async with desk.database.read() as work:
        special = await overrides_of(work, caller.account_id)
    offered = sorted(desk.catalogue().models(), key=lambda model: model.id)
    return Everything(
        data=[model_shown(desk, model, caller.who.currency, special.get(model.id)) for model in offered]
    )


@router.get("/models/{model_id:path}")
async def model(model_id: str, caller: Member, desk: Desk) -> ModelShown:
    """One model, by its id or an alias."""
    found = desk.catalogue().find(model_id)
    async with desk.database.read() as work:
        special = await overrides_of(work, caller.account_id)
    return model_shown(desk, found, caller.who.currency, special.get(found.id))
