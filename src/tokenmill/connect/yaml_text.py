"""Changes plain values in the text of a YAML file, leaving everything around them as it was.

It knows block mappings of one or two levels, which is how people write settings, and refuses the rest.
"""

from __future__ import annotations

import json
import re
from typing import Final

from tokenmill.connect.template import Json, Put

_ENTRY: Final = re.compile(
    r"""(?P<key>"[^"]*"|'[^']*'|[^\s#:'"&*!|>{}\[\],%@`-][^#:]*?)\s*:(?P<rest>\s.*|)$"""
)
_VALUE: Final = re.compile(
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'&*!|>{\[\s#](?:[^#]|(?<=\S)#)*?|)(?P<comment>\s+\#.*|)\s*$"""
)


def apply(text: str, edit: Put) -> str:
    """`text` with one edit; the same text when it holds that already. Raises ValueError that says why not."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.removesuffix("\n").split("\n") if text.strip() else []
    lines = [line.removesuffix("\r") for line in lines]
    _check(lines)
    changed = _set(lines, 0, len(lines), "", edit)
    return text if changed is None else newline.join(changed) + newline


def _check(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line[0] in " #" or line.startswith("- ") or line == "-":
            continue
        if line.rstrip() in ("---", "...") and not any(_is_content(other) for other in lines[: number - 1]):
            continue
        if _ENTRY.match(line) is None:
            raise ValueError(f"line {number}: only plain `key: value` lines can be changed by this command")


def _set(lines: list[str], first: int, last: int, indent: str, edit: Put) -> list[str] | None:
    """The lines with the edit made between `first` and `last`, at this indentation; None: nothing to do."""
    key, rest = edit.path[0], edit.path[1:]
    found = [at for at in range(first, last) if _key_of(lines[at], indent) == key]
    if len(found) > 1:
        raise ValueError(f"lines {found[0] + 1} and {found[1] + 1} both set {key}")
    if not found:
        at = _end(lines, first, last)
        return lines[:at] + _written(edit.path, edit.value, indent) + lines[at:]
    at = found[0]
    after = _end(lines, at + 1, _block_end(lines, at + 1, last, indent))
    value, comment = _value_of(lines[at], at)
    if rest and not value and after > at + 1:
        inner = next((line for line in lines[at + 1 : after] if _is_content(line)), None)
        if inner is None:
            return [*lines[: at + 1], *_written(rest, edit.value, indent + "  "), *lines[at + 1 :]]
        deeper = inner[: len(inner) - len(inner.lstrip(" "))]
        if len(deeper) <= len(indent) or _ENTRY.match(inner.lstrip(" ")) is None:
            raise ValueError(f"line {at + 1}: {key} is no mapping")
        return _set(lines, at + 1, after, deeper, Put(rest, edit.value, edit.when))
    if any(_is_content(line) for line in lines[at + 1 : after]):
        raise ValueError(f"line {at + 1}: {key} has more than one line, where one value belongs")
    if edit.when != "always" and value:
        return None
    if rest:
        return lines[:at] + _written(edit.path, edit.value, indent) + lines[at + 1 :]
    if _plain(value) == _plain(json.dumps(edit.value, ensure_ascii=False)):
        return None
    return [*lines[:at], _written(edit.path, edit.value, indent)[0] + comment, *lines[at + 1 :]]


def _key_of(line: str, indent: str) -> str | None:
    if not line.startswith(indent) or line[len(indent) : len(indent) + 1] in ("", " ", "#"):
        return None
    found = _ENTRY.match(line[len(indent) :])
    return None if found is None else found["key"].strip("\"'")


def _value_of(line: str, at: int) -> tuple[str, str]:
    entry = _ENTRY.match(line.lstrip(" "))
    assert entry is not None
    rest = entry["rest"]
    found = _VALUE.match(rest.lstrip() if rest.strip() != "{}" else "")
    if found is None and not rest.lstrip().startswith("#"):
        raise ValueError(f"line {at + 1}: a value of this form cannot be changed by this command")
    return (found["value"], found["comment"]) if found else ("", " " + rest.lstrip())


def _block_end(lines: list[str], start: int, last: int, indent: str) -> int:
    """Where the block that belongs to the key before `start` ends."""
    for at in range(start, last):
        line = lines[at]
        depth = len(line) - len(line.lstrip(" "))
        if _is_content(line) and depth <= len(indent) and not line[depth:].startswith("-"):
            return at
    return last


def _end(lines: list[str], first: int, last: int) -> int:
    """The same without the blank lines and comments before what follows."""
    while last > first and not _is_content(lines[last - 1]):
        last -= 1
    return last


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#") and line.rstrip() not in ("---", "...")


def _written(path: tuple[str, ...], value: Json, indent: str) -> list[str]:
    if not isinstance(value, str | bool | int):
        raise TypeError(f"no YAML is made of {type(value).__name__}")
    lines = [f"{indent}{'  ' * depth}{key}:" for depth, key in enumerate(path)]
    lines[-1] += f" {json.dumps(value, ensure_ascii=False)}"
    return lines


def _plain(value: str) -> str:
    if value.startswith('"'):
        return str(json.loads(value, strict=False)) if value.endswith('"') else value
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
