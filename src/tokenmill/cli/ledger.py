"""`tokenmill ledger`: proves that the books are right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_store, print_json

if TYPE_CHECKING:
    from tokenmill.billing.verify import Verified

app = typer.Typer(no_args_is_help=True, help="Prove that the books are right.")


@app.callback()
def ledger() -> None:
    """One subcommand is still a subcommand."""


@app.command()
def verify(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Compare every transfer, balance, hold and usage row; exit status 0 only if all is right."""
    verified = asyncio.run(_verify(data, config))
    if json:
        print_json(verified)
    else:
        for difference in verified.differences:
            typer.echo(difference)
        typer.echo(
            f"{verified.transfers} transfers, {len(verified.differences)} differences, "
            f"{verified.orphan_holds} orphan holds."
        )
    if not verified.ok:
        raise typer.Exit(1)


async def _verify(data: Path, config: Path | None) -> Verified:
    from tokenmill.billing.verify import verify as check
    from tokenmill.kit.clock import SystemClock

    async with open_store(data, config) as database, database.read() as work:
        return await check(work, SystemClock().now())
