"""`tokenmill migrate`: brings the database to this version's schema."""

from __future__ import annotations

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, print_json


def migrate(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Bring the database to this version's schema; safe to repeat."""
    from tokenmill.store import migrate as schema
    from tokenmill.store.postgres import on_postgres

    url = open_settings(data, config).database.url
    if not on_postgres(url):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrated = schema.migrate(url, data.absolute() / schema.LOCK_NAME)
    revision = schema.newest_revision()
    if json:
        print_json({"migrated": migrated, "revision": revision})
    elif migrated:
        typer.echo(f"The database is now at revision {revision}.")
    else:
        typer.echo(f"The database is at revision {revision} already.")
