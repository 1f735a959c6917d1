"""`tokenmill catalog`: puts catalogue files in force, lists what is offered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenmill.cli.acts import note
from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_store, print_json

if TYPE_CHECKING:
    from tokenmill.catalog.catalogue import Catalogue
    from tokenmill.catalog.file import CatalogueFile
    from tokenmill.catalog.repository import Applied, Counts

app = typer.Typer(no_args_is_help=True, help="Say which models are offered, and what serves them.")


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A catalogue file, in TOML.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Put a catalogue file in force: its ids are replaced whole, all others stay."""
    from tokenmill.catalog.file import read_catalogue_file

    applied = asyncio.run(_apply(data, config, read_catalogue_file(file)))
    if json:
        print_json(applied)
        return
    typer.echo(f"targets  {_counted(applied.targets)}")
    typer.echo(f"models   {_counted(applied.models)}")
    if applied.without_effect:
        typer.echo(f"Kept, but without effect in this version: {', '.join(applied.without_effect)}.")


@app.command("list")
def list_(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """List the models and the targets that serve them."""
    from tokenmill.catalog.writing import written

    catalogue = asyncio.run(_load(data, config))
    if json:
        models, targets = catalogue.models(), catalogue.targets()
        print_json(
            {"models": [written(each) for each in models], "targets": [written(each) for each in targets]}
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "also called", "served by", "context", "output", box=None)
    for model in catalogue.models():
        served_by = ", ".join(f"{target.id} ({ref.model})" for target, ref in catalogue.targets_of(model))
        figures = (f"{model.context_window:,}", f"{model.max_output_tokens:,}")
        table.add_row(model.id, ", ".join(model.aliases), served_by, *figures)
    Console().print(table, soft_wrap=True)


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's id, or one of its aliases.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show every field of a model and of its targets, as a file that could be applied."""
    from tokenmill.catalog.writing import write_entry, written

    catalogue = asyncio.run(_load(data, config))
    found = catalogue.find(model)
    targets = dict.fromkeys(target for target, _ in catalogue.targets_of(found))
    if json:
        print_json({"model": written(found), "targets": [written(target) for target in targets]})
        return
    typer.echo("\n".join([*map(write_entry, targets), write_entry(found)]), nl=False)


@app.command()
def presets(data: Data = DEFAULT_DATA, config: Config = None) -> None:
    """Print the catalogue file of a fresh install."""
    from tokenmill.catalog.presets import preset_text

    typer.echo(preset_text(), nl=False)


def _counted(counts: Counts) -> str:
    return f"{counts.created} created, {counts.updated} updated, {counts.unchanged} unchanged"


async def _apply(data: Path, config: Path | None, file: CatalogueFile) -> Applied:
    from tokenmill.catalog.repository import apply, load

    async with open_store(data, config) as database, database.write() as work:
        before = await load(work)
        applied = await apply(work, file)
        targets, models = before.targets(), before.models()
        changed = [f"target {each.id}" for each in file.targets if each not in targets]
        changed += [f"model {each.id}" for each in file.models if each not in models]
        await note(work, "catalogue.apply", "catalogue", changed=", ".join(changed)[:2000])
        return applied


async def _load(data: Path, config: Path | None) -> Catalogue:
    from tokenmill.catalog.repository import load

    async with open_store(data, config) as database, database.read() as work:
        return await load(work)
