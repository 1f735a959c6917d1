"""Puts the subcommands together into the `tokenmill` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tokenmill.cli import accounts, catalog, codes, config, keys, ledger, models, plans, secrets, wallet
from tokenmill.cli.backup import backup
from tokenmill.cli.connect import connect
from tokenmill.cli.doctor import doctor
from tokenmill.cli.explain import explain
from tokenmill.cli.init import init
from tokenmill.cli.migrate import migrate
from tokenmill.cli.options import DEFAULT_DATA, Config, Data, open_settings
from tokenmill.cli.restore import restore
from tokenmill.cli.usage import usage
from tokenmill.kit.faults import Fault

app = typer.Typer(
    name="tokenmill",
    help="A self-hosted model API platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # They print local variables, and so secrets.
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(metavar="H", help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="P", min=0, max=65535, help="0: any free one.")] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="More than one needs PostgreSQL.")
    ] = None,
    no_embedded: Annotated[
        bool, typer.Option("--no-embedded", help="Run without the embedded model.")
    ] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
) -> None:
    """Run the platform until it is told to stop."""
    import structlog
    import uvloop

    from tokenmill.cli.serve import serve as run_server
    from tokenmill.kit.telemetry import configure_logs
    from tokenmill.settings import without_effect

    settings = open_settings(data, config)
    given = {"host": host, "port": port, "workers": workers}
    server = settings.server.model_copy(
        update={key: value for key, value in given.items() if value is not None}
    )
    embedded = settings.embedded.model_copy(update={"enabled": False} if no_embedded else {})
    settings = settings.model_copy(update={"server": server, "embedded": embedded})
    as_json = settings.logs.as_json
    configure_logs(json=not sys.stderr.isatty() if as_json is None else as_json)
    for key in without_effect(settings):
        structlog.get_logger().warning(f"{key} is set, but nothing is there that acts on it")
    uvloop.run(run_server(settings, data.absolute()))


app.command()(init)
app.command()(migrate)
app.command()(usage)
app.command()(explain)
app.command()(doctor)
app.command()(connect)
app.command()(backup)
app.command()(restore)
app.add_typer(accounts.app, name="accounts")
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(catalog.app, name="catalog")
app.add_typer(plans.app, name="plans")
app.add_typer(wallet.app, name="wallet")
app.add_typer(codes.app, name="codes")
app.add_typer(ledger.app, name="ledger")
app.add_typer(config.app, name="config")
app.add_typer(secrets.app, name="secrets")


def run() -> None:
    """Runs the command line; a fault ends it with its message on standard error and status 1."""
    try:
        app()
    except Fault as fault:
        sys.stderr.write(f"tokenmill: {fault.message}\n")
        sys.exit(1)
    except OSError as error:  # A directory that may not be written, a full disk: the system's words say it.
        sys.stderr.write(f"tokenmill: {error}\n")
        sys.exit(1)
