"""`tokenmill config`: checks and shows the settings in force."""

from __future__ import annotations

import os

import msgspec
import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, print_json

app = typer.Typer(no_args_is_help=True, help="Check and show the settings.")


@app.command()
def check(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Read the settings as `serve` would, and say what is wrong with them."""
    from tokenmill.moderation.live import settled_list
    from tokenmill.settings import read_password, read_secret, without_effect

    settings = open_settings(data, config)
    default = f"file:{data.absolute() / 'secret'}"
    security = settings.security
    for reference in (security.secret, *security.secrets_old, *security.secrets_next):
        if reference != default:  # `init` makes that one.
            read_secret(reference, os.environ)
    if settings.oidc.client_secret:
        read_password(settings.oidc.client_secret, os.environ)
    for name in settings.moderation.lists:
        settled_list(name, data)
    if settings.moderation.classifier_key:
        read_password(settings.moderation.classifier_key, os.environ)
    idle = without_effect(settings)
    if json:
        print_json({"ok": True, "without_effect": idle})
        return
    typer.echo("The settings are in order.")
    for key in idle:
        typer.echo(f"  {key} is set, but nothing is there that acts on it")


@app.command()
def show(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Print every setting in force; secrets are named, never shown."""
    from tokenmill.settings import shown

    sections = shown(open_settings(data, config))
    if json:
        print_json(sections)
        return
    for name, section in sections.items():
        typer.echo(f"[{name}]")
        for key, value in section.items():
            # TOML has no null: what is not set is left out, as a comment.
            line = (
                f"# {key} is not set" if value is None else f"{key} = {msgspec.json.encode(value).decode()}"
            )
            typer.echo(line)
        typer.echo()
