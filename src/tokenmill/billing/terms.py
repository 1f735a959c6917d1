"""Finds out on which terms a caller may use a model: from which purses, at which tariff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from tokenmill.billing.plans import Plan
from tokenmill.billing.pricing import Tariff, Unit
from tokenmill.billing.windows import window_purse
from tokenmill.conversation.parts import Value
from tokenmill.kit.clock import rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.kit.versions import version_of
from tokenmill.store.rows import PurseAsked

_LAST_SECOND = timedelta(seconds=1)  # `ends_at` names the last second that is covered, 23:59:59.
RENEWING = timedelta(minutes=5)
"""For how long a subscription that renews goes on while nobody has come to renew it: longer than a lease."""


class MoneyRates(Protocol):
    """Nano-units per million tokens, as a catalogue entry or an override states them."""

    @property
    def input(self) -> int: ...
    @property
    def output(self) -> int: ...
    @property
    def cached_input(self) -> int | None: ...
    @property
    def written_input(self) -> int | None: ...
    @property
    def web_search(self) -> int | None: ...


class CreditRates(Protocol):
    """Milli-credits per million tokens."""

    @property
    def input(self) -> int: ...
    @property
    def output(self) -> int: ...
    @property
    def cached_input(self) -> int: ...


class Subscribed(Value, frozen=True, kw_only=True):
    """A subscription as admission sees it; `plan` is as it was bought."""

    id: str
    account_id: AccountId
    plan: Plan
    starts_at: datetime
    ends_at: datetime
    active: bool
    renews: bool = False


class Terms(Value, frozen=True, kw_only=True):
    """Who pays how much: the tariff, the purses that a hold draws on, and where the money goes.

    No purses: the exchange costs nothing.
    """

    tariff: Tariff
    purses: tuple[PurseAsked, ...] = ()
    charged: str = ""
    unpaid: str = ""
    subscription_id: str = ""
    renews_at: tuple[datetime, ...] = ()  # Beside each purse: when it is full again.

    @property
    def unit(self) -> Unit:
        """In what the costs are."""
        return self.tariff.unit


def free_terms(unit: Unit) -> Terms:
    """The terms of what costs nothing."""
    return Terms(tariff=Tariff(unit=unit, input=0, cached=0, written=0, output=0))


def wallet_terms(
    model: str, rates: MoneyRates | None, currency: Unit, account: AccountId, key: KeyId, *, capped: bool
) -> Terms:
    """Pay as you go. Raises Fault(MODEL_NOT_SOLD) for a model without a price in the account's currency."""
    if rates is None:
        raise Fault(
            Code.MODEL_NOT_SOLD,
            f"The model '{model}' is not for sale in {currency}, the currency of this account. "
            "GET /v1/models lists what is.",
            field="model",
        )
    tariff = Tariff(
        unit=currency,
        input=rates.input,
        cached=rates.input if rates.cached_input is None else rates.cached_input,
        written=rates.input if rates.written_input is None else rates.written_input,
        output=rates.output,
        search=rates.web_search,
        version=version_of(rates),
    )
    purses = [PurseAsked(id=f"wallet/{account}")]
    if capped:
        purses.append(PurseAsked(id=f"cap/{key}"))
    return Terms(tariff=tariff, purses=tuple(purses), charged="platform/revenue", unpaid="platform/shortfall")


def plan_terms(model: str, rates: CreditRates | None, subscribed: Subscribed, now: datetime) -> Terms:
    """Token Plan. Raises Fault(KEY_ENDED) when the subscription is over, MODEL_NOT_SOLD outside the plan."""
    plan = subscribed.plan
    over = subscribed.ends_at + _LAST_SECOND + (RENEWING if subscribed.renews else timedelta())
    if not subscribed.active or not subscribed.starts_at <= now < over:
        raise Fault(
            Code.KEY_ENDED,
            f"The Token Plan subscription of this key ended at {rfc3339(subscribed.ends_at)}. "
            "Renew it in the console, or use a pay-as-you-go key (sk-…) at the Base URLs /v1 and /anthropic.",
        )
    if rates is None or (plan.models is not None and model not in plan.models):
        raise Fault(
            Code.MODEL_NOT_SOLD,
            f"The Token Plan {plan.name.en} does not include the model '{model}'. "
            "Choose another model, or use a pay-as-you-go key.",
            field="model",
        )
    tariff = Tariff(
        unit="credits",
        input=rates.input,
        cached=rates.cached_input,
        written=rates.input,
        output=rates.output,
        search=0 if plan.web_search else None,
        permille=plan.permille(now),
        version=version_of(rates),
    )
    purses = [PurseAsked(id=f"credits/{subscribed.id}")]
    renews = [subscribed.ends_at]
    for window in plan.windows:
        ends = window.ends_at(subscribed.starts_at, now)
        purses.append(
            PurseAsked(
                id=window_purse(subscribed.id, window.name, window.number(subscribed.starts_at, now)),
                opens_with=window.credits,
                expires_at=ends,
            )
        )
        renews.append(ends)
    return Terms(
        tariff=tariff,
        purses=tuple(purses),
        charged=f"used/{subscribed.id}",
        unpaid=f"shortfall/{subscribed.id}",
        subscription_id=subscribed.id,
        renews_at=tuple(renews),
    )
