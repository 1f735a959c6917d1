"""Reads JSON objects that do not fit their schema, taking from them what makes sense."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Raw

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.almost_json import read_almost, write_again

S = TypeVar("S", bound=msgspec.Struct)

_HUGE = 10**18


def lenient(type_: type[S], data: bytes | Raw) -> S:
    """The value that `data` was meant to be: members of a wrong type count as left out.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD. Raises Fault(UPSTREAM_BROKE)
    for what is no JSON object.
    """
    try:
        value = _clean(read_almost(bytes(data)))
        if isinstance(value, dict):
            return _struct(type_, value)
    except RecursionError:
        pass
    raise Fault(
        Code.UPSTREAM_BROKE,
        "The model's reply broke off: its server sent something that is not an event. Please try again.",
    )


def _clean(value: Any) -> Any:
    """`value` without halves of surrogate pairs, and without numbers that nothing holds."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case bool() | None:
            return value
        case int() | float():
            return value if -_HUGE < value < _HUGE else None  # NaN is neither.
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(name): _clean(item) for name, item in value.items()}
        case _:
            return value


def _struct(type_: type[S], value: dict[str, Any]) -> S:
    members = {}
    for name, wanted in _hints(type_).items():
        if name in value and (member := _member(wanted, value[name])) is not None:
            members[name] = member
    return type_(**members)


@cache
def _hints(type_: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(type_)


def _member(wanted: Any, value: Any) -> Any:
    """The value as one of the kinds that are wanted; None where it fits none."""
    if wanted is Raw:
        return None if value is None else Raw(write_again(value).encode())
    for kind in get_args(wanted):
        inner = get_args(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
            return _try(kind, value)
        if inner and isinstance(value, list):
            return _items(inner[0], value)
        if kind is str and isinstance(value, dict | list):
            return write_again(value)  # Arguments, where a server sent the object itself.
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None


def _try(kind: type[msgspec.Struct], value: dict[str, Any]) -> msgspec.Struct | None:
    try:
        return _struct(kind, value)
    except TypeError:  # A member without a default is missing.
        return None


def _items(kind: Any, values: list[Any]) -> list[Any]:
    if kind is Raw:
        return [Raw(write_again(value).encode()) for value in values]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        made = [_try(kind, value) for value in values if isinstance(value, dict)]
        return [value for value in made if value is not None]
    return [value for value in values if isinstance(value, kind) and not isinstance(value, bool)]
