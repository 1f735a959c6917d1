"""`tokenmill accounts`: creates and lists accounts, and sets passwords."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_store, print_json, print_table

if TYPE_CHECKING:
    from tokenmill.accounts.accounts import AccountView

app = typer.Typer(no_args_is_help=True, help="Create and list accounts, set passwords.")

Email = Annotated[str, typer.Argument(metavar="EMAIL")]


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


@app.command()
def create(
    email: Email,
    currency: Annotated[str, typer.Option(help="USD or CNY; it can never be changed.")] = "USD",
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Make an account with a random password, which is shown once."""
    account, password = asyncio.run(_create(data, config, email, currency.upper()))
    _show(account, password, json)


@app.command("list")
def list_(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """List every account."""
    accounts = asyncio.run(_list(data, config))
    if json:
        print_json({"accounts": accounts})
        return
    print_table(
        ("E-MAIL", "ID", "ROLE", "CURRENCY", "CREATED"),
        *(
            (each.email, each.id, each.role, each.currency, f"{each.created_at:%Y-%m-%d}")
            for each in accounts
        ),
    )


@app.command()
def password(email: Email, data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """Replace the password by a new random one, which is shown once."""
    account, new = asyncio.run(_password(data, config, email))
    _show(account, new, json)


@app.command()
def plugins(
    email: Email,
    web_search: Annotated[Switch, typer.Option("--web-search", help="The account's web search.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Switch what an account may use; running servers follow within a second."""
    account = asyncio.run(_plugins(data, config, email, web_search is Switch.ON))
    if json:
        print_json({"account": {"id": account.id, "email": account.email}, "web_search": web_search.value})
    else:
        typer.echo(f"Web search is {web_search.value} for {account.email}.")


def _show(account: AccountView, password: str, json: bool) -> None:
    if json:
        print_json({"account": {"id": account.id, "email": account.email}, "password": password})
        return
    typer.echo(f"  account    {account.email} ({account.id}, {account.currency})")
    typer.echo(f"  password   {password}")
    typer.echo("The password is shown this once.")


async def _create(data: Path, config: Path | None, email: str, currency: str) -> tuple[AccountView, str]:
    from tokenmill.accounts.accounts import create_account
    from tokenmill.accounts.audit import CLI, record
    from tokenmill.accounts.passwords import hash_password
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.secrets import new_password

    new = new_password()
    async with open_store(data, config) as database:
        password_hash = await hash_password(new)
        async with database.write() as work:
            account = await create_account(
                work, SystemClock(), email=email, password_hash=password_hash, currency=currency, given=True
            )
            await record(work, SystemClock(), CLI, "account.create", account.id, account_id=account.id)
    return account, new


async def _list(data: Path, config: Path | None) -> list[AccountView]:
    from tokenmill.accounts.accounts import list_accounts

    async with open_store(data, config) as database, database.read() as work:
        return await list_accounts(work)


async def _password(data: Path, config: Path | None, email: str) -> tuple[AccountView, str]:
    from tokenmill.accounts.accounts import set_password
    from tokenmill.accounts.audit import CLI, record
    from tokenmill.accounts.passwords import hash_password
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.secrets import new_password

    new = new_password()
    async with open_store(data, config) as database:
        password_hash = await hash_password(new)
        async with database.write() as work:
            account = await set_password(work, SystemClock(), email, password_hash, given=True)
            await record(work, SystemClock(), CLI, "user.password", email, account_id=account.id)
    return account, new


async def _plugins(data: Path, config: Path | None, email: str, web_search: bool) -> AccountView:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.accounts.audit import CLI, record
    from tokenmill.accounts.preferences import switch_web_search
    from tokenmill.kit.clock import SystemClock

    async with open_store(data, config) as database, database.write() as work:
        account = await find_account(work, email)
        await switch_web_search(work, account.id, on=web_search)
        details = {"web_search": web_search}
        await record(
            work, SystemClock(), CLI, "account.plugins", account.id, account_id=account.id, details=details
        )
        return account
