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
    """The agent of this id, name or program, in capitals or not. Raises Fault(NOT_FOUND) that lists all."""
    wanted = _letters(name)
    for tool in TOOLS.values():
        if wanted in map(_letters, (tool.id, tool.name, *tool.programs)):
            return tool
    raise Fault(Code.NOT_FOUND, f"There is no tool {name!r} here; there are {', '.join(TOOLS)}.")


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
