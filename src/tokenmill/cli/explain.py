"""`tokenmill explain`: shows how a request for a model would be served, and what it would cost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, open_store, print_json

if TYPE_CHECKING:
    from tokenmill.exchange.explanation import AccountFacts, Explanation, PlanView, Rates
    from tokenmill.store.database import ReadWork
    from tokenmill.store.rows import RateLimits


def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's id, or one of its aliases.")],
    account: Annotated[
        str | None, typer.Option("--account", metavar="EMAIL", help="What it is for this account.")
    ] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Say how a request for MODEL would be served now, and what it would cost; nothing is sent."""
    explained = asyncio.run(_explain(data, config, model, account))
    if json:
        print_json(explained)
        return
    for line in _lines(explained):
        typer.echo(line)


async def _explain(data: Path, config: Path | None, model: str, email: str | None) -> Explanation:
    from tokenmill.billing.offers import list_offers
    from tokenmill.catalog.repository import load
    from tokenmill.exchange.explanation import explain as explanation
    from tokenmill.kit.clock import SystemClock

    engines = {"openai", "anthropic"}
    if open_settings(data, config).embedded.enabled:
        engines.add("embedded")
    async with open_store(data, config) as database, database.read() as work:
        catalogue = await load(work)
        plans = [offer.plan for offer in await list_offers(work, retired=False)]
        facts = None if email is None else await _facts(work, email, catalogue.find(model).id)
        return explanation(catalogue, model, frozenset(engines), SystemClock().now(), plans, facts)


async def _facts(work: ReadWork, email: str, model: str) -> AccountFacts:
    from tokenmill.accounts.accounts import find_account, get_account, limits_of
    from tokenmill.billing.chain import active_row
    from tokenmill.billing.plans import decode_plan
    from tokenmill.catalog.prices import Override, list_overrides
    from tokenmill.exchange.explanation import AccountFacts

    found = await find_account(work, email)
    row = await get_account(work, found.id)
    own = [each.override for each in await list_overrides(work, found.id) if each.model == model]
    subscription = await active_row(work, found.id)
    return AccountFacts(
        id=found.id,
        email=found.email,
        currency="USD" if row.currency == "USD" else "CNY",
        suspended=row.disabled_at is not None,
        limits=limits_of(row.limits),
        override=own[0] if own else Override(),
        plan=None if subscription is None else decode_plan(subscription.spec),
    )


def _lines(said: Explanation) -> Iterator[str]:
    from tokenmill.kit.clock import rfc3339

    yield said.model if said.asked == said.model else f"{said.model}, asked for as {said.asked}"
    if said.refused is not None:
        yield f"  Requests are refused: {said.refused}"
    if said.retires_at is not None:
        successor = "" if said.successor is None else f", succeeded by {said.successor}"
        yield f"  retires at {rfc3339(said.retires_at)}{successor}"
    yield "Tried in this order:" if said.routes else "No target serves it."
    for way in said.routes:
        marks = [f"priority {way.priority}", f"weight {way.weight}", "free" if way.free else "paid"]
        marks += [f"at most {way.concurrency} at once"] if way.concurrency else []
        marks += [f"key from {way.key_from}"] if way.key_from is not None else []
        yield f"  {way.place}. {way.target} ({way.engine}): {way.upstream_model}; {', '.join(marks)}"
    for other in said.left_out:
        yield f"  -  {other.target}: {other.upstream_model}; left out: {other.reason}"
    yield "Price for a million tokens:" + (" nothing, all targets are free" if said.costs_nothing else "")
    for currency, price in said.price.items():
        yield f"  {currency}  {_rates(price)}"
    yield f"  credits a token  {_rates(said.credits)}"
    for plan in said.plans:
        yield f"  Token Plan {_plan(plan)}"
    yield f"Limits: {_limits(said.limits)}"
    if (account := said.account) is not None:
        suspended = ", which is suspended" if account.suspended else ""
        yield f"For {account.email}{suspended}:"
        own = "a price of its own" if account.override else "the usual price"
        yield f"  {account.currency}  {_rates(account.price)} ({own})"
        yield f"  credits a token  {_rates(account.credits)}"
        yield "  no Token Plan" if account.plan is None else f"  Token Plan {_plan(account.plan)}"
        yield f"  limits: {_limits(account.limits)}"


def _plan(plan: PlanView) -> str:
    if not plan.included:
        return f"{plan.plan}: not included"
    return f"{plan.plan}: included; credits × {plan.factor} at this time of the day"


def _rates(rates: Rates | None) -> str:
    if rates is None:
        return "not for sale"
    said = (f"{kind.replace('_', ' ')} {rate}" for kind, rate in rates.items() if rate is not None)
    return ", ".join(said)


def _limits(limits: RateLimits) -> str:
    at_once = "" if limits.concurrency is None else f", {limits.concurrency} requests at once"
    return f"{limits.rpm:,} requests and {limits.tpm:,} tokens a minute{at_once}"
