"""Puts stored items where a request only refers to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from tokenmill.kit.faults import Code, Fault

_MARK = b"item_reference"
_BODY = msgspec.json.Decoder(dict[str, Raw])
_INPUT = msgspec.json.Decoder(str | list[Raw])


class _Item(Struct):
    type: str | None = None
    id: str | None = None


_ITEM = msgspec.json.Decoder(_Item)


def referred(body: bytes) -> tuple[str, ...]:
    """The ids of the responses whose output items `body` refers to, each once.

    A body that cannot be read refers to nothing: `decode_request` says what is wrong with it.
    """
    return tuple(dict.fromkeys(_response_of(id_) for _, id_ in _references(body)))


def dereferenced(body: bytes, outputs: Iterable[bytes]) -> bytes:
    """The same request with the items of `outputs` in place of what refers to them.

    Raises Fault(NOT_FOUND) naming the first reference that none of them answers.
    """
    known: Mapping[str | None, bytes] = {_ITEM.decode(item).id: item for item in outputs}
    members = _BODY.decode(body)
    items = _INPUT.decode(members["input"])
    assert isinstance(items, list)  # Else nothing was referred to.
    for at, id_ in _references(body):
        if id_ not in known:
            shown = id_ if len(id_) <= 100 and id_.isprintable() else "this id"
            raise Fault(
                Code.NOT_FOUND,
                f"There is no stored item {shown}: its response was not stored, has expired or was deleted. "
                "Send the item itself instead.",
                field=f"input[{at}].id",
            )
        items[at] = Raw(known[id_])
    return msgspec.json.encode(members | {"input": items})


def _references(body: bytes) -> list[tuple[int, str]]:
    """Where in the input a reference stands, and to what."""
    if _MARK not in body:
        return []
    try:
        given = _INPUT.decode(_BODY.decode(body).get("input", Raw(b"[]")))
        items = [] if isinstance(given, str) else [_ITEM.decode(item) for item in given]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [(at, item.id) for at, item in enumerate(items) if item.type == "item_reference" and item.id]


def _response_of(item_id: str) -> str:
    """Ids of output items are made of the kind, the response's own id and a number."""
    return f"resp_{item_id.partition('_')[2].rpartition('_')[0]}"
