"""Reads JSON objects member by member, naming the path of whatever is wrong."""

from __future__ import annotations

import json
import re
from typing import TypeVar

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.sse import BOM

T = TypeVar("T")

MOST_MEMBERS = 256
"""A request of any protocol has some dozens."""

STRING = msgspec.json.Decoder(str)
INTEGER = msgspec.json.Decoder(int)
NUMBER = msgspec.json.Decoder(float)
BOOLEAN = msgspec.json.Decoder(bool)
ITEMS = msgspec.json.Decoder(list[msgspec.Raw])

_LONGEST_PROBLEM = 300
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KEY = re.compile(rb'[\s,{]*"([^"\\]*)"\s*:\s*')
_COMPLAINT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_MISMATCH = re.compile(r"^Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`$")

_WANTED = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_GOT = _WANTED | {"int": "a number", "float": "a number with a fraction", "bool": "a boolean"}


def bad_value(field: str, problem: str) -> Fault:
    """Fault(BAD_VALUE) that begins with the path of its culprit; what it quotes is cut short."""
    return Fault(Code.BAD_VALUE, f"{field}: {cut_short(problem)}", field=field)


def cut_short(problem: str) -> str:
    """`problem`, of which what it quotes may be of any length."""
    return problem if len(problem) <= _LONGEST_PROBLEM else f"{problem[:_LONGEST_PROBLEM]}…"


def is_null(raw: bytes | msgspec.Raw) -> bool:
    """Was the member left out, or null?"""
    return len(raw) == 0 or (len(raw) == 4 and bytes(raw) == b"null")


def decode_at(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, at: str) -> T:
    """The value of the member at path `at`. Raises Fault(BAD_VALUE | BAD_JSON) naming the path."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _in_our_words(str(error), at) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Fault(Code.BAD_JSON, f"{at}: {_flaw(error)}", field=at) from None
    except RecursionError:
        raise Fault(Code.BAD_JSON, f"{at}: it is nested too deeply.", field=at) from None


class Members:
    """The members of one object, taken out one by one; what is left was not understood.

    `at` is the path of the object itself, empty for the body.
    """

    __slots__ = ("_at", "_members")

    def __init__(self, members: dict[str, msgspec.Raw], at: str = "") -> None:
        self._members = members
        self._at = at + "." if at else ""

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """The member's value; None when it is absent or null. Raises Fault(BAD_VALUE) naming it."""
        raw = self._members.pop(name, None)
        if raw is None or is_null(raw):
            return None
        return decode_at(decoder, raw, self._at + name)

    def take_object(self, name: str) -> Members:
        """The members of the member; none when it is absent or null. Raises Fault(BAD_VALUE) naming it."""
        raw = self._members.pop(name, None)
        at = self._at + name
        return Members({} if raw is None or is_null(raw) else decode_at(_OBJECT, raw, at), at)

    def take_raw(self, name: str) -> bytes | None:
        """The member's bytes; None when it is absent or null."""
        raw = self._members.pop(name, None)
        return None if raw is None or is_null(raw) else bytes(raw)

    def left(self) -> tuple[tuple[str, bytes], ...]:
        """What was not taken, by its path and in its order; nulls say nothing and are left out."""
        return tuple((self._at + name, bytes(raw)) for name, raw in self._members.items() if not is_null(raw))


def read_members(body: bytes) -> Members:
    """The members of a request body. Raises Fault(BAD_JSON).

    The body must be UTF-8 and name each of its members once; deeper down the last of two equal names
    counts, as in every common reader. A byte-order mark at its beginning says nothing.
    """
    body = body.removeprefix(BOM)
    if not body or body.isspace():
        raise Fault(Code.BAD_JSON, "The request body is empty; send a JSON object.")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise Fault(
                Code.BAD_JSON, f"The request body is not UTF-8: the byte at {error.start} is wrong."
            ) from None
    try:
        members = _OBJECT.decode(body)
    except msgspec.ValidationError as error:
        got = str(error).rpartition("got ")[2].strip("`")
        raise Fault(
            Code.BAD_JSON, f"The request body: expected an object, got {_GOT.get(got, got)}."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Fault(Code.BAD_JSON, f"The request body is not valid JSON: {_flaw(error)}") from None
    except RecursionError:
        raise Fault(Code.BAD_JSON, "The request body is nested too deeply.") from None
    if len(members) > MOST_MEMBERS:
        raise Fault(
            Code.BAD_JSON, f"The request body has {len(members)} members; {MOST_MEMBERS} are the most."
        )
    if not _named_once(body, members):
        _refuse_repeated(body)
    return Members(members)


def _named_once(body: bytes, members: dict[str, msgspec.Raw]) -> bool:
    """Do the members, put one after another, fill the body? False means "look closer"."""
    position = 0
    for name, raw in members.items():
        key = _KEY.match(body, position)
        if key is None or key[1] != name.encode():
            return False
        position = key.end() + len(raw)
    return body[position:].strip(b" \t\r\n") in (b"}", b"{}")


def _refuse_repeated(body: bytes) -> None:
    outermost: list[tuple[str, object]] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        outermost[:] = pairs

    try:
        json.loads(body, object_pairs_hook=note, parse_int=str)
    except (ValueError, RecursionError):
        raise Fault(Code.BAD_JSON, "The request body is not valid JSON.") from None
    seen: set[str] = set()
    for name, _ in outermost:
        if name in seen:
            raise Fault(Code.BAD_JSON, f"The request body names {name!r} twice; say it once.", field=name)
        seen.add(name)


def _flaw(error: Exception) -> str:
    """What is wrong with the text; msgspec reports a surrogate that ends a string as truncated input."""
    if isinstance(error, UnicodeDecodeError):
        return "a string is not UTF-8."
    text = str(error).removeprefix("JSON is malformed: ")
    if text == "Input data was truncated":
        return "it ends too early, or a string ends in half a surrogate pair."
    return f"{text}."


def _in_our_words(complaint: str, at: str) -> Fault:
    said = _COMPLAINT.match(complaint)
    assert said is not None  # The pattern matches every text.
    path = at + (said["path"] or "")
    if mismatch := _MISMATCH.match(said["what"]):
        kinds = [kind for kind in mismatch["wanted"].split(" | ") if kind != "null"]
        wanted = " or ".join(_WANTED.get(kind, kind) for kind in kinds)
        return bad_value(path, f"expected {wanted}, got {_GOT.get(mismatch['got'], mismatch['got'])}")
    if missing := _MISSING.match(said["what"]):
        return bad_value(f"{path}.{missing['name']}", "this member is required")
    return bad_value(path, f"the value is not acceptable ({said['what']})")
