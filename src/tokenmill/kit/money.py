"""Holds money as whole nano-units of a currency; nothing here ever sees a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NewType

Nano = NewType("Nano", int)
NANO = 1_000_000_000
CURRENCIES = ("USD", "CNY")


def parse(text: str) -> Nano:
    """`"25.00"` → 25,000,000,000 nano-units.

    Raises ValueError for what is not a plain decimal number or is finer than a nano-unit.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount; write it like 25.00") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount; write it like 25.00")
    units = amount * NANO
    if units != units.to_integral_value():
        raise ValueError(f"{text!r} is finer than a billionth of the currency unit")
    return Nano(int(units))


def show(amount: Nano) -> str:
    """The shortest exact decimal with at least two places: `"25.00"`, `"19.574"`, `"-0.05"`."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), NANO)
    return f"{sign}{whole}.{f'{part:09d}'.rstrip('0').ljust(2, '0')}"
