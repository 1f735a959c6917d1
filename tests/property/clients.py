"""Reads JSON as strict clients do."""

from __future__ import annotations

import json
from typing import Any

_EXACT = 400
"""Digits; longer numbers are infinite to most readers, and Python's own refuses much longer ones."""


def read_json(data: bytes | str) -> Any:
    """The value of `data`, which must be UTF-8 and JSON without Python's extensions."""
    text = data if isinstance(data, str) else data.decode()
    return json.loads(text, parse_int=_number, parse_constant=_refuse)


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT else float(digits)


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")
