"""`tokenmill secrets`: replaces the secret that keys are hashed and replies are sealed with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, print_json

if TYPE_CHECKING:
    from tokenmill.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Replace the platform's secret.")


@app.callback()
def secrets() -> None:
    """One subcommand is still a subcommand."""


@app.command()
def rotate(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Replace the platform's secret; all that was made under the old one goes on working."""
    from tokenmill.cli.secret_files import replace_secret
    from tokenmill.settings import SECRET_NAME
    from tokenmill.store.postgres import on_postgres

    settings = open_settings(data, config)
    secret = data.absolute() / SECRET_NAME
    if settings.security.secret != f"file:{secret}" or on_postgres(settings.database.url):
        _advise(settings, json=json)
        return
    kept = replace_secret(data.absolute())
    if json:
        print_json({"rotated": True, "secret": str(secret), "kept": str(kept)})
        return
    typer.echo(f"{secret} is new; the one before is kept as {kept}.")
    typer.echo(
        "Restart a server that runs: until then it knows only the old one, and so no API key and no code"
    )
    typer.echo("that another command makes from now on. What was made under the old one goes on working.")
    typer.echo(_WHEN_TO_DROP)
    typer.echo(f"To drop the old one, delete {kept} and restart.")


_WHEN_TO_DROP = (
    "Each API key moves to the new secret when it is next used, the secrets of webhooks at the next start.\n"
    "Keep the old one while codes that nobody has redeemed, stored responses, or signatures of reasoning in\n"
    "running conversations matter: they are lost with it, and so are keys that were not used by then."
)


def _advise(settings: Settings, *, json: bool) -> None:
    """The secret is kept elsewhere, perhaps for several nodes: its keeper has to put the new one there."""
    new = _next_to(settings.security.secret)
    old = [settings.security.secret, *settings.security.secrets_old]
    if json:
        print_json({"rotated": False, "change": {"secret": new, "secrets_old": old}})
        return
    typer.echo(
        "Nothing was changed: the secret is kept where [security] secret says. Put a new one beside it"
    )
    typer.echo("(`openssl rand -hex 32`), change these two lines of the settings, and restart:")
    typer.echo("")
    typer.echo("  [security]")
    typer.echo(f"  secret = {_quoted(new)}")
    typer.echo(f"  secrets_old = {_quoted(old)}")
    typer.echo("")
    typer.echo(
        "With several nodes, first give every node this line and restart them one by one, so that each"
    )
    typer.echo("knows the new secret before another uses it; take it out again when you change the two:")
    typer.echo("")
    typer.echo(f"  secrets_next = {_quoted([new])}")
    typer.echo("")
    typer.echo(_WHEN_TO_DROP)


def _quoted(value: str | list[str]) -> str:
    return msgspec.json.encode(value).decode()


def _next_to(reference: str) -> str:
    """`env:SECRET` → `env:SECRET_2`, `file:/run/secret-2` → `file:/run/secret-3`."""
    kind, _, place = reference.partition(":")
    mark = "_" if kind == "env" else "-"
    numbered = re.fullmatch(rf"(.*{mark})([0-9]+)", Path(place).name)
    name = f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else f"{Path(place).name}{mark}2"
    return f"{kind}:{Path(place).with_name(name)}"
