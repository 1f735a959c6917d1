"""`tokenmill wallet`: gives accounts money, and takes it back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenmill.cli.acts import note as note_act
from tokenmill.cli.options import (
    DEFAULT_DATA,
    AccountEmail,
    AsJson,
    Config,
    Data,
    open_store,
    parse_amount,
    print_json,
)

if TYPE_CHECKING:
    from tokenmill.kit.money import Nano

app = typer.Typer(no_args_is_help=True, help="Give accounts money, and take it back.")

Amount = Annotated[int, typer.Option(parser=parse_amount, metavar="AMOUNT", help="Like 25.00; exact.")]
Currency = Annotated[str, typer.Option(help="USD or CNY; the account's own.")]
Note = Annotated[str, typer.Option(help="Why; the account's statement shows it.")]


@app.command()
def grant(
    account: AccountEmail,
    amount: Amount,
    currency: Currency = "USD",
    note: Note = "",
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Put money into an account's wallet."""
    _moved(data, config, account, amount, currency.upper(), note, json)


@app.command("take-back")
def take_back(
    account: AccountEmail,
    amount: Amount,
    currency: Currency = "USD",
    note: Note = "",
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Take money out of an account's wallet; what running requests have set aside stays."""
    _moved(data, config, account, -amount, currency.upper(), note, json)


def _moved(
    data: Path, config: Path | None, account: str, amount: int, currency: str, note: str, json: bool
) -> None:
    from tokenmill.kit.money import show

    balance = show(asyncio.run(_move(data, config, account, amount, currency, note)))
    if json:
        print_json({"balance": {currency: balance}})
    else:
        typer.echo(f"The balance of {account} is {balance} {currency}.")


async def _move(data: Path, config: Path | None, email: str, amount: int, currency: str, note: str) -> Nano:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.billing.wallet import grant as give
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.money import Nano

    async with open_store(data, config) as database, database.write() as work:
        owner = await find_account(work, email)
        balance = await give(
            work,
            SystemClock(),
            account_id=owner.id,
            amount=Nano(amount),
            currency=currency,
            note=note,
            by="cli",
        )
        act = "wallet.grant"
        await note_act(work, act, owner.id, owner.id, amount=amount, currency=currency, note=note)
        return balance
