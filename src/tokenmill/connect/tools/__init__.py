"""Lists the coding agents that can be connected."""

from __future__ import annotations

from typing import Final

from tokenmill.connect.template import Tool
from tokenmill.connect.tools import (
    aider,
    claude_code,
    cline,
    codebuddy,
    codex,
    hermes,
    kilo_code,
    openclaw,
    opencode,
    qwen_code,
)
from tokenmill.kit.faults import Code, Fault

TOOLS: Final[dict[str, Tool]] = {
    module.TOOL.id: module.TOOL
    for module in (
        claude_code,
        openclaw,
        opencode,
        kilo_code,
        cline,
        hermes,
        codebuddy,
        codex,
        qwen_code,
        aider,
    )
}


def find(name: str) -> Tool:
    """The agent of this name. Raises Fault(NOT_FOUND) that lists all."""
    if name not in TOOLS:
        raise Fault(Code.NOT_FOUND, f"There is no tool {name!r} here; there are {', '.join(TOOLS)}.")
    return TOOLS[name]
