"""`tokenmill keys`: makes an account's keys, lists them and ends them."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tokenmill.cli.acts import note
from tokenmill.cli.options import (
    DEFAULT_DATA,
    AccountEmail,
    AsJson,
    Config,
    Data,
    open_settings,
    open_store,
    parse_amount,
    parse_moment,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tokenmill.accounts.keys import KeyView
    from tokenmill.kit.ids import AccountId
    from tokenmill.store.database import UnitOfWork

app = typer.Typer(no_args_is_help=True, help="Make, list, disable, enable and delete keys.")

KeyIdArgument = Annotated[str, typer.Argument(metavar="ID", help="The key's id (key_…), not the key.")]
Owner = Annotated[str | None, typer.Option("--account", metavar="EMAIL", help="Only this account's keys.")]


@app.command()
def create(
    account: AccountEmail,
    name: Annotated[str, typer.Option(help="What lists call the key.")],
    expires_at: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="TIME", help="When it ends, like 2027-01-31T00:00:00Z."),
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="ID", help="Only this model; may be repeated.")
    ] = None,
    cap: Annotated[
        int | None,
        typer.Option(parser=parse_amount, metavar="AMOUNT", help="What it may spend in all, like 25.00."),
    ] = None,
    addresses: Annotated[
        list[str] | None,
        typer.Option("--address", metavar="NET", help="Only from there, like 10.0.0.0/8; may be repeated."),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens a minute.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at once.")] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Make a key; it is shown whole this once."""
    limits = (rpm, tpm, concurrency)
    asked = _Asked(name, expires_at, models or None, cap, addresses or None, limits)
    whole, key = asyncio.run(_create(data, config, account, asked))
    if json:
        print_json({"key": whole, "id": key.id})
        return
    typer.echo(f"  key   {whole}")
    typer.echo(f"  id    {key.id}")
    typer.echo("The key is shown this once.")


@app.command("list")
def list_(
    account: Owner = None, data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False
) -> None:
    """List the keys that are not deleted."""
    keys, emails = asyncio.run(_list(data, config, account))
    if json:
        print_json({"keys": keys})
        return
    print_table(
        ("ID", "KEY", "NAME", "ACCOUNT", "STATE"),
        *((key.id, key.shown, key.name, emails[key.account_id], _state(key)) for key in keys),
    )


