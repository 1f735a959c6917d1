"""Hermes Agent: the block `model` of `~/.hermes/config.yaml`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection, Wire
from tokenmill.connect.template import File, Json, Place, Put, Text, Tool, Trial

_MODES: dict[Wire, str] = {"chat": "chat_completions", "messages": "anthropic_messages"}
_PLACE = Place(".hermes/config.yaml", (("HERMES_HOME", "config.yaml"),))
_SMALLEST = 64_000  # Tokens of context below which Hermes does not start.


def _files(c: Connection) -> tuple[File, ...]:
    settings: dict[str, Json] = {
        "provider": "custom",
        "default": c.model,
        "base_url": c.anthropic if c.wire == "messages" else c.openai,
        "api_key": c.key,
        "api_mode": _MODES[c.wire],
        "context_length": c.figures.context,
    }
    return (File(_PLACE, "yaml", tuple(Put(("model", name), value) for name, value in settings.items())),)


def _notes(c: Connection) -> tuple[Text, ...]:
    if c.figures.context >= _SMALLEST:
        return ()
    return (
        Text(
            f"Hermes does not start with a model of less than {_SMALLEST:,} tokens of context.",
            f"Hermes 不接受上下文少于 {_SMALLEST:,} token 的模型。",
        ),
    )


TOOL = Tool(
    id="hermes",
    name="Hermes Agent",
    programs=("hermes",),
    install="pip install hermes-agent",
    wires=("chat", "messages"),
    files=_files,
    start=lambda c: "hermes chat",
    trial=lambda c, prompt: Trial(("chat", "-Q", "-q", prompt)),
    notes=_notes,
)
