"""Changes values in the text of a JSON file, leaving everything around them as it was.

Comments, trailing commas, bare keys and single quotes (JSONC, JSON5) are read and kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from tokenmill.connect.template import Edit, Include, Json, Put, Upsert

_BLANK: Final = re.compile(r"(?:\s|//[^\n]*|/\*(?s:.*?)\*/)*")
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\(?s:.))*"|' + r"'(?:[^'\\\n]|\\(?s:.))*'")
_WORD: Final = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity|NaN)"
)
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class _Scalar:
    start: int
    end: int
    value: object


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str | None  # None in a list.
    node: _Node


@dataclass(frozen=True, slots=True)
class _Branch:
    start: int
    end: int
    entries: tuple[_Entry, ...]
    is_object: bool
    ends_in_comma: bool

    def find(self, key: str) -> _Node | None:
        """The last one counts, as for every reader of JSON."""
        return next((entry.node for entry in reversed(self.entries) if entry.key == key), None)


_Node: TypeAlias = "_Scalar | _Branch"


def apply(text: str, edit: Edit) -> str:
    """`text` with one edit; the same text when it holds that already. Raises ValueError that says where."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text[len(mark) :]
    root = _Reader(text).document()
    if root is None:
        text = text + "{}\n"
        root = _Reader(text).document()
    if not isinstance(root, _Branch) or not root.is_object:
        raise ValueError("it holds no JSON object")
    match edit:
        case Put():
            return mark + _put(text, root, edit)
        case Upsert():
            return mark + _upsert(text, root, edit)
        case Include():
            node = _follow(root, edit.path)
            if not isinstance(node, _Branch) or node.is_object or edit.value in _plain_list(node):
                return mark + text
            return mark + _add(text, node, None, edit.value)


def read(text: str) -> object:
    """The value that the text holds; None when it is empty. Raises ValueError that says where it breaks."""
    root = _Reader(text.removeprefix("\ufeff")).document()
    return None if root is None else _plain(root)


