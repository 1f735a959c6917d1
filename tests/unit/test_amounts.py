"""Amounts as people write them."""

from __future__ import annotations

import pytest

from tokenmill.kit.money import parse


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("25.00", 25_000_000_000),
        ("-0.05", -50_000_000),
        ("0.000000001", 1),
        ("12.5000000000", 12_500_000_000),
        ("0e999999", 0),
        ("1000000000", 10**18),
    ],
)
def test_an_amount_is_read_to_the_last_nano_unit(text: str, nano: int) -> None:
    """Whole or with a fraction, and zeros at its end say nothing."""
    assert parse(text) == nano


@pytest.mark.parametrize(
    "text",
    ["", "x", "NaN", "-Infinity", "0.0000000001", "1e999999", "1e-99999999", "9" * 60, "1." + "0" * 40 + "1"],
)
def test_what_is_no_amount_is_refused_and_never_rounded(text: str) -> None:
    """Nor are a million digits made of a large exponent."""
    with pytest.raises(ValueError, match=r"not an amount|finer than|more than 28 digits"):
        parse(text)


def test_an_amount_that_is_refused_is_not_repeated_at_length() -> None:
    """It goes into a line of the log."""
    with pytest.raises(ValueError, match="9…") as caught:
        parse("9" * 5_000)
    assert len(str(caught.value)) < 100
