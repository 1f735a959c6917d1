"""Reads what does not fit the schema, taking from it what makes sense."""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, Struct

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.almost_json import read_almost, whole_text, write_again

S = TypeVar("S", bound=Struct)

_HUGE = 10**18


def lenient(shape: type[S], data: bytes) -> S:
    """The value that `data` was meant to be: members of a wrong type count as left out.

    `data` is UTF-8; halves of surrogate pairs become U+FFFD. Raises Fault(UPSTREAM_BROKE) for what is no
    JSON object.
    """
    value = read_almost(data)
    if not isinstance(value, dict):
        raise Fault(
            Code.UPSTREAM_BROKE,
            "The model's reply broke off: its server sent something that is not an event. Please try again.",
        )
    return _struct(shape, value)


def _struct(shape: type[S], value: dict[str, Any]) -> S:
    hints = get_type_hints(shape)
    members = {name: _member(hint, value[name]) for name, hint in hints.items() if name in value}
    return shape(**{name: member for name, member in members.items() if member is not None})


def _member(hint: Any, value: Any) -> Any:
    """`value` as the member it should be; None where it cannot be."""
    kinds = get_args(hint) if get_origin(hint) is not list and get_args(hint) else (hint,)
    if value is None:
        return None
    if Raw in kinds:
        return _raw(value)
    if any(get_origin(kind) is list for kind in kinds):
        return [_raw(item) for item in value] if isinstance(value, list) else None
    if isinstance(value, dict):
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, Struct)), None)
        return None if inner is None else _struct(inner, value)
    if isinstance(value, str):
        return whole_text(value) if str in kinds else None
    return value if type(value) in kinds and -_HUGE < value < _HUGE else None  # NaN is neither.


def _raw(value: Any) -> Raw:
    return Raw(write_again(value).encode())


def fitted(decoder: msgspec.json.Decoder[S], shape: type[S], data: bytes | Raw) -> S:
    """The value in `data`, read leniently where it does not fit."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient(shape, bytes(data))
