"""Checks the values of a request's members against what every wire allows."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TypeVar

from msgspec import Raw

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.members import bad_value, cut_short, is_null

N = TypeVar("N", int, float)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def unsupported(at: str, what: str) -> Fault:
    """The fault of a feature that a target's wire cannot say."""
    return Fault(
        Code.UNSUPPORTED,
        f"{at}: the server of this model cannot be told {cut_short(what)}; leave it out or choose another "
        "model.",
        field=at,
    )


def within(value: N | None, name: str, low: N, high: N) -> N | None:
    """`value`, if it is absent or from `low` to `high`. Raises Fault(BAD_VALUE)."""
    if value is not None and not low <= value <= high:
        raise bad_value(name, f"{value} is out of range; use a number from {low} to {high}")
    return value


def object_bytes(raw: Raw, at: str) -> bytes | None:
    """The bytes of an object, which is passed on as it stands; None when it is absent."""
    if is_null(raw):
        return None
    text = bytes(raw)
    if not text.startswith(b"{"):
        raise bad_value(at, "expected an object")
    return text


def check_tool_name(name: str, at: str) -> None:
    """Raises Fault(BAD_VALUE) for a name that no tool may have."""
    if not 1 <= len(name) <= 128:
        raise bad_value(at, f"a name has 1 to 128 characters, this one {len(name)}")
    if _CONTROL.search(name):
        raise bad_value(at, "a name has no control characters")


def offered(name: str, names: Container[str], at: str) -> str:
    """`name`, if a tool of the request has it. Raises Fault(BAD_VALUE)."""
    if name not in names:
        raise bad_value(at, f"there is no tool {name!r} in tools")
    return name
