"""Names the tool that sent a request, from its headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

UNKNOWN: Final = "unknown"
_LONGEST: Final = 64


class Sign(NamedTuple):
    """What a header holds, in lower case, when the request comes from this tool; "" is enough to be there."""

    header: bytes
    mark: str
    tool: str


SIGNS: Final[tuple[Sign, ...]] = (
    # What a tool says of itself, and of nobody else.
    Sign(b"x-claude-code-session-id", "", "claude-code"),
    Sign(b"originator", "codex", "codex"),
    Sign(b"x-title", "kilo code", "kilo-code"),
    Sign(b"x-title", "cline", "cline"),
    Sign(b"x-title", "openclaw", "openclaw"),
    Sign(b"http-referer", "kilocode.ai", "kilo-code"),
    Sign(b"http-referer", "cline.bot", "cline"),
    Sign(b"http-referer", "openclaw", "openclaw"),
    # Qwen Code calls itself claude-cli on Anthropic's wire, with its own version.
    Sign(b"user-agent", "claude-cli/0.", "qwen-code"),
    Sign(b"user-agent", "claude-cli/", "claude-code"),
    Sign(b"user-agent", "opencode/", "opencode"),
    Sign(b"user-agent", "kilo-code/", "kilo-code"),
    Sign(b"user-agent", "codebuddy/", "codebuddy"),
    Sign(b"user-agent", "codex", "codex"),
    Sign(b"user-agent", "qwencode/", "qwen-code"),
    Sign(b"user-agent", "hermes", "hermes"),
    Sign(b"user-agent", "cline/", "cline"),
    Sign(b"user-agent", "openclaw", "openclaw"),
    Sign(b"user-agent", "aider", "aider"),
    # Libraries. OpenClaw, Hermes and aider send nothing but their SDK's own headers, and so does Cline.
    Sign(b"user-agent", "ai-sdk/", "ai-sdk"),
    Sign(b"user-agent", "asyncopenai/python", "openai-python"),
    Sign(b"user-agent", "openai/python", "openai-python"),
    Sign(b"user-agent", "openai/js", "openai-node"),
    Sign(b"user-agent", "asyncanthropic/python", "anthropic-python"),
    Sign(b"user-agent", "anthropic/python", "anthropic-python"),
    Sign(b"user-agent", "anthropic/js", "anthropic-node"),
    Sign(b"user-agent", "curl/", "curl"),
)
"""What to look for and the name under which usage is shown; the first hit counts."""

_STAINLESS: Final[tuple[tuple[str, str], ...]] = (("python", "python"), ("js", "node"))
"""The languages of the SDKs that Stainless makes for both vendors, and how these are called here."""

_NAMELESS: Final = frozenset({"undici", "node", "node-fetch", "axios", "python-httpx", "mozilla"})
"""What says no more than how a request was sent."""

Header = Callable[[bytes], str]
"""Gives a header by its name in lower case; empty where there is none."""


def tool_of(header: Header) -> str:
    """`claude-cli/2.1.330 (external, sdk-cli)` → `claude-code`; an unknown agent's product name as it is."""
    seen = {name: header(name).strip().lower() for name in dict.fromkeys(sign.header for sign in SIGNS)}
    for sign in SIGNS:
        if seen[sign.header] and sign.mark in seen[sign.header]:
            return sign.tool
    product = _product(seen[b"user-agent"])
    return (product if product not in _NAMELESS else "") or _sdk(header) or product or UNKNOWN


def _sdk(header: Header) -> str:
    """An SDK that goes by the name of the HTTP client below it."""
    language = header(b"x-stainless-lang").lower()
    vendor = "anthropic" if header(b"anthropic-version") else "openai"
    return next((f"{vendor}-{name}" for spoken, name in _STAINLESS if language == spoken), "")


def _product(agent: str) -> str:
    product = agent.partition("/")[0].partition(" ")[0]
    return "".join(c for c in product if c.isalnum() or c in "-_.")[:_LONGEST]
