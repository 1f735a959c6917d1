from __future__ import annotations

from datetime import UTC, datetime, time

import msgspec
import pytest

from tokenmill.billing.plans import Name, OffPeak, Plan
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Credits, Price, Prices
from tokenmill.catalog.file import read_catalogue
from tokenmill.catalog.prices import Override
from tokenmill.exchange.explanation import AccountFacts, Explanation, explain
from tokenmill.exchange.routing import routes
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano
from tokenmill.store.rows import RateLimits

NIGHT = datetime(2026, 11, 22, 17, tzinfo=UTC)  # 01:00 in Shanghai.
DAY = datetime(2026, 11, 22, 4, tzinfo=UTC)
ENGINES = frozenset({"openai", "embedded"})
FILE = """
[[targets]]
id = "far"
engine = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:FAR_KEY"
[[targets]]
id = "near"
engine = "openai"
base_url = "http://127.0.0.1:10/v1"
concurrency = 3
on_disconnect = "drain"
[[targets]]
id = "claude"
engine = "anthropic"
base_url = "http://127.0.0.1:11"
[[targets]]
id = "here"
engine = "embedded"
free = true

[[models]]
id = "m"
aliases = ["em"]
targets = [
  { target = "far", model = "M-far", priority = 1 },
  { target = "claude", model = "M-claude" },
  { target = "near", model = "M-light", weight = 1 },
  { target = "near", model = "M-heavy", weight = 5 },
  { target = "here", model = "small", priority = 2 },
]
price.USD = { input = 1, output = 10.5 }
credits = { input = 300, cached_input = 2.5, output = 600 }
limits = { rpm = 7, tpm = 1000 }
retires_at = "2026-11-22T12:00:00Z"
successor = "gratis"

[[models]]
id = "gratis"
targets = [{ target = "here", model = "small" }]
credits = "none"
"""
PLAN = Plan(
    id="lite",
    name=Name("Lite", "轻量"),
    credits=10**6,
    off_peak=(OffPeak(time(0), time(8), "Asia/Shanghai", 800),),
    models=("m",),
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    file = read_catalogue(FILE, "test")
    return Catalogue(file.targets, file.models)


def facts(**own: object) -> AccountFacts:
    known = AccountFacts(id=AccountId("acc_1"), email="dev@example.com", currency="USD")
    return msgspec.structs.replace(known, **own)


def test_the_targets_are_told_in_the_order_of_routing(catalogue: Catalogue) -> None:
    """The very one that requests take; two models of one target are two ways."""
    said = explain(catalogue, "em", ENGINES, DAY)
    assert ("m", "em") == (said.model, said.asked)
    told = [(way.place, way.target, way.upstream_model) for way in said.routes]
    assert told == [(1, "near", "M-heavy"), (2, "near", "M-light"), (3, "far", "M-far"), (4, "here", "small")]
    ways = routes(catalogue, catalogue.find("m"), ENGINES)
    assert [(way.target, way.upstream_model) for way in ways] == [each[1:] for each in told]
    near, _, far, here = said.routes
    assert (near.engine, near.priority, near.weight, near.concurrency) == ("openai", 0, 5, 3)
    assert (near.on_disconnect, near.free, here.free) == ("drain", False, True)
    assert "env:FAR_KEY" == far.key_from


@pytest.mark.parametrize(
    ("engines", "left_out"),
    [
        (ENGINES, {"claude": "the engine 'anthropic' does not run here"}),
        (frozenset({"openai", "anthropic"}), {"here": "the embedded engine is switched off"}),
        (ENGINES | {"anthropic"}, {}),
    ],
)
def test_a_target_that_is_left_out_comes_with_its_reason(
    catalogue: Catalogue, engines: frozenset[str], left_out: dict[str, str]
) -> None:
    said = explain(catalogue, "m", engines, DAY)
    assert list(left_out) == [other.target for other in said.left_out]
    assert all(other.reason.startswith(left_out[other.target]) for other in said.left_out)
    assert 5 == len(said.routes) + len(said.left_out)


def test_prices_are_told_as_they_are_charged(catalogue: Catalogue) -> None:
    """Kinds without a price of their own cost what input does, and no price is not for sale."""
    said = explain(catalogue, "m", ENGINES, DAY)
    assert said.price == {
        "USD": {
            "input": "1.00",
            "cached_input": "1.00",
            "written_input": "1.00",
            "output": "10.50",
            "web_search": None,
        },
        "CNY": None,
    }
    assert said.credits == {"input": "300.00", "cached_input": "2.50", "output": "600.00"}
    assert (said.limits, said.costs_nothing) == (RateLimits(rpm=7, tpm=1000), False)


@pytest.mark.parametrize(("at", "factor"), [(DAY, "1.00"), (NIGHT, "0.80")])
def test_the_factor_of_a_plan_is_that_of_the_hour(catalogue: Catalogue, at: datetime, factor: str) -> None:
    (plan,) = explain(catalogue, "m", ENGINES, at, [PLAN]).plans
    assert (plan.plan, plan.included, plan.factor) == ("lite", True, factor)


def test_a_model_without_credit_rates_is_in_no_plan(catalogue: Catalogue) -> None:
    said = explain(catalogue, "gratis", ENGINES, DAY, [PLAN])
    assert (False, None, True) == (said.plans[0].included, said.credits, said.costs_nothing)


def test_an_account_pays_its_own_price_where_it_has_one(catalogue: Catalogue) -> None:
    """In its own currency, and by its own limits; the rest is the model's."""
    price = Prices(usd=Price(input=Nano(5 * 10**8), output=Nano(10**9)), cny=Price(Nano(1), Nano(1)))
    own = Override(price=price)
    limits = RateLimits(rpm=9, concurrency=2)
    account = explain(
        catalogue, "m", ENGINES, NIGHT, [], facts(override=own, limits=limits, plan=PLAN)
    ).account
    assert account is not None
    assert account.override
    assert account.price is not None
    assert ("0.50", "1.00") == (account.price["input"], account.price["output"])
    assert account.credits == explain(catalogue, "m", ENGINES, NIGHT).credits
    assert account.limits == RateLimits(rpm=9, tpm=1000, concurrency=2)
    assert account.plan is not None
    assert (True, "0.80") == (account.plan.included, account.plan.factor)

    plain = explain(catalogue, "m", ENGINES, NIGHT, [], facts()).account
    assert plain is not None
    assert (False, None) == (plain.override, plain.plan)
    assert plain.price is not None
    assert "1.00" == plain.price["input"]


def test_credits_of_an_accounts_own_bring_a_model_into_its_plan(catalogue: Catalogue) -> None:
    everything = PLAN.__class__(id="all", name=PLAN.name, credits=1)
    own = facts(override=Override(credits=Credits()), plan=everything)
    account = explain(catalogue, "gratis", ENGINES, DAY, [], own).account
    assert account is not None
    assert account.plan is not None
    assert account.plan.included


def refused(said: Explanation) -> str:
    assert said.refused is not None
    return said.refused


def test_what_callers_are_refused_with_is_told(catalogue: Catalogue) -> None:
    assert explain(catalogue, "m", ENGINES, DAY).refused is None
    gone = explain(catalogue, "m", ENGINES, NIGHT)
    assert "was retired at 2026-11-22T12:00:00Z. Use its successor 'gratis'" in refused(gone)
    assert 4 == len(gone.routes)
    nowhere = explain(catalogue, "gratis", frozenset({"openai"}), DAY)
    assert "No server is set up" in refused(nowhere)
    assert ((), False) == (nowhere.routes, nowhere.costs_nothing)


def test_an_unknown_name_is_a_fault_with_near_ones(catalogue: Catalogue) -> None:
    with pytest.raises(Fault, match="gratis") as caught:
        explain(catalogue, "gratiss", ENGINES, DAY)
    assert caught.value.code is Code.UNKNOWN_MODEL
