"""Says tools that take free text as functions of one string, for servers that know no others, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Final

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import ArgumentsDelta, Event, PartClosed, PartOpened
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import ToolCall
from tokenmill.conversation.request import CustomTool, FunctionTool, Request

NOT_ENFORCED: Final = "the target does not enforce a grammar; the tool's description tells it"

_PARAMETERS: Final = (
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],'
    b'"additionalProperties":false}'
)
_HEAD: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_LONGEST_HEAD: Final = 64
"""Characters; what begins otherwise is read as a whole at its end."""
_PLAIN: Final = re.compile(r'[^"\\]*')
_HIGH: Final = re.compile(r"\\u[dD][89abAB]")
_HALVES: Final = re.compile("[\ud800-\udfff]")


class _Rule(msgspec.Struct):
    syntax: str | None = None
    definition: str | None = None


class _Format(_Rule):
    """Flat, as Responses has it, or with its rule inside, as Chat has it."""

    type: str | None = None
    grammar: _Rule | None = None


_FORMAT: Final = msgspec.json.Decoder(_Format)


def grammar_of(tool: CustomTool) -> tuple[str, str] | None:
    """The syntax and the definition of the grammar that the tool's input follows; None for any text."""
    try:
        shape = _FORMAT.decode(tool.format or b"{}")
    except msgspec.DecodeError:
        return None
    rule = shape.grammar or shape
    return None if rule.definition is None else (rule.syntax or "", rule.definition)


def write_format(tool: CustomTool, *, nested: bool) -> Raw | None:
    """The tool's format with its grammar where the wire has it: `nested` or flat. Others stay as they are."""
    grammar = grammar_of(tool)
    if tool.format is None or grammar is None:
        return None if tool.format is None else Raw(tool.format)
    rule: dict[str, object] = {"syntax": grammar[0], "definition": grammar[1]}
    said: dict[str, object] = {"type": "grammar", **({"grammar": rule} if nested else rule)}
    kept = msgspec.json.decode(tool.format, type=dict[str, Raw])
    return Raw(tool.format) if ("grammar" in kept) is nested else Raw(msgspec.json.encode(said))


def as_function(tool: CustomTool) -> FunctionTool:
    """A function of one string, `input`; the grammar stands in its description."""
    said = [] if tool.description is None else [tool.description]
    if grammar := grammar_of(tool):
        syntax = f" ({grammar[0]})" if grammar[0] else ""
        said.append(f"The input must follow this grammar{syntax}:\n{grammar[1]}")
    return FunctionTool(tool.name, "\n\n".join(said) or None, _PARAMETERS)


def wrapped(text: str) -> str:
    """The arguments that say `text`."""
    return msgspec.json.encode({"input": text}).decode()


def free_text_tools(request: Request) -> frozenset[str]:
    """The names of the tools that take free text."""
    return frozenset(tool.name for tool in request.tools if isinstance(tool, CustomTool))


class InputReader:
    """Takes the text out of `{"input": "…"}` while it is written.

    Arguments of another shape are read at their end: as the `input` among others, else as they stand, so that
    nothing of what a model wrote is lost.
    """

    def __init__(self) -> None:
        self._read: Callable[[str], str] = self._head
        self._held = ""
        self._rest: list[str] = []

    def feed(self, text: str) -> str:
        """What of the input `text` completes."""
        return self._read(text)

    def close(self) -> str:
        """What of the input had to wait for the end."""
        if self._read == self._body or self._read == self._over:
            return ""  # An escape that was cut says nothing.
        whole = self._held + "".join(self._rest)
        try:
            value = msgspec.json.decode(whole or "{}")
        except (msgspec.DecodeError, RecursionError):
            return whole
        match value:
            case {"input": str(text)} | str(text):
                return text
            case dict() if not value:
                return ""
            case _:
                return whole

    def _head(self, text: str) -> str:
        self._held += text
        if head := _HEAD.match(self._held):
            rest, self._held, self._read = self._held[head.end() :], "", self._body
            return self._body(rest)
        if len(self._held) > _LONGEST_HEAD:
            self._read = self._wait
        return ""

    def _wait(self, text: str) -> str:
        self._rest.append(text)
        return ""

    def _over(self, text: str) -> str:
        return ""

    def _body(self, text: str) -> str:
        text, self._held = self._held + text, ""
        said: list[str] = []
        at = 0
        while True:
            plain = _PLAIN.match(text, at)
            assert plain is not None  # It matches nothing, too.
            said.append(plain[0])
            at = plain.end()
            if at == len(text):
                break
            if text[at] == '"':
                self._read = self._over
                break
            size = _escape_size(text, at)
            if at + size > len(text):
                self._held = text[at:]
                break
            said.append(_unescaped(text[at : at + size]))
            at += size
        return "".join(said)


def _escape_size(text: str, at: int) -> int:
    """The length of the escape there, as far as it can be seen; half of a pair waits for the other."""
    if text[at + 1 : at + 2] != "u":
        return 2
    if _HIGH.match(text, at) and text[at + 6 : at + 8] in ("", "\\", "\\u"):
        return 12
    return 6


def _unescaped(escape: str) -> str:
    try:
        return _HALVES.sub("\ufffd", json.loads(f'"{escape}"'))
    except ValueError:
        return escape


class FreeText:
    """Turns calls of such functions back into calls with free text; `names` are the tools'."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._open: dict[int, InputReader] = {}

    def take(self, frame: Frame) -> Frame:
        """The frame as the caller is to hear it; itself where it says nothing of them."""
        if not self._names or not any(self._concerns(event) for event in frame.events):
            return frame
        return Frame(tuple(told for event in frame.events for told in self._told(event)))

    def _concerns(self, event: Event) -> bool:
        match event:
            case PartOpened(part=ToolCall(name=name, kind="function")):
                return name in self._names
            case ArgumentsDelta(index=index) | PartClosed(index=index):
                return index in self._open
            case _:
                return False

    def _told(self, event: Event) -> list[Event]:
        match event:
            case PartOpened(part=ToolCall(kind="function") as call) if call.name in self._names:
                reader = self._open[event.index] = InputReader()
                custom = ToolCall(call.id, call.name, reader.feed(call.arguments), "custom")
                return [PartOpened(event.index, custom, event.choice)]
            case ArgumentsDelta(index=index, text=text) if index in self._open:
                said = self._open[index].feed(text)
                return [ArgumentsDelta(index, said)] if said else []
            case PartClosed(index=index) if index in self._open:
                said = self._open.pop(index).close()
                return [ArgumentsDelta(index, said), event] if said else [event]
            case _:
                return [event]
