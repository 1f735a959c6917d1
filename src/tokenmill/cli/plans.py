"""`tokenmill plans`: shows the Token Plans, and subscribes accounts to them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from tokenmill.billing.chain import SubscriptionView
    from tokenmill.billing.offers import Offer
    from tokenmill.billing.plans import Period

app = typer.Typer(no_args_is_help=True, help="Show Token Plans, and subscribe accounts to them.")


@app.command()
def subscribe(
    account: AccountEmail,
    plan: Annotated[str, typer.Option(metavar="PLAN", help="lite, standard, pro, max or one of your own.")],
    period: Annotated[Literal["month", "year"], typer.Option(help="How long it runs.")] = "month",
    seats: Annotated[int, typer.Option(min=1, help="For a team; a plan says how many it has at most.")] = 1,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Give an account a plan, without payment; its key is shown whole this once."""
    key, made = asyncio.run(_subscribe(data, config, account, plan, period, seats))
    ends_at = _moment(made.ends_at)
    if json:
        print_json({"key": key, "subscription": {"id": made.id, "plan": made.plan.id, "ends_at": ends_at}})
        return
    typer.echo(f"  plan   {made.plan.name.en}, until {ends_at}")
    typer.echo(f"  key    {key}")
    typer.echo("The key is shown this once.")


@app.command("list")
def list_(data: Data = DEFAULT_DATA, config: Config = None, json: AsJson = False) -> None:
    """List the plans that are or were offered."""
    offers = asyncio.run(_list(data, config))
    if json:
        print_json({"plans": [_written(offer) for offer in offers]})
        return
    rows = []
    for offer in offers:
        plan = offer.plan
        prices = [
            f"{amount} {currency}" for currency, each in _prices(offer).items() if (amount := each["month"])
        ]
        state = "offered" if offer.retired_at is None else "retired"
        rows.append((plan.id, plan.name.en, f"{_credits(offer):,}", ", ".join(prices), state))
    print_table(("ID", "NAME", "CREDITS A MONTH", "A MONTH", "STATE"), *rows)


@app.command()
def show(
    plan: Annotated[str, typer.Argument(metavar="PLAN")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show everything about a plan."""
    offer = asyncio.run(_show(data, config, plan))
    if json:
        print_json({"plan": _written(offer)})
        return
    for field, value in _written(offer).items():
        typer.echo(f"{field:<16}{value}")


@app.command()
def presets() -> None:
    """Print the plans of a fresh install."""
    from tokenmill.billing.presets import preset_text

    typer.echo(preset_text(), nl=False)


def _moment(moment: object) -> str:
    from datetime import datetime

    from tokenmill.kit.clock import rfc3339

    assert isinstance(moment, datetime)
    return rfc3339(moment)


def _credits(offer: Offer) -> int:
    from tokenmill.billing.plans import MILLI

    return offer.plan.credits // MILLI


def _prices(offer: Offer) -> dict[str, dict[str, str | None]]:
    from tokenmill.kit.money import show as amount

    prices = {"USD": offer.plan.usd, "CNY": offer.plan.cny}
    return {
        currency: {
            "month": None if price.month is None else amount(price.month),
            "year": None if price.year is None else amount(price.year),
        }
        for currency, price in prices.items()
    }


def _written(offer: Offer) -> dict[str, object]:
    plan = offer.plan
    return {
        "id": plan.id,
        "name": {"en": plan.name.en, "zh": plan.name.zh},
        "credits": _credits(offer),
        "price": _prices(offer),
        "rank": plan.rank,
        "most_seats": plan.most_seats,
        "first_purchase": plan.first_purchase,
        "models": plan.models,
        "web_search": plan.web_search,
        "windows": plan.windows,
        "off_peak": plan.off_peak,
        "retired_at": None if offer.retired_at is None else _moment(offer.retired_at),
    }


async def _subscribe(
    data: Path, config: Path | None, email: str, plan: str, period: Period, seats: int
) -> tuple[str, SubscriptionView]:
    from tokenmill.accounts.accounts import find_account
    from tokenmill.accounts.plan_keys import create_plan_key
    from tokenmill.billing.subscriptions import grant_subscription
    from tokenmill.kit.clock import SystemClock
    from tokenmill.settings import read_secret

    clock = SystemClock()
    async with open_store(data, config) as database:
        secret = read_secret(open_settings(data, config).security.secret, os.environ)
        async with database.write() as work:
            owner = await find_account(work, email)
            made = await grant_subscription(
                work, clock, account_id=owner.id, plan_id=plan, period=period, seats=seats
            )
            key, _ = await create_plan_key(work, clock, secret, account_id=owner.id, subscription_id=made.id)
            await note(work, "plan.grant", made.id, owner.id, plan=plan, period=period, seats=seats)
    return key, made


async def _list(data: Path, config: Path | None) -> list[Offer]:
    from tokenmill.billing.offers import list_offers

    async with open_store(data, config) as database, database.read() as work:
        return await list_offers(work)


async def _show(data: Path, config: Path | None, plan: str) -> Offer:
    from tokenmill.billing.offers import find_offer

    async with open_store(data, config) as database, database.read() as work:
        return await find_offer(work, plan)
