"""Changes values in the text of a TOML file, leaving everything around them as it was."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tokenmill.connect.template import Json, Put


@dataclass(frozen=True, slots=True)
class _Statement:
    """A header or a key with its value; `path` counts from the root, `comment` is where one begins."""

    start: int
    end: int  # Without the newline.
    path: tuple[str, ...]
    is_header: bool
    comment: int


def apply(text: str, edit: Put) -> str:
    """`text` with one edit; the same text when it holds that already.

    Raises ValueError when the text is no TOML, or is written so that this cannot change it: what comes out is
    read again and compared.
    """
    before = tomllib.loads(text)
    there = _value_at(before, edit.path)
    if there is not None and (edit.when != "always" or there == edit.value):
        return text
    changed = _changed(text, edit)
    try:
        right = tomllib.loads(changed) == _merged(before, edit.path, edit.value)
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise ValueError(f"{'.'.join(edit.path)} is written there in a way that this command cannot change")
    return changed


def _changed(text: str, edit: Put) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    value = _written(edit.value)
    table, key = edit.path[:-1], edit.path[-1]
    section: tuple[str, ...] = ()
    after: int | None = None  # The end of the table's last statement so far.
    for statement in _statements(text):
        if statement.is_header:
            section = statement.path
        elif section + statement.path == edit.path:
            assigned = text.index("=", statement.start) + 1
            rest = text[statement.comment : statement.end]
            return f"{text[:assigned]} {value}{'  ' if rest else ''}{rest}{text[statement.end :]}"
        if section == table:
            after = statement.end
    line = f"{_key(key)} = {value}"
    if after is not None:
        return f"{text[:after]}{newline}{line}{text[after:]}"
    if not table:
        return f"{line}{newline}{text}"
    gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
    return f"{text}{gap}[{'.'.join(map(_key, table))}]{newline}{line}{newline}"


def _statements(text: str) -> Iterator[_Statement]:
    at = 0
    while at < len(text):
        end, comment = _end_of(text, at)
        whole = text[at:comment].strip()
        start = at + len(text[at:comment]) - len(text[at:comment].lstrip())
        if whole.startswith("["):
            yield _Statement(start, end, _header(whole), True, comment)
        elif whole:
            yield _Statement(start, end, _path(whole.partition("=")[0] + "= 0"), False, comment)
        at = end + (2 if text.startswith("\r\n", end) else 1)


def _end_of(text: str, at: int) -> tuple[int, int]:
    """Where the statement that begins at `at` ends, and where its comment begins (its end, without one)."""
    depth = 0
    comment: int | None = None
    while at < len(text):
        if (quote := next((q for q in ('"""', "'''", '"', "'") if text.startswith(q, at)), None)) is not None:
            at = _closed(text, at + len(quote), quote)
            continue
        if text[at] == "#":
            stop = _line_end(text, at)
            comment = at if depth == 0 else comment
            at = stop
            continue
        if text[at] == "\n" and depth == 0:
            break
        depth += (text[at] in "[{") - (text[at] in "]}")
        at += 1
    end = at - 1 if text[at - 1 : at + 1] == "\r\n" else at
    return end, end if comment is None else comment


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _closed(text: str, at: int, quote: str) -> int:
    """Past the end of a string whose inside begins at `at`."""
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    at += len(quote)
    while len(quote) == 3 and text.startswith(quote[0], at):  # Up to two more quotes belong to it.
        at += 1
    return at


def _header(whole: str) -> tuple[str, ...]:
    """A list of tables has no single place, so nothing is ever put into one."""
    if whole.startswith("[["):
        return ("[[", whole)
    return _path(f"{whole}\n\x00 = 0".replace("\x00", '"\\u0000"'))[:-1]


def _path(statement: str) -> tuple[str, ...]:
    """The keys down to the only value."""
    try:
        node: Any = tomllib.loads(statement)
    except tomllib.TOMLDecodeError:  # An `=` within a quoted key.
        return ("", statement)
    keys: list[str] = []
    while isinstance(node, dict) and len(node) == 1:
        key, node = next(iter(node.items()))
        keys.append(key)
    return tuple(keys)


def _value_at(tree: Any, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _merged(tree: dict[str, Any], path: tuple[str, ...], value: Json) -> dict[str, Any]:
    key, rest = path[0], path[1:]
    if not rest:
        return {**tree, key: value}
    below = tree.get(key, {})
    return {**tree, key: _merged(below if isinstance(below, dict) else {}, rest, value)}


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _written(key)


def _written(value: Json) -> str:
    if not isinstance(value, str | bool | int):
        raise TypeError(f"no TOML is made of {type(value).__name__}")
    return json.dumps(value, ensure_ascii=False)
