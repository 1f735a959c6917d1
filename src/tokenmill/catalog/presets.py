"""Puts the entries of a fresh install into the catalogue."""

from __future__ import annotations

from importlib.resources import files

from msgspec.structs import replace

from tokenmill.catalog.file import CatalogueFile, read_catalogue
from tokenmill.catalog.repository import apply, load
from tokenmill.store.database import UnitOfWork


def preset_text() -> str:
    """The presets as they ship: a catalogue file with comments."""
    return files("tokenmill.catalog").joinpath("presets.toml").read_text("utf-8")


def presets() -> CatalogueFile:
    """The presets' entries."""
    return read_catalogue(preset_text(), "presets.toml")


async def seed(work: UnitOfWork) -> None:
    """Adds each preset whose id names nothing yet; what an operator made or changed is never touched.

    A preset loses its successor where the successor's name is an operator's alias.
    """
    current = await load(work)
    shipped = presets()
    known_targets = {target.id for target in current.targets()}
    taken = {name for model in current.models() for name in (model.id, *model.aliases)}
    models = [model for model in shipped.models if taken.isdisjoint((model.id, *model.aliases))]
    ids = {model.id for model in (*current.models(), *models)}
    await apply(
        work,
        CatalogueFile(
            targets=tuple(target for target in shipped.targets if target.id not in known_targets),
            models=tuple(
                model if model.successor in ids else replace(model, successor=None) for model in models
            ),
        ),
    )
