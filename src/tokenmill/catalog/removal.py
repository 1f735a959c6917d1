"""Takes entries out of the catalogue."""

from __future__ import annotations

from sqlalchemy import delete

from tokenmill.catalog.entries import Model, Target
from tokenmill.catalog.repository import CHANGE_KEY, CHANGE_KIND, load
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import UnitOfWork
from tokenmill.store.tables import CatalogModel, CatalogTarget


async def remove_target(work: UnitOfWork, target_id: str) -> Target:
    """Takes a target out; what it answered stays on receipts.

    Raises Fault: NOT_FOUND, CONFLICT while models still name it.
    """
    catalogue = await load(work)
    found = next((target for target in catalogue.targets() if target.id == target_id), None)
    if found is None:
        raise Fault(Code.NOT_FOUND, f"There is no target '{target_id}'.", field="id")
    users = [m.id for m in catalogue.models() if any(ref.target == target_id for ref in m.targets)]
    if users:
        raise Fault(
            Code.CONFLICT, f"These models still name it: {', '.join(users)}. Change them first.", field="id"
        )
    await work.session.execute(delete(CatalogTarget).where(CatalogTarget.id == target_id))
    await work.changed(CHANGE_KIND, CHANGE_KEY)
    return found


async def remove_model(work: UnitOfWork, model_id: str) -> Model:
    """Takes a model out; its price versions stay, since receipts name them.

    Raises Fault: NOT_FOUND, CONFLICT while another model names it as its successor.
    """
    models = {model.id: model for model in (await load(work)).models()}
    if model_id not in models:
        raise Fault(Code.NOT_FOUND, f"There is no model '{model_id}'.", field="id")
    heirs = [model.id for model in models.values() if model.successor == model_id]
    if heirs:
        raise Fault(
            Code.CONFLICT,
            f"It is the successor of these models: {', '.join(heirs)}. Change them first.",
            field="id",
        )
    await work.session.execute(delete(CatalogModel).where(CatalogModel.id == model_id))
    await work.changed(CHANGE_KIND, CHANGE_KEY)
    return models[model_id]