class _Reader:
    """Reads a document into nodes that know where they stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> _Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        try:
            node = self._value()
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        self._skip()
        if self._at < len(self._text):
            raise self._error("something follows the end of the value")
        return node

    def _value(self) -> _Node:
        self._skip()
        start = self._at
        if self._peek() in ("{", "["):
            return self._branch()
        if (found := _STRING.match(self._text, start)) is not None:
            self._at = found.end()
            return _Scalar(start, found.end(), _unquote(found[0]))
        if (found := _NUMBER.match(self._text, start)) is not None:
            self._at = found.end()
            return _Scalar(start, found.end(), _number(found[0]))
        if (found := _WORD.match(self._text, start)) is not None and found[0] in _WORDS:
            self._at = found.end()
            return _Scalar(start, found.end(), _WORDS[found[0]])
        raise self._error("a value is missing or broken")

    def _branch(self) -> _Branch:
        start = self._at
        is_object = self._text[start] == "{"
        closing = "}" if is_object else "]"
        self._at += 1
        entries: list[_Entry] = []
        comma = False
        while True:
            self._skip()
            if self._peek() == closing:
                self._at += 1
                return _Branch(start, self._at, tuple(entries), is_object, comma)
            if entries and not comma:
                raise self._error(f"a comma or {closing} is missing")
            key = self._key() if is_object else None
            entries.append(_Entry(key, self._value()))
            self._skip()
            comma = self._peek() == ","
            self._at += comma

    def _key(self) -> str:
        found = _STRING.match(self._text, self._at)
        word = None if found else _WORD.match(self._text, self._at)
        if found is None and word is None:
            raise self._error("a key is missing or broken")
        key = _unquote(found[0]) if found else word[0] if word else ""
        self._at += len((found or word or [""])[0])
        self._skip()
        if self._peek() != ":":
            raise self._error("a colon is missing")
        self._at += 1
        return key

    def _skip(self) -> None:
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _error(self, what: str) -> ValueError:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        return ValueError(f"line {line}, column {column}: {what}")


def _put(text: str, root: _Branch, edit: Put) -> str:
    node: _Node = root
    for depth, key in enumerate(edit.path):
        rest = edit.path[depth + 1 :]
        if isinstance(node, _Scalar):  # A short form of what needs more room now.
            return (
                text if edit.when == "inside" else _replace(text, node, _nest(edit.path[depth:], edit.value))
            )
        if not node.is_object:
            raise ValueError(f"{'.'.join(edit.path[:depth])} is a list, where an object belongs")
        below = node.find(key)
        if below is None:
            if rest and edit.when == "inside":
                return text
            return _add(text, node, key, _nest(rest, edit.value))
        node = below
    if edit.when != "always" or _same(_plain(node), edit.value):
        return text
    return _replace(text, node, edit.value)


def _upsert(text: str, root: _Branch, edit: Upsert) -> str:
    node = _follow(root, edit.path)
    if node is None:
        return _put(text, root, Put(edit.path, [edit.value]))
    if isinstance(node, _Scalar) or node.is_object:
        raise ValueError(f"{'.'.join(edit.path)} is no list")
    for entry in node.entries:
        there = _plain(entry.node)
        if isinstance(there, dict) and all(there.get(key) == edit.value[key] for key in edit.by):
            merged = {**there, **edit.value}
            return text if _same(there, merged) else _replace(text, entry.node, merged)
    return _add(text, node, None, edit.value, first=True)


def _follow(node: _Node | None, path: tuple[str, ...]) -> _Node | None:
    for key in path:
        if not isinstance(node, _Branch):
            return None
        node = node.find(key)
    return node


def _replace(text: str, node: _Node, value: object) -> str:
    return text[: node.start] + _written(value, text, _indent_of(text, node.start)) + text[node.end :]


def _add(text: str, branch: _Branch, key: str | None, value: object, *, first: bool = False) -> str:
    """With one entry more, on a line of its own where the others have lines of their own."""
    own = _indent_of(text, branch.start)
    whole = text[branch.start : branch.end]
    spread = "\n" in whole or (not branch.entries and ("\n" in text.strip() or branch.start == 0))
    indent = own + _unit(text)
    if branch.entries and spread:
        before = text[: branch.entries[0].node.start].rpartition("\n")[2]
        indent = before[: len(before) - len(before.lstrip())] or indent
    piece = _written(value, text, indent) if spread else json.dumps(value, ensure_ascii=False)
    if key is not None:
        piece = f"{json.dumps(key, ensure_ascii=False)}: {piece}"
    newline = _newline(text)
    if first and branch.entries:
        at = branch.start + 1
        piece = f"{newline}{indent}{piece}," if spread else f"{piece}, "
        return text[:at] + piece + text[at:]
    close = branch.end - 1
    at = len(text[:close].rstrip())
    tail = text[at:] if "\n" in text[at:close] or not spread else newline + own + text[close:]
    head = text[:at]
    if branch.entries and not branch.ends_in_comma:
        last = branch.entries[-1].node.end
        head = f"{text[:last]},{text[last:at]}"
    if spread:
        return f"{head}{newline}{indent}{piece}{tail}"
    return f"{head}{' ' if branch.entries else ''}{piece}{tail}"


def _nest(path: tuple[str, ...], value: Json) -> Json:
    for key in reversed(path):
        value = {key: value}
    return value


def _written(value: object, text: str, indent: str) -> str:
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return f"{_newline(text)}{indent}".join(lines)


def _unit(text: str) -> str:
    """How far one level is indented here."""
    found = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return found[1] if found and len(found[1]) <= 8 else "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_of(text: str, at: int) -> str:
    line = text[:at].rpartition("\n")[2]
    return line[: len(line) - len(line.lstrip())]


def _plain(node: _Node) -> object:
    if isinstance(node, _Scalar):
        return node.value
    if node.is_object:
        return {entry.key: _plain(entry.node) for entry in node.entries}
    return _plain_list(node)


def _plain_list(node: _Branch) -> list[object]:
    return [_plain(entry.node) for entry in node.entries]


def _same(one: object, other: object) -> bool:
    """As JSON has it: `true` is not `1`."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _unquote(quoted: str) -> str:
    body = quoted[1:-1]
    if quoted[0] == "'":
        body = re.sub(r"\\'", "'", body)
        body = re.sub(r'(?<!\\)"', r"\"", body)
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        return body  # An escape that only JSON5 knows: nothing here is compared with one.


def _number(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return float(int(text, 16)) if "x" in text.lower() else float(text)
    return value
