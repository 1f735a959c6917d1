"""Estimates tokens from text, for replies whose upstream did not count them."""

from __future__ import annotations

from collections.abc import Iterable

from tokenmill.conversation.parts import Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from tokenmill.conversation.request import FunctionTool, Request

ASCII_PER_TOKEN = 4.0
"""English prose and code in the vocabularies of Qwen, Llama and GPT lie between 3.5 and 4.5."""
WIDE_PER_TOKEN = 1.5
"""Chinese, Japanese and Korean in the same vocabularies lie between 1.3 and 1.8 characters."""
PER_TURN = 4
"""Role marks and separators that chat templates put around a message."""


def tokens_of_text(text: str) -> int:
    """About how many tokens `text` is; never 0 for text that is there."""
    if not text:
        return 0
    narrow = len(text) if text.isascii() else sum(character < "\u0080" for character in text)
    return max(1, round(narrow / ASCII_PER_TOKEN + (len(text) - narrow) / WIDE_PER_TOKEN))


def tokens_of_request(request: Request) -> int:
    """About how many tokens the prompt of `request` is; media are not counted."""
    turns = sum(PER_TURN + _tokens_of_parts(turn.parts) for turn in request.turns)
    tools = sum(
        tokens_of_text(tool.name)
        + tokens_of_text(tool.description or "")
        + tokens_of_text((tool.parameters or b"").decode("utf-8", "replace"))
        for tool in request.tools
        if isinstance(tool, FunctionTool)
    )
    return turns + tools


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
            case Media() | Unknown():
                pass
    return total
