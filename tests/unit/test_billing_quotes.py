"""What plans cost: the published prices, and the rule of the upgrade."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.billing.plans import MILLI, Name, Period, Plan, PlanPrice, decode_plan, encode_plan
from tokenmill.billing.presets import preset_plans
from tokenmill.billing.quotes import Holding, Order, quote_purchase, quote_upgrade
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import NANO, Nano, parse

NOW = datetime(2026, 3, 28, 9, tzinfo=UTC)
PRESETS = {plan.id: plan for plan in preset_plans()}


def order(plan: str | Plan, period: Period = "month", seats: int = 1, currency: str = "USD") -> Order:
    chosen = PRESETS[plan] if isinstance(plan, str) else plan
    return Order(plan=chosen, period=period, seats=seats, currency=currency)


def holding(plan: str, worth: str, remaining: float = 1.0, **more: Any) -> Holding:
    total = PRESETS[plan].credits_for(more.get("period", "month"), more.get("seats", 1))
    return Holding(
        **{
            "plan": PRESETS[plan],
            "period": "month",
            "seats": 1,
            "worth": parse(worth),
            "remaining": int(total * remaining),
            "total": total,
            **more,
        }
    )


@pytest.mark.parametrize(
    ("plan", "period", "currency", "price", "billions"),
    [
        ("lite", "month", "USD", "6", "4.1"),
        ("lite", "month", "CNY", "39", "4.1"),
        ("lite", "year", "USD", "63.36", "49.2"),
        ("lite", "year", "CNY", "411.84", "49.2"),
        ("standard", "month", "USD", "16", "11"),
        ("standard", "month", "CNY", "99", "11"),
        ("standard", "year", "USD", "168.96", "132"),
        ("standard", "year", "CNY", "1045.44", "132"),
        ("pro", "month", "USD", "50", "38"),
        ("pro", "month", "CNY", "329", "38"),
        ("pro", "year", "USD", "528", "456"),
        ("pro", "year", "CNY", "3474.24", "456"),
        ("max", "month", "USD", "100", "82"),
        ("max", "month", "CNY", "659", "82"),
        ("max", "year", "USD", "1056", "984"),
        ("max", "year", "CNY", "6959.04", "984"),
    ],
)
def test_the_presets_have_the_published_figures(
    plan: str, period: Period, currency: str, price: str, billions: str
) -> None:
    quoted = quote_purchase(order(plan, period, currency=currency), NOW, first=False)
    assert (quoted.price, quoted.due, quoted.discount) == (parse(price), parse(price), 0)
    assert Fraction(quoted.credits, MILLI) == Fraction(billions) * 10**9


def test_the_presets_survive_being_kept_and_go_up_in_rank() -> None:
    assert [decode_plan(encode_plan(plan)) for plan in PRESETS.values()] == list(PRESETS.values())
    assert list(PRESETS) == ["lite", "standard", "pro", "max"]
    ranks = [plan.rank for plan in PRESETS.values()]
    assert ranks == sorted(set(ranks))


def test_the_off_peak_hours_are_the_last_eight_of_the_day_in_utc() -> None:
    at = [PRESETS["pro"].permille(datetime(2026, 3, 1, hour, 59, 59, tzinfo=UTC)) for hour in range(24)]
    assert at == [1000] * 16 + [800] * 8


def test_seats_multiply_price_and_credits_where_a_plan_has_them() -> None:
    quoted = quote_purchase(order("pro", seats=5), NOW, first=False)
    assert (quoted.due, quoted.credits) == (250 * NANO, 5 * PRESETS["pro"].credits)
    for plan, seats in (("lite", 2), ("pro", 0), ("pro", 1001)):
        with pytest.raises(Fault, match="seats") as caught:
            quote_purchase(order(plan, seats=seats), NOW, first=False)
        assert caught.value.code is Code.BAD_VALUE


def test_the_first_month_bought_is_cheaper_and_a_year_is_not_twice() -> None:
    first = quote_purchase(order("standard"), NOW, first=True)
    assert (first.due, first.discount) == (parse("14.08"), parse("1.92"))
    assert "first_purchase_discount" in first.rules
    year = quote_purchase(order("standard", "year"), NOW, first=True)
    assert (year.due, year.discount) == (parse("168.96"), 0)


def test_a_quote_shows_when_it_would_end() -> None:
    assert quote_purchase(order("lite"), NOW, first=False).ends_at == datetime(
        2026, 4, 28, 23, 59, 59, tzinfo=UTC
    )


def test_what_is_not_sold_in_a_currency_cannot_be_quoted() -> None:
    plan = Plan(id="x", name=Name("X", "X"), credits=1, usd=PlanPrice(month=Nano(1)))
    for wrong in (order(plan, "year"), order(plan, currency="CNY")):
        with pytest.raises(Fault, match="not sold") as caught:
            quote_purchase(wrong, NOW, first=False)
        assert caught.value.code is Code.CONFLICT


@pytest.mark.parametrize(
    ("held", "target", "due"),
    [
        # new price - (remaining / total) x old price
        (holding("lite", "6"), order("standard"), "10"),
        (holding("lite", "6", 0.5), order("standard"), "13"),
        (holding("lite", "6", 0.0), order("standard"), "16"),
        (holding("standard", "16", 0.25), order("max"), "96"),
        # Only what was paid counts: a first month at 12 % less, and a gift.
        (holding("lite", "5.28"), order("standard"), "10.72"),
        (holding("lite", "0"), order("standard"), "16"),
    ],
)
def test_an_upgrade_costs_the_difference(held: Holding, target: Order, due: str) -> None:
    quoted = quote_upgrade(target, held, NOW)
    assert (quoted.due, quoted.compensation) == (parse(due), 0)
    assert quoted.worth == quoted.price


def test_value_that_is_over_becomes_credits_at_the_new_plans_rate() -> None:
    """Lite for a year, half used, is worth 31.68; Standard for a month costs 16, so 15.68 are over."""
    year = holding("lite", "63.36", 0.5, period="year")
    quoted = quote_upgrade(order("standard"), year, NOW)
    assert (quoted.due, quoted.carried) == (0, parse("31.68"))
    assert quoted.compensation == 11_000_000_000_000 * 98 // 100
    assert quoted.credits == 11_000_000_000_000 + quoted.compensation
    assert quoted.worth == parse("31.68")


@pytest.mark.parametrize(
    "target",
    [order("lite"), order("standard"), order("standard", seats=1, period="month")],
)
def test_what_is_no_upgrade_is_refused(target: Order) -> None:
    with pytest.raises(Fault, match="no upgrade") as caught:
        quote_upgrade(target, holding("standard", "16"), NOW)
    assert caught.value.code is Code.CONFLICT


@pytest.mark.parametrize(
    "target",
    [order("pro"), order("standard", "year"), order("standard", seats=2), order("standard", "year", seats=3)],
)
def test_what_is_more_is_an_upgrade(target: Order) -> None:
    assert quote_upgrade(target, holding("standard", "16"), NOW).kind == "upgrade"


def test_fewer_seats_or_a_shorter_period_of_the_same_plan_are_no_upgrade() -> None:
    wide = holding("standard", "48", seats=3)
    long = holding("standard", "168.96", period="year")
    for held, target in (
        (wide, order("standard", "year", seats=2)),
        (long, order("standard", "month", seats=2)),
        (long, order("standard", "month")),
    ):
        with pytest.raises(Fault, match="no upgrade"):
            quote_upgrade(target, held, NOW)


amounts = st.integers(0, 10**15).map(Nano)


@given(
    new_price=st.integers(1, 10**15).map(Nano),
    worth=amounts,
    new_credits=st.integers(1, 10**14),
    total=st.integers(1, 10**15),
    used=st.integers(0, 10**15),
)
def test_an_upgrade_is_exact_to_half_a_unit(
    new_price: Nano, worth: Nano, new_credits: int, total: int, used: int
) -> None:
    """Against the formula in fractions: nothing is lost on the way, and nothing is won."""
    small = Plan(id="s", name=Name("S", "S"), credits=1, rank=1)
    large = Plan(id="l", name=Name("L", "L"), credits=new_credits, usd=PlanPrice(month=new_price), rank=2)
    remaining = max(0, total - used)
    held = Holding(plan=small, period="month", seats=1, worth=worth, remaining=remaining, total=total)
    rest = Fraction(remaining, total) * int(worth)
    price = Fraction(new_price)
    try:
        quoted = quote_upgrade(order(large), held, NOW)
    except Fault:
        assert new_credits * rest / price > 2**61
        return
    assert abs(quoted.due - max(Fraction(0), price - rest)) <= Fraction(1, 2)
    exact = max(Fraction(0), (rest - price) / price * new_credits)
    assert abs(quoted.compensation - exact) <= Fraction(1, 2)
    assert quoted.credits == new_credits + quoted.compensation
    assert quoted.due == 0 or quoted.compensation == 0 or rest - price < 1
