"""The models of the catalogue, as forms take them apart, and how to take one out."""

from __future__ import annotations

from fastapi import APIRouter

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.catalogue_shapes import ModelEntry, model_entry
from tokenmill.admin.shapes import Done, Everything
from tokenmill.catalog.removal import remove_model
from tokenmill.catalog.repository import load

router = APIRouter(prefix="/operator/models", tags=["operator: catalogue"])


@router.get("")
async def models(_: Operator, desk: Desk) -> Everything[ModelEntry]:
    """Every model, retired ones too, by id."""
    async with desk.database.read() as work:
        catalogue = await load(work)
    return Everything(
        data=[
            model_entry(
                each,
                available=any(target.engine in desk.engines for target, _ in catalogue.targets_of(each)),
            )
            for each in catalogue.models()
        ]
    )


@router.delete("/{model_id}")
async def remove(model_id: str, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Take a model out; requests for it are refused on every node within a second."""
    async with acting(desk, caller, "catalogue.remove") as act:
        await remove_model(act.work, model_id)
        act.on(model_id, kind="model")
    return Done()
