"""Bounds what a request can cost before anybody has counted its tokens."""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from tokenmill.conversation.parts import (
    Inline,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tokenmill.conversation.request import CustomTool, FunctionTool, Request, UnknownTool, WebSearchTool
from tokenmill.exchange.media.tokens import tokens_of_media

PER_ITEM: Final = 64
"""Tokens for the marks that a chat template puts around a message, a part or a tool."""

MEDIA_TOKENS: Final = {"image": 8_192, "audio": 7_500, "video": 131_072, "file": 32_768}
"""Tokens of one medium whose size is not known: an image of eight megapixels, twenty minutes of sound, the
most that a film may take, a long document."""

_BYTES_PER_TOKEN = {"image": 24, "audio": 300, "video": 100, "file": 3}
"""Of media inside the request: compressed, so that no usual file is denser."""


PAGE_TOKENS: Final = 5_000
"""Of a page of a PDF: three thousand of words and two thousand of its picture are more than a page has."""

_PAGE = re.compile(rb"/Type\s*/Page\b")

MOST_HIDDEN: Final = 32_768
"""Tokens; beyond it an upstream's count is rather wrong than that its standing instructions are so long."""

_KEPT = 1_000  # Models.
_FADES = 64  # Exchanges that need less, after which about two thirds of what was learned are forgotten.


class HiddenPrompts:
    """Learns by how much prompts exceed their bytes upstream, where servers add instructions of their own."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, int] = OrderedDict()

    def tokens(self, model: str) -> int:
        """By how much a prompt of this model may exceed its bound."""
        return self._tokens.get(model, 0)

    def learn(self, model: str, bound: int, reported: int) -> None:
        """An exchange of `model` ended: of a prompt within `bound` its upstream counted `reported` tokens."""
        over = min(MOST_HIDDEN, max(0, reported - bound))
        known = self._tokens.pop(model, 0)
        if over or known:
            self._tokens[model] = over if over >= known else known - max(1, (known - over) // _FADES)
        if len(self._tokens) > _KEPT:
            self._tokens.popitem(last=False)


def input_bound(request: Request) -> int:
    """Tokens that the prompt of `request` cannot exceed: no vocabulary has a token of less than a byte."""
    total = 0
    for turn in request.turns:
        total += PER_ITEM + _of_parts(turn.parts)
    for tool in request.tools:
        total += PER_ITEM + _of_tool(tool)
    return total


def _of_text(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _of_parts(parts: Iterable[Part]) -> int:
    total = 0
    for part in parts:
        match part:
            case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
                total += _of_text(text)
            case ToolCall(name=name, arguments=arguments):
                total += PER_ITEM + _of_text(name) + _of_text(arguments)
            case ToolResult(content=content):
                total += PER_ITEM + _of_parts(content)
            case Media(source=Inline(data=data), media_type="text/plain"):
                total += PER_ITEM + len(data) * 3 // 4
            case Media(source=Inline(data=data), media_type="application/pdf"):
                total += PER_ITEM + _of_pdf(data)
            case Media(kind=kind, source=Inline(data=data)):
                usual = min(MEDIA_TOKENS[kind], PER_ITEM + len(data) * 3 // 4 // _BYTES_PER_TOKEN[kind])
                counted = tokens_of_media(part) or 0
                total += max(usual, PER_ITEM + counted + counted // 4)  # Other models count otherwise.
            case Media(kind=kind):
                total += MEDIA_TOKENS[kind]
            case Unknown(raw=raw):
                total += len(raw)
    return total


def _of_pdf(data: str) -> int:
    """Pages are shown as pictures beside their words; newer files hide theirs among what is compressed."""
    try:
        document = base64.b64decode(data, validate=True)
    except binascii.Error:
        return len(data)
    pages = len(_PAGE.findall(document))
    return PAGE_TOKENS * pages if pages else max(PAGE_TOKENS, len(document) // _BYTES_PER_TOKEN["file"])


def _of_tool(tool: FunctionTool | CustomTool | WebSearchTool | UnknownTool) -> int:
    match tool:
        case FunctionTool(name=name, description=description, parameters=schema):
            return len(name) + _of_text(description or "") + len(schema or b"")
        case CustomTool(name=name, description=description, format=grammar):
            return len(name) + _of_text(description or "") + len(grammar or b"")
        case UnknownTool(raw=raw):
            return len(raw)
        case WebSearchTool():
            return 0
