"""Works out what a change of prices means: whom it concerns, and what one request would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import func, select

from tokenmill.admin.shapes import Shown, show_credits
from tokenmill.billing.pricing import Tariff, Unit
from tokenmill.catalog.entries import Credits, Model, Price
from tokenmill.conversation.usage import Usage as Tokens
from tokenmill.kit import money
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import PriceOverride, Rollup
from tokenmill.store.tables import Usage

_DAYS: Final = 30
_USUAL: Final = Tokens(input_cached=50_000, input_fresh=1_000, output=800)
"""A request of a coding agent in the middle of its work, where the model has none of its own to show."""


class ExampleShown(Shown):
    """What the example costs in one unit; null: not sold in it. Credits are without off-peak hours."""

    unit: Unit
    before: str | None
    after: str | None


class PriceEffect(Shown):
    """`accounts` have used the model within 30 days, `own_prices` have a price of their own, which stays.

    The example has `input_cached`, `input_fresh` and `output` tokens: those of the model's mean request of
    the last 30 days, where `measured`.
    """

    accounts: int
    own_prices: int
    measured: bool
    input_cached: int
    input_fresh: int
    output: int
    examples: list[ExampleShown]


async def price_effects(
    work: ReadWork, now: datetime, changes: Sequence[tuple[Model, Model]]
) -> Mapping[str, PriceEffect]:
    """By the model's id, for each pair of what it was and what it would be."""
    return {after.id: await _effect(work, now, before, after) for before, after in changes}


async def _effect(work: ReadWork, now: datetime, before: Model, after: Model) -> PriceEffect:
    since = (now - timedelta(days=_DAYS)).date().isoformat()
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    old = select(Rollup.account_id).where(Rollup.model == after.id, Rollup.day >= since).distinct()
    new = select(Usage.account_id).where(Usage.model == after.id, Usage.started_at >= today).distinct()
    accounts = {*await work.session.scalars(old), *await work.session.scalars(new)}
    own = await work.session.scalar(
        select(func.count()).select_from(PriceOverride).where(PriceOverride.model == after.id)
    )
    measured = await _mean(work, after.id, since)
    tokens = measured or _USUAL
    return PriceEffect(
        accounts=len(accounts),
        own_prices=own or 0,
        measured=measured is not None,
        input_cached=tokens.input_cached,
        input_fresh=tokens.input_fresh,
        output=tokens.output,
        examples=_examples(before, after, tokens),
    )


async def _mean(work: ReadWork, model: str, since: str) -> Tokens | None:
    columns = (Rollup.requests, Rollup.input_cached, Rollup.input_fresh, Rollup.input_written, Rollup.output)
    sums = select(*(func.coalesce(func.sum(each), 0) for each in columns))
    found = await work.session.execute(sums.where(Rollup.model == model, Rollup.day >= since))
    requests, cached, fresh, written, output = (int(each) for each in found.one())
    if requests == 0 or cached + fresh + written + output == 0:
        return None
    # What is written to a cache is fresh to whoever pays for it, where the price says nothing else.
    return Tokens(
        input_cached=cached // requests, input_fresh=(fresh + written) // requests, output=output // requests
    )


def _examples(before: Model, after: Model, tokens: Tokens) -> list[ExampleShown]:
    pairs: list[tuple[Unit, Price | Credits | None, Price | Credits | None]] = [
        ("USD", before.price.usd, after.price.usd),
        ("CNY", before.price.cny, after.price.cny),
        ("credits", before.credits, after.credits),
    ]
    return [
        ExampleShown(unit=unit, before=_cost(unit, old, tokens), after=_cost(unit, new, tokens))
        for unit, old, new in pairs
        if old is not None or new is not None
    ]


def _cost(unit: Unit, rates: Price | Credits | None, tokens: Tokens) -> str | None:
    if rates is None:
        return None
    cached = rates.input if rates.cached_input is None else rates.cached_input
    cost = Tariff(unit=unit, input=rates.input, cached=cached, written=rates.input, output=rates.output).cost(
        tokens
    )
    return show_credits(cost) if unit == "credits" else money.show(cost)
