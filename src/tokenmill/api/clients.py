"""Names the tool that sent a request, from its User-Agent."""

from __future__ import annotations

TOOLS: tuple[tuple[str, str], ...] = (
    ("claude-cli/", "claude-code"),
    ("opencode/", "opencode"),
    ("kilo-code/", "kilo-code"),
    ("codex", "codex"),
    ("codebuddy", "codebuddy"),
    ("qwencode/", "qwen-code"),
    ("hermes", "hermes"),
    ("cline", "cline"),
    ("openclaw", "openclaw"),
    ("aider", "aider"),
    ("ai-sdk/", "ai-sdk"),
    ("openai/python", "openai-python"),
    ("asyncopenai/python", "openai-python"),
    ("openai/js", "openai-node"),
    ("anthropic/python", "anthropic-python"),
    ("asyncanthropic/python", "anthropic-python"),
    ("anthropic/js", "anthropic-node"),
    ("curl/", "curl"),
)
"""What to look for, lower-case, and the name under which usage is shown; the first hit counts."""

_LONGEST = 64


def tool_of(user_agent: str) -> str:
    """`claude-cli/2.1.330 (external, sdk-cli)` → `claude-code`; an unknown agent's product name as it is."""
    lowered = user_agent.lower()
    for mark, name in TOOLS:
        if mark in lowered:
            return name
    product = lowered.partition("/")[0].partition(" ")[0]
    return "".join(c for c in product if c.isalnum() or c in "-_.")[:_LONGEST]
