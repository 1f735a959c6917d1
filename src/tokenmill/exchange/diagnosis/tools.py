"""Says what a target's abilities mean for each coding agent."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from tokenmill.conversation.parts import Value
from tokenmill.exchange.diagnosis.findings import ABILITIES, Ability, Examined

Verdict = Literal["works", "limited", "fails", "unknown"]


class Need(NamedTuple):
    """What a tool cannot do without, and with how many tokens of context it gets through a first task."""

    name: str
    needs: tuple[Ability, ...]
    context: int


_AGENT: Final[tuple[Ability, ...]] = ("answers", "tools", "results")

NEEDS: Final[dict[str, Need]] = {
    "claude-code": Need("Claude Code", _AGENT, 32_000),
    "openclaw": Need("OpenClaw", _AGENT, 32_000),
    "opencode": Need("OpenCode", _AGENT, 32_000),
    "kilo-code": Need("Kilo Code", _AGENT, 32_000),
    "cline": Need("Cline", _AGENT, 32_000),
    "hermes": Need("Hermes Agent", _AGENT, 64_000),  # It does not start with less.
    "codebuddy": Need("CodeBuddy Code", _AGENT, 48_000),  # Its first request alone has 96 KB.
    "codex": Need("Codex", _AGENT, 32_000),
    "qwen-code": Need("Qwen Code", _AGENT, 32_000),
    "aider": Need("aider", ("answers",), 8_000),  # It reads edits out of the answer's text.
}
"""First requests were measured at 22 to 97 KB of instructions and tools."""

_WISHES: Final[dict[Ability, str]] = {
    "streams": "answers come all at once",
    "usage": "usage is the platform's own count",
    "caches": "no cache hits, so every turn costs its full price",
}


class Prospect(Value, frozen=True):
    """How a tool will fare with a target, and why not better."""

    verdict: Verdict
    why: tuple[str, ...]


def prospects(examined: Examined) -> dict[str, Prospect]:
    """How each tool will fare, by its name on the usage pages."""
    return {tool: _prospect(examined, need) for tool, need in NEEDS.items()}


def _prospect(examined: Examined, need: Need) -> Prospect:
    found = examined.findings
    lacking = tuple(f"not: {ABILITIES[what]}" for what in need.needs if found[what].state == "no")
    if examined.context < need.context:
        lacking += (f"it needs {need.context:,} tokens of context, and there are {examined.context:,}",)
    if lacking:
        return Prospect("fails", lacking)
    unsure = tuple(f"not seen: {ABILITIES[what]}" for what in need.needs if found[what].state == "unknown")
    if unsure:
        return Prospect("unknown", unsure)
    wishes = tuple(words for what, words in _WISHES.items() if found[what].state == "no")
    return Prospect("limited" if wishes else "works", wishes)
