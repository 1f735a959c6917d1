"""Says how a request for a model would be served now and what it would cost, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from tokenmill.billing.plans import Plan
from tokenmill.billing.pricing import PERMILLE
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Credits, Currency, Model, Price, Target, TargetRef
from tokenmill.catalog.prices import Override
from tokenmill.exchange.routing import routes
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano, show
from tokenmill.store.rows import RateLimits

Rates = dict[str, str | None]
"""Decimal strings: for a million tokens and for one search in money, for one token in credits."""


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """One way to serve the model; `place` 1 is tried first."""

    place: int
    target: str
    engine: str
    upstream_model: str
    priority: int
    weight: int
    free: bool
    concurrency: int
    on_disconnect: str
    key_from: str | None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A target that the model names and no request reaches."""

    target: str
    upstream_model: str
    reason: str


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """Does a Token Plan include the model, and by what are its credits multiplied at this time of the day?"""

    plan: str
    included: bool
    factor: str


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one account has of its own; `plan` is that of its running subscription, as it was bought."""

    id: AccountId
    email: str
    currency: Currency
    suspended: bool = False
    limits: RateLimits = RateLimits()
    override: Override = Override()
    plan: Plan | None = None


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """The same for one account; `override` says that it pays a price of its own."""

    id: AccountId
    email: str
    currency: Currency
    suspended: bool
    override: bool
    price: Rates | None
    credits: Rates | None
    plan: PlanView | None
    limits: RateLimits


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides on a request for the model.

    `refused` is what its caller is told instead of an answer, whatever the account.
    """

    model: str
    asked: str
    at: datetime
    retires_at: datetime | None
    successor: str | None
    refused: str | None
    routes: tuple[RouteView, ...]
    left_out: tuple[LeftOut, ...]
    costs_nothing: bool
    price: dict[str, Rates | None]
    credits: Rates | None
    plans: tuple[PlanView, ...]
    limits: RateLimits
    account: AccountView | None


def explain(
    catalogue: Catalogue,
    name: str,
    engines: frozenset[str],
    now: datetime,
    plans: Sequence[Plan] = (),
    account: AccountFacts | None = None,
) -> Explanation:
    """How `name` would be served; `engines` are those that run, `plans` those that are offered.

    Raises Fault(UNKNOWN_MODEL) for a name that nothing has, but not for a retired model.
    """
    model = catalogue.find(name)
    refused = _refusal(catalogue, name, model, engines, now)
    ways = () if _nowhere(catalogue, model, engines) else routes(catalogue, model, engines)
    pairs = {(target.id, ref.model): (target, ref) for target, ref in catalogue.targets_of(model)}
    taken = [pairs[way.target, way.upstream_model] for way in ways]
    return Explanation(
        model=model.id,
        asked=name,
        at=now,
        retires_at=model.retires_at,
        successor=model.successor,
        refused=refused,
        routes=tuple(_route(place, target, ref) for place, (target, ref) in enumerate(taken, 1)),
        left_out=tuple(_left_out(catalogue, model, engines)),
        costs_nothing=bool(ways) and all(way.free for way in ways),
        price={currency: _money(model.price.of(currency)) for currency in ("USD", "CNY")},
        credits=_credits(model.credits),
        plans=tuple(_plan(plan, model, model.credits, now) for plan in plans),
        limits=RateLimits(rpm=model.limits.rpm, tpm=model.limits.tpm),
        account=None if account is None else _account(account, model, now),
    )


def _nowhere(catalogue: Catalogue, model: Model, engines: frozenset[str]) -> bool:
    return not any(target.engine in engines for target, _ in catalogue.targets_of(model))


def _refusal(
    catalogue: Catalogue, name: str, model: Model, engines: frozenset[str], now: datetime
) -> str | None:
    try:
        catalogue.find(name, now)
        routes(catalogue, model, engines)
    except Fault as fault:
        if fault.code not in (Code.UNKNOWN_MODEL, Code.NO_TARGET):
            raise
        return fault.message
    return None


def _route(place: int, target: Target, ref: TargetRef) -> RouteView:
    return RouteView(
        place=place,
        target=target.id,
        engine=target.engine,
        upstream_model=ref.model,
        priority=ref.priority,
        weight=ref.weight,
        free=target.free,
        concurrency=target.concurrency,
        on_disconnect=target.on_disconnect,
        key_from=target.api_key,
    )


def _left_out(catalogue: Catalogue, model: Model, engines: frozenset[str]) -> Iterable[LeftOut]:
    known = {target.id: target for target in catalogue.targets()}
    for ref in model.targets:
        target = known.get(ref.target)
        if target is None:
            reason = "there is no target of this id"
        elif target.engine in engines:
            continue
        elif target.engine == "embedded":
            reason = "the embedded engine is switched off ([embedded] enabled, serve --no-embedded)"
        else:
            reason = f"the engine '{target.engine}' does not run here"
        yield LeftOut(target=ref.target, upstream_model=ref.model, reason=reason)


def _account(facts: AccountFacts, model: Model, now: datetime) -> AccountView:
    """By the same rule as requests: an override wins in what it states."""
    own = facts.override
    price = None if own.price is None else own.price.of(facts.currency)
    credits = own.credits or model.credits
    limits = facts.limits
    return AccountView(
        id=facts.id,
        email=facts.email,
        currency=facts.currency,
        suspended=facts.suspended,
        override=price is not None or own.credits is not None,
        price=_money(price or model.price.of(facts.currency)),
        credits=_credits(credits),
        plan=None if facts.plan is None else _plan(facts.plan, model, credits, now),
        limits=RateLimits(
            rpm=limits.rpm or model.limits.rpm,
            tpm=limits.tpm or model.limits.tpm,
            concurrency=limits.concurrency,
        ),
    )


def _plan(plan: Plan, model: Model, credits: Credits | None, now: datetime) -> PlanView:
    included = credits is not None and (plan.models is None or model.id in plan.models)
    return PlanView(plan=plan.id, included=included, factor=show(Nano(plan.permille(now) * NANO // PERMILLE)))


def _money(price: Price | None) -> Rates | None:
    """Kinds without a price of their own cost what fresh input does; searches without one are not sold."""
    if price is None:
        return None
    return {
        "input": show(price.input),
        "cached_input": show(price.input if price.cached_input is None else price.cached_input),
        "written_input": show(price.input if price.written_input is None else price.written_input),
        "output": show(price.output),
        "web_search": None if price.web_search is None else show(price.web_search),
    }


def _credits(credits: Credits | None) -> Rates | None:
    if credits is None:
        return None
    return {
        "input": show(credits.input),
        "cached_input": show(credits.cached_input),
        "output": show(credits.output),
    }
