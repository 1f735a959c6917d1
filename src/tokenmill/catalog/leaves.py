"""Turns single TOML values into the fields of an entry; ValueError says what was expected instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import msgspec.inspect as shapes

from tokenmill.catalog.complaints import did_you_mean, quoted
from tokenmill.kit import money

_MOST_DIGITS: Final = 12  # Before the point and behind it; keeps `1e999999` from becoming a million digits.
_KINDS: Final = {
    bool: "true or false",
    int: "a whole number",
    Decimal: "a number",
    str: "text",
    datetime: "a date with a time",
    date: "a date alone",
    list: "a list",
    dict: "a table",
}


def expected(wanted: str, got: object) -> ValueError:
    """`expected a whole number, got text`; the value itself may be a secret and is not shown."""
    return ValueError(f"expected {wanted}, got {_KINDS.get(type(got), 'something else')}")


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise expected("true or false", value)
    return value


def whole_number(value: object, shape: shapes.IntType) -> int:
    """An integer within the shape's bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise expected("a whole number", value)
    _within(value, shape)
    return value


def number(value: object, shape: shapes.FloatType) -> float:
    """Any number within the shape's bounds."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise expected("a number", value)
    _within(value, shape)
    return float(value)


def amount(value: object) -> money.Nano:
    """An exact decimal, as a TOML number or as text, in nano-units."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise expected("an amount like 0.0036", value)
    try:
        exact = Decimal(value)
    except ArithmeticError:
        raise ValueError("expected an amount like 0.0036, got other text") from None
    if not exact.is_finite() or exact < 0:
        raise ValueError("expected an amount of 0 or more")
    if exact.adjusted() > 8:
        raise ValueError("expected an amount below 1000000000")
    if len(exact.as_tuple().digits) > 2 * _MOST_DIGITS:
        raise ValueError("has too many digits; amounts are kept to a billionth")
    return money.parse(str(exact))


def text(value: object, shape: shapes.StrType, description: str | None) -> str:
    """Text of the shape's length and pattern; `description` says the pattern in words."""
    if not isinstance(value, str):
        raise expected("text", value)
    if len(value) < (shape.min_length or 0):
        raise ValueError("is empty")
    if shape.max_length is not None and len(value) > shape.max_length:
        raise ValueError(f"is longer than {shape.max_length} characters")
    if shape.pattern is not None and not re.search(shape.pattern, value):
        raise ValueError(f"expected {description or shape.pattern}, got {quoted(value)}")
    return value


def choice(value: object, options: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str):
        raise expected("text", value)
    if value not in options:
        near = did_you_mean(value, options)
        raise ValueError(f"expected one of {', '.join(options)}.{near}")
    return value


def moment(value: object) -> datetime:
    """A time with a zone, as TOML's own or as RFC 3339 text, in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected a time like 2027-01-31T00:00:00Z, got other text") from None
    if not isinstance(value, datetime):
        raise expected("a time like 2027-01-31T00:00:00Z", value)
    if value.tzinfo is None:
        raise ValueError("has no time zone; write it like 2027-01-31T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None


def _within(value: int | Decimal, shape: shapes.IntType | shapes.FloatType) -> None:
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("expected a finite number")
    if shape.ge is not None and value < shape.ge:
        raise ValueError(f"expected {shape.ge} or more")
    if shape.gt is not None and value <= shape.gt:
        raise ValueError(f"expected more than {shape.gt}")
    if shape.le is not None and value > shape.le:
        raise ValueError(f"expected {shape.le} or less")
