"""Reads what an upstream took for JSON, and writes pieces of it again as JSON that all readers take."""

from __future__ import annotations

import json
import math
from typing import Any

_LONGEST_NUMBER = 400
"""Digits; longer integers are infinite to most readers, and Python refuses to print much longer ones."""


def read_almost(data: bytes) -> Any:
    """The value of `data`; None where it cannot be made out.

    Bytes that are not UTF-8 become U+FFFD, numbers that are not finite become null; line ends and other
    control characters may stand in strings as they are.
    """
    try:
        return json.loads(
            data.decode("utf-8", "replace"),
            strict=False,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_nothing,
        )
    except (ValueError, RecursionError):
        return None


def write_again(value: Any) -> str:
    """The JSON of a value that was read; `null` for what is nested too deeply."""
    try:
        return whole_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        return "null"


def whole_text(text: str) -> str:
    """`text` with U+FFFD for halves of surrogate pairs, which no UTF-8 can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _nothing(_: str) -> None:
    """NaN and the infinities are no numbers of JSON."""
