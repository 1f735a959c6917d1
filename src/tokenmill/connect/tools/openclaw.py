"""OpenClaw: a provider of its own in `~/.openclaw/openclaw.json` (JSON5)."""

from __future__ import annotations

from tokenmill.connect.connection import Connection, Wire
from tokenmill.connect.template import File, Json, Place, Put, Text, Tool, Trial, Upsert

_APIS: dict[Wire, str] = {
    "chat": "openai-completions",
    "messages": "anthropic-messages",
    "responses": "openai-responses",
}
_PLACE = Place(
    ".openclaw/openclaw.json", (("OPENCLAW_CONFIG_PATH", ""), ("OPENCLAW_STATE_DIR", "openclaw.json"))
)


def _files(c: Connection) -> tuple[File, ...]:
    at = ("models", "providers", "tokenmill")
    kinds: list[Json] = ["text", "image"] if c.figures.images else ["text"]
    model: dict[str, Json] = {
        "id": c.model,
        "name": c.model,
        "reasoning": c.figures.thinking,
        "input": kinds,
        "contextWindow": c.figures.context,
        "maxTokens": c.figures.output,
    }
    chosen = f"tokenmill/{c.model}"
    edits = (
        Put(("models", "mode"), "merge", when="absent"),
        # /v1/messages is appended to what Anthropic's protocol gets.
        Put((*at, "baseUrl"), c.anthropic if c.wire == "messages" else c.openai),
        Put((*at, "apiKey"), c.key),
        Put((*at, "api"), _APIS[c.wire]),
        Upsert((*at, "models"), model, by=("id",)),
        Put(("agents", "defaults", "model", "primary"), chosen),
        Put(("agents", "defaults", "models", chosen), {}, when="inside"),  # A list of what is allowed.
    )
    return (File(_PLACE, "json", edits),)


def _trial(c: Connection, prompt: str) -> Trial:
    model = f"tokenmill/{c.model}"
    return Trial(
        ("agent", "--local", "--session-id", "check", "--model", model, "--message", prompt),
        {"OPENCLAW_DISABLE_BONJOUR": "1", "OPENCLAW_NO_AUTO_UPDATE": "1"},
    )


def _notes(c: Connection) -> tuple[Text, ...]:
    return (
        Text(
            "OpenClaw needs Node.js 24.16 or newer. "
            "Restart its gateway after a change: `openclaw gateway restart`.",
            "OpenClaw 需要 Node.js 24.16 或更高版本。更改后请重启网关：`openclaw gateway restart`。",
        ),
    )


TOOL = Tool(
    id="openclaw",
    name="OpenClaw",
    programs=("openclaw",),
    install="npm install -g openclaw",
    wires=("chat", "messages", "responses"),
    files=_files,
    start=lambda c: 'openclaw agent --local --session-id first --message "Hello"',
    trial=_trial,
    notes=_notes,
)
