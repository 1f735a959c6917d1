"""Gets the words out of what is not plain text: tool calls and their results."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from tokenmill.conversation.parts import Text, ToolCall, ToolResult

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def words_of_call(call: ToolCall) -> str:
    """Everything that the arguments say, each string by itself: escapes hide nothing."""
    if call.kind == "custom":
        return call.arguments
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _ESCAPE.sub(_plain, call.arguments)
    return "\n".join(_strings(value))


def words_of_result(result: ToolResult) -> str:
    """The text of a tool's result."""
    return "\n".join(part.text for part in result.content if isinstance(part, Text))


def _strings(value: object) -> Iterator[str]:
    """Keys and values, as deep as they are; without recursion, since a model decides how deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [inner for pair in reversed(each.items()) for inner in reversed(pair)]
        elif isinstance(each, list):
            waiting += reversed(each)


def _plain(found: re.Match[str]) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    return _NAMED.get(found[2], found[2])