@app.command()
def reset(
    account: AccountEmail,
    plan: Annotated[bool, typer.Option("--plan", help="The key of the account's Token Plan.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Replace the key of an account's Token Plan; the old one stops within a second, for ever."""
    if not plan:
        raise typer.BadParameter("say --plan; of other keys, make a new one and delete the old.")
    whole, key = asyncio.run(_reset(data, config, account))
    if json:
        print_json({"key": whole, "id": key.id})
        return
    typer.echo(f"  key   {whole}")
    typer.echo("The key is shown this once.")


@app.command()
def disable(
    key_id: KeyIdArgument, data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False
) -> None:
    """Stop a key; running servers refuse it within a second, and only an operator can enable it."""
    key = asyncio.run(_disable(data, config, key_id))
    if json:
        print_json({"id": key.id, "disabled_at": key.disabled_at})
    else:
        typer.echo(f"{key.name} ({key.shown}) is disabled.")


@app.command()
def enable(
    key_id: KeyIdArgument, data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False
) -> None:
    """Let a key that was stopped work again."""
    key = asyncio.run(_enable(data, config, key_id))
    if json:
        print_json({"id": key.id, "disabled_at": key.disabled_at})
    else:
        typer.echo(f"{key.name} ({key.shown}) is enabled.")


@app.command()
def delete(
    key_id: KeyIdArgument, data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False
) -> None:
    """Stop a key for ever; usage made with it keeps its name."""
    key = asyncio.run(_delete(data, config, key_id))
    if json:
        print_json({"id": key.id, "deleted_at": key.deleted_at})
    else:
        typer.echo(f"{key.name} ({key.shown}) is deleted.")


def _state(key: KeyView) -> str:
    if key.disabled_at is not None:
        return "disabled"
    if key.expires_at is not None:
        return f"until {key.expires_at:%Y-%m-%d %H:%M} UTC"
    return "active"


class _Asked(NamedTuple):
    """What a new key is to be like; `limits` are requests a minute, tokens a minute, requests at once."""

    name: str
    expires_at: datetime | None
    models: list[str] | None
    cap: int | None
    addresses: list[str] | None
    limits: tuple[int | None, int | None, int | None]


async def _create(data: Path, config: Path | None, email: str, asked: _Asked) -> tuple[str, KeyView]:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.accounts.audit import CLI, record
    from tokenmill.accounts.keys import create_key
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.money import Nano
    from tokenmill.settings import read_secret
    from tokenmill.store.rows import RateLimits

    async with open_store(data, config) as database:
        secret = read_secret(open_settings(data, config).security.secret, os.environ)
        async with database.write() as work:
            owner = await find_account(work, email)
            models = await _ids(work, asked.models)
            whole, key = await create_key(
                work,
                SystemClock(),
                secret,
                account_id=owner.id,
                name=asked.name,
                expires_at=asked.expires_at,
                models=models,
                cap=None if asked.cap is None else Nano(asked.cap),
                addresses=asked.addresses,
                limits=RateLimits(*asked.limits),
            )
            details = {"name": key.name, "key": key.shown}
            await record(work, SystemClock(), CLI, "key.create", key.id, account_id=owner.id, details=details)
            return whole, key


async def _ids(work: UnitOfWork, names: list[str] | None) -> list[str] | None:
    """The models that the catalogue has by these names."""
    from tokenmill.catalog.repository import load
    from tokenmill.kit.clock import SystemClock

    if names is None:
        return None
    catalogue, now = await load(work), SystemClock().now()
    return [catalogue.id_of(name, now) for name in names]


async def _reset(data: Path, config: Path | None, email: str) -> tuple[str, KeyView]:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.accounts.plan_keys import reset_plan_key
    from tokenmill.kit.clock import SystemClock
    from tokenmill.settings import read_secret

    async with open_store(data, config) as database:
        secret = read_secret(open_settings(data, config).security.secret, os.environ)
        async with database.write() as work:
            owner = await find_account(work, email)
            whole, key = await reset_plan_key(work, SystemClock(), secret, owner.id, by_operator=True)
            plan_id, shown = key.subscription_id, key.shown
            await note(work, "plan.key_reset", key.id, owner.id, subscription=plan_id, key=shown)
            return whole, key


async def _list(
    data: Path, config: Path | None, email: str | None
) -> tuple[list[KeyView], dict[AccountId, str]]:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.accounts.keys import account_emails, list_keys

    async with open_store(data, config) as database, database.read() as work:
        owner = None if email is None else (await find_account(work, email)).id
        return await list_keys(work, owner), await account_emails(work)


async def _disable(data: Path, config: Path | None, key_id: str) -> KeyView:
    from tokenmill.accounts.keys import disable_key
    from tokenmill.kit.clock import SystemClock

    async with open_store(data, config) as database, database.write() as work:
        key = await disable_key(work, SystemClock(), key_id, by_operator=True)
        await note(work, "key.disable", key.id, key.account_id)
        return key


async def _enable(data: Path, config: Path | None, key_id: str) -> KeyView:
    from tokenmill.accounts.keys import enable_key

    async with open_store(data, config) as database, database.write() as work:
        key = await enable_key(work, key_id, by_operator=True)
        await note(work, "key.enable", key.id, key.account_id)
        return key


async def _delete(data: Path, config: Path | None, key_id: str) -> KeyView:
    from tokenmill.accounts.keys import delete_key
    from tokenmill.kit.clock import SystemClock

    async with open_store(data, config) as database, database.write() as work:
        key = await delete_key(work, SystemClock(), key_id)
        await note(work, "key.delete", key.id, key.account_id, name=key.name)
        return key
