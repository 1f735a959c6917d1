"""Gets the words out of what is not plain text: tool calls and their results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

import msgspec

from tokenmill.conversation.parts import (
    Citation,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.request import CustomTool, FunctionTool, Tool, UnknownTool, WebSearchTool

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
    """The text of a tool's result, and of the pages that it names."""
    return "\n".join(words for part in result.content for words in _words_within(part))


def words_of_unknown(part: Unknown) -> str:
    """All strings in it: only its own protocol knows which of them a model is shown."""
    return _strings_in(part.raw)


def words_of_citation(citation: Citation) -> str:
    """What it says of the page or the document."""
    match citation:
        case UrlCitation(title=title, summary=summary):
            return f"{title}\n{summary}"
        case VendorCitation(raw=raw):
            return _strings_in(raw)
        case _:
            assert_never(citation)


def words_of_tool(tool: Tool) -> str:
    """What a model is told of the tool."""
    match tool:
        case FunctionTool(name=name, description=told, parameters=schema):
            return "\n".join((name, told or "", _strings_in(schema or b"")))
        case CustomTool(name=name, description=told, format=grammar):
            return "\n".join((name, told or "", _strings_in(grammar or b"")))
        case WebSearchTool(location=location):
            return _strings_in(location or b"")
        case UnknownTool(raw=raw):
            return _strings_in(raw)
        case _:
            assert_never(tool)


def _words_within(part: Part) -> Iterator[str]:
    match part:
        case Text(text=text, citations=citations):
            yield text
            yield from map(words_of_citation, citations)
        case Unknown():
            yield words_of_unknown(part)
        case _:
            return


def _strings_in(raw: bytes) -> str:
    try:
        return "\n".join(_strings(msgspec.json.decode(raw)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", "replace")


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
