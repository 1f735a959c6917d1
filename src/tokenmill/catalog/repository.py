"""Keeps the catalogue in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from sqlalchemy import func, insert, select, update

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.checks import whole_complaints
from tokenmill.catalog.complaints import fault_of
from tokenmill.catalog.entries import Model, Target
from tokenmill.catalog.file import CatalogueFile
from tokenmill.catalog.versions import record_versions
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.tables import CatalogModel, CatalogTarget

_E = TypeVar("_E", bound=Target | Model)

CHANGE_KIND: Final = "catalog"
CHANGE_KEY: Final = "*"


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the entries of one table."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did, and which fields of the file change nothing yet."""

    targets: Counts
    models: Counts
    without_effect: tuple[str, ...]


def encode(entry: Target | Model) -> str:
    """An entry as the JSON text that the database keeps: every field, in a fixed order."""
    return msgspec.json.encode(entry, order="deterministic").decode()


def decode(shape: type[_E], entry_id: str, spec: str) -> _E:
    """The entry that `encode` wrote, perhaps in another version.

    Fields that this version does not know are passed over and missing ones take their
    defaults. Raises Fault(MISCONFIGURED) for text that is no entry.
    """
    try:
        return msgspec.json.decode(spec, type=shape)
    except msgspec.MsgspecError as error:
        raise Fault(
            Code.MISCONFIGURED,
            f"The database's entry of the {shape.__name__.lower()} '{entry_id}' cannot be read: {error}. "
            "A newer version of TokenMill wrote it, or it was changed by hand.",
        ) from error


async def load(work: UnitOfWork | ReadWork) -> Catalogue:
    """The catalogue as the database has it in this transaction."""
    targets = await _targets(work)
    models = await _models(work)
    created = await work.session.execute(select(CatalogModel.id, CatalogModel.created_at))
    return Catalogue(targets.values(), models.values(), {row.id: row.created_at for row in created})


async def apply(work: UnitOfWork, file: CatalogueFile) -> Applied:
    """Puts the file's entries in place of those with the same ids; what it does not name stays.

    Raises Fault(MISCONFIGURED), with nothing changed, when names would clash or
    references would lead nowhere in the catalogue as a whole.
    """
    targets, models = await _targets(work), await _models(work)
    merged_targets = targets | {target.id: target for target in file.targets}
    merged_models = models | {model.id: model for model in file.models}
    complaints = list(whole_complaints(list(merged_targets.values()), list(merged_models.values())))
    if complaints:
        raise fault_of("catalogue", complaints)
    now = datetime.now(UTC)
    applied = Applied(
        targets=_count(targets, file.targets),
        models=_count(models, file.models),
        without_effect=file.without_effect,
    )
    await _put_targets(work, targets, file.targets, now)
    await _put_models(work, models, file.models, now)
    for model in file.models:
        known = models.get(model.id)
        if known is None or (known.price, known.credits) != (model.price, model.credits):
            await record_versions(work, model.id, model.price, model.credits, now)
    if targets != merged_targets or models != merged_models:
        await work.changed(CHANGE_KIND, CHANGE_KEY)
    return applied


async def _targets(work: UnitOfWork | ReadWork) -> dict[str, Target]:
    query = select(CatalogTarget.id, CatalogTarget.spec).order_by(CatalogTarget.position, CatalogTarget.id)
    rows = await work.session.execute(query)
    return {row.id: decode(Target, row.id, row.spec) for row in rows}


async def _models(work: UnitOfWork | ReadWork) -> dict[str, Model]:
    rows = await work.session.execute(select(CatalogModel.id, CatalogModel.spec).order_by(CatalogModel.id))
    return {row.id: decode(Model, row.id, row.spec) for row in rows}


def _count(existing: Mapping[str, _E], entries: Iterable[_E]) -> Counts:
    created = updated = unchanged = 0
    for entry in entries:
        known = existing.get(entry.id)
        created += known is None
        unchanged += known == entry
        updated += known is not None and known != entry
    return Counts(created, updated, unchanged)


async def _put_targets(
    work: UnitOfWork, existing: Mapping[str, Target], entries: Iterable[Target], now: datetime
) -> None:
    last = await work.session.scalar(select(func.max(CatalogTarget.position)))
    position = -1 if last is None else last
    for entry in entries:
        known = existing.get(entry.id)
        if known is None:
            position += 1
            row = {"id": entry.id, "spec": encode(entry), "position": position}
            await work.session.execute(insert(CatalogTarget).values(**row, created_at=now, updated_at=now))
        elif known != entry:
            replaced = update(CatalogTarget).where(CatalogTarget.id == entry.id)
            await work.session.execute(replaced.values(spec=encode(entry), updated_at=now))


async def _put_models(
    work: UnitOfWork, existing: Mapping[str, Model], entries: Iterable[Model], now: datetime
) -> None:
    for entry in entries:
        known = existing.get(entry.id)
        if known is None:
            row = {"id": entry.id, "spec": encode(entry), "created_at": now, "updated_at": now}
            await work.session.execute(insert(CatalogModel).values(**row))
        elif known != entry:
            replaced = update(CatalogModel).where(CatalogModel.id == entry.id)
            await work.session.execute(replaced.values(spec=encode(entry), updated_at=now))
