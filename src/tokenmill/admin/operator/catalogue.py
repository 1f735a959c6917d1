"""The catalogue: what it holds, what a file would change in it, what models have cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.model_shapes import CreditsShown, PriceShown, credits_shown, price_shown
from tokenmill.admin.price_effects import PriceEffect, price_effects
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Asked, Everything, Moment, Shown
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, Price, Target
from tokenmill.catalog.file import CatalogueFile, read_catalogue
from tokenmill.catalog.prices import Version, list_versions
from tokenmill.catalog.repository import apply, load
from tokenmill.catalog.writing import write_entry
from tokenmill.kit.faults import Code, Fault

router = APIRouter(prefix="/operator/catalogue", tags=["operator: catalogue"])

Toml = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
Kind = Literal["target", "model"]


class File(Asked):
    """A catalogue file; what it does not name stays as it is."""

    toml: Toml


class EntryShown(Shown):
    """An entry as it would be written into a file."""

    kind: Kind
    id: str
    toml: str


class Change(Shown):
    """What becomes of an entry; `before` null: it is new. `effect` says what a new price means."""

    kind: Kind
    id: str
    change: Literal["created", "updated", "unchanged"]
    before: str | None
    after: str
    price_changed: bool
    effect: PriceEffect | None = None


class Preview(Shown):
    """`without_effect` names fields that do nothing yet."""

    changes: list[Change]
    without_effect: list[str]


class VersionShown(Shown):
    """Rates as receipts name them; either a price or credits."""

    version: str
    since: Moment
    price: PriceShown | None
    credits: CreditsShown | None


@router.get("")
async def entries(_: Operator, desk: Desk) -> Everything[EntryShown]:
    """Every target and model; keys are only said where to find."""
    async with desk.database.read() as work:
        catalogue = await load(work)
    targets = [EntryShown(kind="target", id=each.id, toml=write_entry(each)) for each in catalogue.targets()]
    models = [EntryShown(kind="model", id=each.id, toml=write_entry(each)) for each in catalogue.models()]
    return Everything(data=[*targets, *models])


@router.post("/preview")
async def preview(asked: File, _: Operator, desk: Desk) -> Preview:
    """What a file would change, with everything that is wrong in it."""
    with _of_the_caller():
        file = read_catalogue(asked.toml, "the file")
    found: Preview | None = None
    with suppress(_Undo):
        async with desk.database.write() as work:
            before = await load(work)
            with _of_the_caller():
                await apply(work, file)
            found = _preview(before, file)
            raise _Undo
    assert found is not None
    return await _with_effects(desk, before, file, found)


@router.post("/apply")
async def apply_file(asked: File, caller: ConfirmedOperator, desk: Desk) -> Preview:
    """Put a file's entries in place of those with the same ids; every node follows within a second."""
    with _of_the_caller():
        file = read_catalogue(asked.toml, "the file")
    async with acting(desk, caller, "catalogue.apply") as act:
        before = await load(act.work)
        done = _preview(before, file)
        with _of_the_caller():
            await apply(act.work, file)
        changed = [f"{each.kind} {each.id}" for each in done.changes if each.change != "unchanged"]
        act.on("catalogue", changed=", ".join(changed)[:2000])
    return await _with_effects(desk, before, file, done)


@router.get("/prices/{model_id:path}")
async def prices(model_id: str, _: Operator, desk: Desk) -> Everything[VersionShown]:
    """Every price and every credit rate a model has had, the newest first."""
    async with desk.database.read() as work:
        versions = await list_versions(work, desk.catalogue().find(model_id))
    return Everything(data=[_version(each) for each in versions])


class _Undo(Exception):
    """Rolls back what was only tried."""


@contextmanager
def _of_the_caller() -> Iterator[None]:
    """On the command line a wrong file is a wrong setting; here somebody has sent it."""
    try:
        yield
    except Fault as fault:
        if fault.code is Code.MISCONFIGURED:
            raise Fault(Code.BAD_VALUE, fault.message, field="toml") from None
        raise


def _preview(before: Catalogue, file: CatalogueFile) -> Preview:
    targets = {target.id: target for target in before.targets()}
    models = {model.id: model for model in before.models()}
    changes = [_change("target", each, targets.get(each.id)) for each in file.targets]
    changes += [_change("model", each, models.get(each.id)) for each in file.models]
    return Preview(changes=changes, without_effect=list(file.without_effect))


async def _with_effects(desk: Services, before: Catalogue, file: CatalogueFile, found: Preview) -> Preview:
    """Read beside the change, since it looks at much, and nobody has to wait for it."""
    known = {model.id: model for model in before.models()}
    repriced = {each.id for each in found.changes if each.kind == "model" and each.price_changed}
    pairs = [(known[model.id], model) for model in file.models if model.id in repriced]
    async with desk.database.read() as work:
        effects = await price_effects(work, desk.clock.now(), pairs)
    changes = [
        each.model_copy(update={"effect": effects[each.id]})
        if each.kind == "model" and each.price_changed
        else each
        for each in found.changes
    ]
    return found.model_copy(update={"changes": changes})


def _change(kind: Kind, after: Target | Model, before: Target | Model | None) -> Change:
    return Change(
        kind=kind,
        id=after.id,
        change="created" if before is None else "unchanged" if before == after else "updated",
        before=None if before is None else write_entry(before),
        after=write_entry(after),
        price_changed=isinstance(after, Model)
        and isinstance(before, Model)
        and (after.price, after.credits) != (before.price, before.credits),
    )


def _version(version: Version) -> VersionShown:
    rates = version.rates
    return VersionShown(
        version=version.version,
        since=version.since,
        price=price_shown(rates, "") if isinstance(rates, Price) else None,
        credits=None if isinstance(rates, Price) else credits_shown(rates),
    )
