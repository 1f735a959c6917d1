"""Reads the Token Plans that ship."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec

from tokenmill.billing.plans import MILLI, Plan
from tokenmill.kit.money import Nano, parse


def preset_text() -> str:
    """The plans as they ship: a TOML file with comments."""
    return files("tokenmill.billing").joinpath("plans.toml").read_text("utf-8")


def preset_plans() -> tuple[Plan, ...]:
    """The plans that ship, the smallest first."""
    tables = tomllib.loads(preset_text(), parse_float=Decimal)["plans"]
    return tuple(_plan(table) for table in tables)


def _plan(table: Mapping[str, Any]) -> Plan:
    prices = table.get("price", {})
    fields = {
        **{name: value for name, value in table.items() if name != "price"},
        "credits": table["credits"] * MILLI,
        **{currency.lower(): _price(price) for currency, price in prices.items()},
    }
    return msgspec.convert(fields, Plan)


def _price(table: Mapping[str, int | Decimal]) -> dict[str, Nano]:
    return {period: parse(str(amount)) for period, amount in table.items()}
