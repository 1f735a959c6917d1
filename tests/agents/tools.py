"""The tools: which version is installed from where, how it works unattended, how its model reads a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.agents.installing import BIN, FromNpm, FromPyPI, Source
from tokenmill.connect.connection import Connection
from tokenmill.connect.template import Tool as Settings
from tokenmill.connect.tools import find

NODE: Final = str(BIN / "node")
MODULES: Final = "node_modules"


@dataclass(frozen=True, slots=True)
class Agent:
    """One tool; its settings are those that `tokenmill connect` writes.

    `program` is a path below its directory, perhaps with wildcards. `unattended` are its arguments when
    nobody can be asked for permission, before the prompt or behind it. `read` is how a model reads a
    file with it: the tool's name, and its arguments for a path; None: its model is offered no tools.
    """

    settings: Settings
    version: str
    source: Source
    program: str
    unattended: Callable[[Connection, str], tuple[str, ...]]
    read: Callable[[str], tuple[str, dict[str, Any]]] | None
    trims: bool = False  # It takes the white space off both ends of the thinking that it sends back.

    @property
    def id(self) -> str:
        """As on the usage pages."""
        return self.settings.id

    def command(self, place: Path, connection: Connection, prompt: str) -> list[str]:
        """What runs it; `place` is where it is installed."""
        (program,) = place.glob(self.program)
        with_node = [NODE] if program.suffix in (".js", ".mjs") else []
        return [*with_node, str(program), *self.unattended(connection, prompt)]


_CAT = ("--allowedTools", "Read", "Bash(cat:*)")
_CLINE = {"chat": "openai-compatible", "messages": "anthropic", "responses": "openai-native"}
_UNASKED = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
_AIDER = ("--no-git", "--no-analytics", "--no-check-update", "--no-show-model-warnings", "--no-pretty")

AGENTS: Final[tuple[Agent, ...]] = (
    Agent(
        find("claude-code"),
        "2.1.330",
        FromNpm(("@anthropic-ai/claude-code-linux-x64@2.1.330",)),
        f"{MODULES}/@anthropic-ai/claude-code-linux-x64/claude",
        lambda c, prompt: ("-p", prompt, "--model", c.model, *_CAT),
        lambda path: ("Read", {"file_path": path}),
    ),
    Agent(
        find("codex"),
        "0.169.0",
        FromNpm(("@openai/codex@0.169.0",)),
        f"{MODULES}/@openai/codex/bin/codex.js",
        lambda c, prompt: ("exec", *_UNASKED, prompt),
        lambda path: ("exec_command", {"cmd": f"cat {path}"}),
    ),
    Agent(
        find("opencode"),
        "1.18.33",
        FromNpm(("opencode-linux-x64@1.18.33",)),
        f"{MODULES}/opencode-linux-x64/bin/opencode",
        lambda c, prompt: ("run", "--model", f"tokenmill/{c.model}", "--auto", prompt),
        lambda path: ("read", {"filePath": path}),
    ),
    Agent(
        find("qwen-code"),
        "0.24.4",
        FromNpm(("@qwen-code/qwen-code@0.24.4",)),
        f"{MODULES}/@qwen-code/qwen-code/cli.js",
        lambda c, prompt: ("--yolo", "-p", prompt),
        lambda path: ("read_file", {"file_path": path}),
        trims=True,
    ),
    Agent(
        find("kilo-code"),
        "7.7.9",
        FromNpm(("@kilocode/cli-linux-x64@7.7.9",)),
        f"{MODULES}/@kilocode/cli-linux-x64/bin/kilo",
        lambda c, prompt: ("run", "--model", f"tokenmill/{c.model}", "--auto", prompt),
        lambda path: ("read", {"filePath": path}),
    ),
    Agent(
        find("cline"),
        "3.0.65",
        FromNpm(("cline@3.0.65",)),
        f"{MODULES}/.bin/cline",
        lambda c, prompt: ("-P", _CLINE[c.wire], "-m", c.model, "--auto-approve", "true", prompt),
        lambda path: ("read_files", {"files": [{"path": path}]}),
    ),
    Agent(
        find("openclaw"),
        "2026.9.6",
        FromNpm(("openclaw@2026.9.6",)),
        f"{MODULES}/openclaw/openclaw.mjs",
        lambda c, prompt: find("openclaw").trial(c, prompt).arguments,
        lambda path: ("read", {"path": path}),
    ),
    Agent(
        find("hermes"),
        "0.19.0",
        FromPyPI(("hermes-agent==0.19.0", "anthropic==0.87.0")),
        "bin/hermes",
        lambda c, prompt: ("chat", "-Q", "--yolo", "-q", prompt),
        lambda path: ("read_file", {"path": path}),
    ),
    Agent(
        find("codebuddy"),
        "2.163.0",
        FromPyPI(("codebuddy-agent-sdk==0.3.274",), alone=True),
        "lib/python*/site-packages/codebuddy_agent_sdk/bin/codebuddy-headless",
        lambda c, prompt: ("-p", prompt, "--model", c.model, "-y", *_CAT),
        lambda path: ("Read", {"file_path": path}),
    ),
    Agent(
        find("aider"),
        "0.86.2",
        FromPyPI(("aider-chat==0.86.2",)),
        "bin/aider",
        lambda c, prompt: (*_AIDER, "--yes-always", "--message", prompt),
        None,
    ),
)
