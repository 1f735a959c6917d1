"""Names tool calls so that they are known again after a client has written them down in its own way."""

from __future__ import annotations

import math
from hashlib import blake2b, sha256
from typing import Final

import msgspec

from tokenmill.conversation.parts import ToolCall
from tokenmill.memory.remembered import CallKey

_EXACT: Final = 2**53
"""Whole numbers from here on are not exact in JavaScript, in which most clients are written."""


_KEPT: Final = 20_000
"""Keys that are not made anew; some 200 bytes each."""
_kept: dict[bytes, CallKey] = {}


def call_key(call: ToolCall) -> CallKey:
    """The key of the call within its account: its id without punctuation, its name, what it is asked.

    Some clients strip ids of their punctuation, some repeat JSON with other spaces, another order of members
    or other digits for the same number. An agent sends all its calls again in every turn, so what has been
    worked out for a text is kept under the text's digest.
    """
    written = f"{call.id}\0{call.name}\0{call.arguments}".encode("utf-8", "surrogatepass")
    digest = blake2b(written, digest_size=16).digest()
    key = _kept.get(digest)
    if key is None:
        if len(_kept) >= _KEPT:
            _kept.clear()
        key = _kept[digest] = _key(call)
    return key


def _key(call: ToolCall) -> CallKey:
    id_ = "".join(character for character in call.id if character.isalnum())
    named = f"{id_}\0{call.name}\0{canonical(call.arguments)}"
    return sha256(named.encode("utf-8", "surrogatepass")).digest()


def canonical(arguments: str) -> str:
    """One way to write all JSON that means the same; what is no JSON stays as it is."""
    if not arguments.strip():
        return "{}"
    try:
        value = msgspec.json.decode(arguments)
        return msgspec.json.encode(_plain(value), order="sorted").decode()
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
        return arguments


def _plain(value: object) -> object:
    match value:
        case bool():
            return value
        case int() if abs(value) >= _EXACT:
            return float(value)
        case float() if math.isfinite(value) and value.is_integer() and abs(value) < _EXACT:
            return int(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value
