"""`tokenmill models`: brings embedded models to this machine before they are needed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

app = typer.Typer(help="Models that the embedded engine can run.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """Models that the embedded engine can run."""


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A known model's name, or the path of a .gguf file.")] = "",
) -> None:
    """Fetch a model and verify it, as `serve` would; without a name, the default one."""
    from tokenmill.engines.embedded.models import DEFAULT_MODEL
    from tokenmill.engines.embedded.store import ModelStore

    model = asyncio.run(ModelStore.of_environment().fetch(name or DEFAULT_MODEL))
    typer.echo(str(model.path))
