"""Builds one tool call while its markup is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tokenmill.dialects.machine import Act, Dialect, Frame, Piece, Reading
from tokenmill.dialects.values import Parameters, quoted, read_structure

_DECORATED: Final = re.compile(r"(?:functions[.:])?(?P<name>.+?)(?::\d+)?")
_DOTS: Final = frozenset({"...", "…", "……"})
_WORD_KEYS: Final = frozenset(
    {"KEY", "PARAM", "PARAMETER", "PARAM_NAME", "PARAMETER_NAME", "key", "param_name"}
)
_WORD_VALUES: Final = frozenset({"VALUE", "PARAM_VALUE", "PARAMETER_VALUE"})
_FIRST_KEYS: Final = ("name", "arguments", "parameters", "function", "type", "id")
_IN_VALUE: Final = frozenset({Reading.VALUE, Reading.EXAMPLE})


class Draft:
    """What has been read since a mark that may begin a call.

    `source` is all of it, mark by mark. A value is over when a mark that may end it is followed by
    another mark of the call; until then what came after is in `_doubt` and may turn out to be value.
    """

    def __init__(self, opener: Piece, dialect: Dialect, tools: Mapping[str, Parameters]) -> None:
        self._reads = dialect.reads
        self._frame = dialect.frame
        self._openers = dialect.openers
        self._tools = tools
        self.source: list[str] = []
        self.size = 0
        self.hopeless = False
        self._name = ""
        self._key = ""
        self._open_key = ""
        self._value: list[str] | None = None
        self._doubt: list[str] = []
        self._closed = False
        self._values: dict[str, str] = {}
        self._json: list[str] | None = None
        self._json_looked_at = False
        self.take(opener)

    @property
    def has_values(self) -> bool:
        """Has anything been read that may be a value?"""
        return bool(self._values) or self._value is not None or self._json is not None

    @property
    def label(self) -> int:
        """How long the name or key is that is being read, in characters."""
        return max(len(self._name), len(self._key))

    def read(self, piece: Piece) -> None:
        """Text that is no mark."""
        text = piece.text
        self._note(text)
        match self._reads[piece.state]:
            case Reading.NAME:
                self._name += text
            case Reading.KEY:
                self._key += text
                if self._value is not None:
                    self._doubt.append(text)
            case Reading.VALUE | Reading.EXAMPLE:
                self._merge(text)
            case Reading.JSON:
                self._read_json(text)
            case _ if self._value is not None:
                self._doubt.append(text)
            case _:
                pass

    def take(self, piece: Piece) -> None:
        """A mark, the end of JSON, or a stray."""
        move = piece.move
        assert move is not None
        text, here, there = piece.text, self._reads[piece.state], self._reads[move.to]
        self._note(text)
        if here is Reading.JSON:
            self._read_json(text)
        elif self._value is None:
            if there is Reading.VALUE:
                self._begin_value()
        elif there not in _IN_VALUE:
            self._doubt.append(text)
            self._closed = self._closed or move.act is Act.VALUE_OVER
        elif text and here not in _IN_VALUE and self._is_next_key():
            self._end_value()
            self._begin_value()
        else:
            self._merge(text)
        if there is Reading.NAME:
            self._name = ""
        elif there is Reading.KEY:
            self._key = ""
            self._check_name()
        elif there is Reading.JSON:
            self._check_name()
            self._json = []
            self._read_json(text[-1:])

    def calls(self, *, forgiving: bool) -> list[tuple[str, str]] | None:
        """Names and arguments, as JSON, of what was called; None if it is no call after all.

        With `forgiving` the end is missing, so every argument that the tool requires must be there.
        """
        if self._value is not None:
            self._end_value()
        if self.hopeless:
            return None
        if self._json is not None:
            return self._json_calls("".join(self._json))
        name = self._offered(self._name)
        if name is None:
            return None
        parameters = self._tools[name]
        if forgiving and not parameters.required <= self._values.keys():
            return None
        typed: list[str] = []
        for key, text in self._values.items():
            value = parameters.typed(key, text)
            if value is None or _is_placeholder(key, text, parameters):
                return None
            typed.append(f"{quoted(key)}: {value}")
        return [(name, "{" + ", ".join(typed) + "}")]

    def _note(self, text: str) -> None:
        if text:
            self.source.append(text)
            self.size += len(text)

    def _begin_value(self) -> None:
        self._value, self._doubt, self._closed = [], [], False
        self._open_key = self._key

    def _end_value(self) -> None:
        """The open value is over.

        One key twice means that something was misread. A value without a closing mark of its own in which a
        call begins was broken off there, and the model began anew.
        """
        assert self._value is not None
        text = "".join(self._value)
        if not self._closed and any(opener in text for opener in self._openers):
            self.hopeless = True
        text = _unframed(text, self._frame)
        self.hopeless = self.hopeless or self._open_key in self._values
        self._values[self._open_key] = text
        self._value = None

    def _merge(self, text: str) -> None:
        """What was in doubt is part of the value, and `text` too."""
        assert self._value is not None
        self._value += self._doubt
        self._value.append(text)
        self._doubt, self._closed = [], False

    def _is_next_key(self) -> bool:
        """Does another argument begin here, or does the value speak of one?"""
        fresh = self._key not in self._values and self._key != self._open_key
        return bool(self._key) and (self._closed or (fresh and self._knows_key()))

    def _knows_key(self) -> bool:
        name = self._offered(self._name)
        return name is not None and self._key in self._tools[name].properties

    def _check_name(self) -> None:
        if self._name and self._offered(self._name) is None:
            self.hopeless = True

    def _offered(self, name: str) -> str | None:
        """The tool that is meant by `name`: as it is offered, or decorated as in `functions.NAME:0`."""
        if name in self._tools:
            return name
        bare = _DECORATED.fullmatch(name)
        return bare["name"] if bare is not None and bare["name"] in self._tools else None

    def _read_json(self, text: str) -> None:
        assert self._json is not None
        self._json.append(text)
        if not self._name and not self._json_looked_at:
            self._look_at_first_key("".join(self._json))

    def _look_at_first_key(self, text: str) -> None:
        """An object whose first key no call has need not be read to its end."""
        inside = text.lstrip("[{ \t\r\n")
        if not inside:
            return
        key = inside[1:]
        end = key.find(inside[0])
        if inside[0] not in "\"'":
            self.hopeless = inside[0] not in "]}"
            self._json_looked_at = True
        elif end >= 0:
            self.hopeless = key[:end] not in _FIRST_KEYS
            self._json_looked_at = True
        else:
            self.hopeless = not any(known.startswith(key) for known in _FIRST_KEYS)

    def _json_calls(self, text: str) -> list[tuple[str, str]] | None:
        structure = read_structure(text)
        if structure is None:
            return None
        if self._name:
            name = self._offered(self._name)
            if name is None or self._only_describes(name, msgspec.json.decode(structure)):
                return None
            return [(name, structure)]
        raw = msgspec.json.decode(structure, type=msgspec.Raw)
        whole = msgspec.json.decode(structure)
        members = [raw] if isinstance(whole, dict) else msgspec.json.decode(structure, type=list[msgspec.Raw])
        calls = [self._object_call(bytes(member)) for member in members]
        whole_calls = [call for call in calls if call is not None]
        return whole_calls if whole_calls and len(whole_calls) == len(calls) else None

    def _object_call(self, member: bytes) -> tuple[str, str] | None:
        """`{"name": …, "arguments": {…}}`, by any of the names that families give to the two."""
        try:
            object_ = msgspec.json.decode(member, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            return None
        inner = object_.get("function")
        if inner is not None and bytes(inner)[:1] == b"{":
            return self._object_call(bytes(inner))
        if "description" in object_:  # Tools are described, calls are not.
            return None
        name_raw = object_.get("name") or inner
        decoded = msgspec.json.decode(name_raw) if name_raw else None
        name = self._offered(decoded) if isinstance(decoded, str) else None
        if name is None:
            return None
        given = object_.get("arguments") or object_.get("parameters")
        if given is None:
            return None if self._tools[name].required else (name, "{}")
        arguments: Any = msgspec.json.decode(given)
        text = bytes(given).decode()
        if isinstance(arguments, str):  # Some models write the arguments as JSON inside JSON.
            text = read_structure(arguments) or ""
            arguments = msgspec.json.decode(text) if text else None
        if not isinstance(arguments, dict) or self._only_describes(name, arguments):
            return None
        return name, text

    def _only_describes(self, name: str, arguments: object) -> bool:
        """Do they explain what a call looks like: a placeholder among them, or the tool's schema?"""
        parameters = self._tools[name]
        if not isinstance(arguments, dict):
            return False
        schema = arguments.get("type") == "object" and isinstance(arguments.get("properties"), dict)
        return (schema and "properties" not in parameters.properties) or any(
            isinstance(value, str) and _is_placeholder(key, value, parameters)
            for key, value in arguments.items()
        )


def _unframed(text: str, frame: Frame) -> str:
    if frame is Frame.NONE or text[:1] != "\n":
        return text
    inside = text[1:].removesuffix("\n")
    one_line = "\n" not in inside and text[-1] == "\n" and bool(inside.strip())
    return inside if frame is Frame.BLOCK or one_line else text


def _is_placeholder(key: str, text: str, parameters: Parameters) -> bool:
    """Does the value stand for a value, as in an explanation of the form?"""
    bare = text.strip()
    if bare in _DOTS or bare in _WORD_VALUES:
        return True
    if key not in parameters.properties and key in _WORD_KEYS:
        return True
    if bare in (f"YOUR_{key.upper()}", f"your_{key.lower()}"):
        return True
    return bare[:1] + bare[-1:] in ("<>", "{}", "[]") and bare[1:-1].strip().lower() == key.lower()
