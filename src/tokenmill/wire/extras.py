"""Keeps the members that only one protocol knows, and tells which of them another is not told of."""

from __future__ import annotations

from collections.abc import Container, Iterator

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Extras
from tokenmill.wire.members import is_null

OWN = "only the protocol it came from knows it"

HONOURED = frozenset({("openai_responses", "reasoning.summary")})
"""Members that take effect here, whatever the target: the encoder of their own protocol obeys them."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def extras_of(vendor: Vendor, raw: Raw, known: Container[str]) -> Extras | None:
    """The members of the object `raw` that are not `known`; nulls say nothing."""
    left = tuple(
        (name, bytes(value))
        for name, value in _MEMBERS.decode(raw).items()
        if name not in known and not is_null(value)
    )
    return Extras(vendor, left) if left else None


def lost_extras(extras: Extras | None, wire: Vendor, at: str = "") -> Iterator[Drop]:
    """What `wire` is not told of `extras`, if they are another's; `at` is the path of their object."""
    if extras is None or extras.vendor == wire:
        return
    for name, _ in (*extras.headers, *extras.fields):
        if (extras.vendor, name) not in HONOURED:
            yield Drop(f"{at}.{name}" if at else name, OWN)


def own_extras(extras: Extras | None, wire: Vendor) -> dict[str, Raw]:
    """The members of `extras` that `wire` knows as its own."""
    if extras is None or extras.vendor != wire:
        return {}
    return {name: Raw(raw) for name, raw in extras.fields}
