"""Holds money as whole nano-units of a currency; nothing here ever sees a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NewType

Nano = NewType("Nano", int)
NANO = 1_000_000_000
CURRENCIES = ("USD", "CNY")
_MOST_DIGITS = 28
"""Twice what the largest sums have, and as many as Decimal computes with."""
_SHOWN = 40


def parse(text: str) -> Nano:
    """`"25.00"` → 25,000,000,000 nano-units.

    Raises ValueError for what is not a plain decimal number, is finer than a nano-unit, or has too many
    digits to be money.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{_cut(text)} is not an amount; write it like 25.00") from None
    if not amount.is_finite():
        raise ValueError(f"{_cut(text)} is not an amount; write it like 25.00")
    _, digits, exponent = amount.as_tuple()
    assert isinstance(exponent, int)  # It is finite.
    # Decimal itself would round what has more digits, and make millions of digits of a large exponent.
    if amount and (len(digits) > _MOST_DIGITS or amount.adjusted() >= _MOST_DIGITS):
        raise ValueError(f"{_cut(text)} has more than {_MOST_DIGITS} digits")
    if amount and exponent < -_MOST_DIGITS:
        raise ValueError(f"{_cut(text)} is finer than a billionth of the currency unit")
    units = amount * NANO if amount else Decimal(0)
    if units != units.to_integral_value():
        raise ValueError(f"{_cut(text)} is finer than a billionth of the currency unit")
    return Nano(int(units))


def _cut(text: str) -> str:
    """What was written, quoted, without the rest of what is too long to be read."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def show(amount: Nano) -> str:
    """The shortest exact decimal with at least two places: `"25.00"`, `"19.574"`, `"-0.05"`."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), NANO)
    return f"{sign}{whole}.{f'{part:09d}'.rstrip('0').ljust(2, '0')}"
