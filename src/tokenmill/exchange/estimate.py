"""Estimates tokens from text, where nobody who knows has counted them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

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
from tokenmill.exchange.media.tokens import tokens_of_media, words_of_text

ASCII_PER_TOKEN = 4.0
"""English prose and code in the vocabularies of Qwen, Llama and GPT lie between 3.5 and 4.5."""
WIDE_PER_TOKEN = 1.5
"""Chinese, Japanese and Korean in the same vocabularies lie between 1.3 and 1.8 characters."""
PER_TURN = 4
"""Role marks and separators that chat templates put around a message."""

MEDIA_TOKENS = {"image": 1_024, "audio": 1_500, "video": 8_192, "file": 4_096}
"""Of a medium of usual size: an image of a megapixel, four minutes of sound, a short film, some pages."""
_BYTES_PER_TOKEN = {"image": 200, "audio": 1_000, "video": 1_000, "file": 6}
"""Of media inside the request: a usual JPEG, MP3, film and text."""

_KEPT = 10_000  # Accounts' models; each takes about 150 bytes.
_WEIGHT = 0.2  # Of the newest exchange: ten exchanges replace most of what was believed before.
_LOWEST, _HIGHEST = 0.5, 4.0  # Beyond these the prompt held something else than text, or the count is wrong.


class Calibration:
    """Learns from reported usage by how much the estimate of each model's prompts is off.

    What a caller who leaves early pays for the prompt is such an estimate, so `model` names the account as
    well: nobody teaches it for others.
    """

    def __init__(self) -> None:
        self._ratios: OrderedDict[str, float] = OrderedDict()

    def input_tokens(self, model: str, request: Request) -> int:
        """About how many tokens the prompt of `request` is for `model`; never 0."""
        return max(1, round(tokens_of_request(request) * self._ratios.get(model, 1.0)))

    def learn(self, model: str, request: Request, reported: int) -> None:
        """An exchange of `model` ended and its upstream counted `reported` tokens of prompt."""
        if reported <= 0 or _holds_media(request):
            return
        ratio = min(_HIGHEST, max(_LOWEST, reported / max(1, tokens_of_request(request))))
        known = self._ratios.pop(model, ratio)
        self._ratios[model] = known + _WEIGHT * (ratio - known)
        if len(self._ratios) > _KEPT:
            self._ratios.popitem(last=False)


def tokens_of_text(text: str) -> int:
    """About how many tokens `text` is; never 0 for text that is there."""
    if not text:
        return 0
    narrow = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return max(1, round(narrow / ASCII_PER_TOKEN + (len(text) - narrow) / WIDE_PER_TOKEN))


class Gauge:
    """Estimates the tokens of a reply while it is said, piece by piece.

    No piece is less than a token: digits, emoji and many scripts take one for each character, and model
    servers send each token as it comes.
    """

    __slots__ = ("_empty", "_narrow", "_pieces", "_wide")

    def __init__(self) -> None:
        self._narrow = 0
        self._wide = 0
        self._pieces = 0
        self._empty = 0

    def add(self, text: str) -> None:
        """The next words."""
        self._pieces += 1
        if not text:
            self._empty += 1
        if text.isascii():
            self._narrow += len(text)
        else:
            narrow = len(text.encode("ascii", "ignore"))
            self._narrow += narrow
            self._wide += len(text) - narrow

    @property
    def used(self) -> bool:
        """Has anything been said?"""
        return self._pieces > 0

    @property
    def tokens(self) -> int:
        """About how many tokens that was; never 0 for words that were said."""
        if not self._narrow and not self._wide:
            return 0
        by_text = round(self._narrow / ASCII_PER_TOKEN + self._wide / WIDE_PER_TOKEN)
        return max(1, by_text, self._pieces - self._empty)


def tokens_of_request(request: Request) -> int:
    """About how many tokens the prompt of `request` is."""
    turns = sum(PER_TURN + _tokens_of_parts(turn.parts) for turn in request.turns)
    return turns + sum(map(_tokens_of_tool, request.tools))


def _tokens_of_tool(tool: FunctionTool | CustomTool | WebSearchTool | UnknownTool) -> int:
    match tool:
        case FunctionTool(name=name, description=description, parameters=schema):
            return tokens_of_text(name) + tokens_of_text(description or "") + _tokens_of_json(schema)
        case CustomTool(name=name, description=description, format=grammar):
            return tokens_of_text(name) + tokens_of_text(description or "") + _tokens_of_json(grammar)
        case WebSearchTool() | UnknownTool():
            return 0


def _tokens_of_json(raw: bytes | None) -> int:
    return tokens_of_text(raw.decode("utf-8", "replace")) if raw else 0


def _tokens_of_parts(parts: Iterable[Part]) -> int:
    total = 0
    for part in parts:
        match part:
            case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
                total += tokens_of_text(text)
            case ToolCall(name=name, arguments=arguments):
                total += tokens_of_text(name) + tokens_of_text(arguments)
            case ToolResult(content=content):
                total += _tokens_of_parts(content)
            case Media() if (words := words_of_text(part)) is not None:
                total += tokens_of_text(words)
            case Media() if (counted := tokens_of_media(part)) is not None:
                total += counted
            case Media(kind=kind, source=Inline(data=data)):
                total += min(4 * MEDIA_TOKENS[kind], 1 + len(data) * 3 // 4 // _BYTES_PER_TOKEN[kind])
            case Media(kind=kind):
                total += MEDIA_TOKENS[kind]
            case Unknown():
                pass
    return total


def _holds_media(request: Request) -> bool:
    parts = (part for turn in request.turns for part in turn.parts)
    return any(
        isinstance(inner, Media)
        for part in parts
        for inner in (part.content if isinstance(part, ToolResult) else (part,))
    )
