"""`tokenmill init`: makes the data directory and the first operator."""

from __future__ import annotations

import asyncio

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, print_json


def init(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Make the data directory, the database, the first operator and a first key."""
    from tokenmill.cli.setup import initialise

    made = asyncio.run(initialise(open_settings(data, config), data))
    account = {"id": made.account_id, "email": made.email}
    if made.key is None:
        if json:
            print_json({"operator": {"email": made.email}, "account": account})
            return
        typer.echo(f"{data} is initialised already; nothing was changed.")
        typer.echo(f"  operator   {made.email} (new password: tokenmill accounts password {made.email})")
        return
    if json:
        operator = {"email": made.email, "password": made.password}
        print_json({"operator": operator, "account": account, "key": made.key})
        return
    typer.echo(f"{data} is ready.")
    typer.echo(f"  operator   {made.email}")
    typer.echo(f"  password   {made.password}")
    typer.echo(f"  key        {made.key}")
    typer.echo("Password and key are shown this once. Run `tokenmill serve` next.")
