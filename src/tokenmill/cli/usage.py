"""`tokenmill usage`: shows what an account has used."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tokenmill.cli.options import (
    DEFAULT_DATA,
    AccountEmail,
    AsJson,
    Config,
    Data,
    open_store,
    parse_moment,
    print_json,
)

if TYPE_CHECKING:
    from tokenmill.billing.usage_report import UsageReport


def usage(
    account: AccountEmail,
    since: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="TIME", help="Count from here on, like 2026-11-01."),
    ] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show what an account has used."""
    report = asyncio.run(_report(data, config, account, since))
    if json:
        print_json(report)
        return
    typer.echo(f"{'requests':<18}{report.requests:>16,}")
    for name, count in msgspec.structs.asdict(report.tokens).items():
        typer.echo(f"{name.replace('_', ' ') + ' tokens':<24}{count:>10,}")
    for currency, amount in report.cost.items():
        typer.echo(f"{'cost':<18}{amount + ' ' + currency:>16}")
    for currency, amount in report.balance.items():
        typer.echo(f"{'balance':<18}{amount + ' ' + currency:>16}")
    typer.echo(f"{'credits used':<18}{report.credits.used:>16,}")
    typer.echo(f"{'credits left':<18}{report.credits.left:>16,}")
    typer.echo(f"{'running now':<18}{report.holds_open:>16,}")


async def _report(data: Path, config: Path | None, email: str, since: datetime | None) -> UsageReport:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.billing.usage_report import usage_report

    async with open_store(data, config) as database, database.read() as work:
        account = await find_account(work, email)
        return await usage_report(work, account.id, account.currency, since)
