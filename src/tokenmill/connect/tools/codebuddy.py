"""CodeBuddy Code: an entry in the list of `~/.codebuddy/models.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection
from tokenmill.connect.template import File, Include, Json, Place, Text, Tool, Trial, Upsert

_PLACE = Place(".codebuddy/models.json", (("CODEBUDDY_CONFIG_DIR", "models.json"),))


def _files(c: Connection) -> tuple[File, ...]:
    model: dict[str, Json] = {
        "id": c.model,
        "name": f"{c.model} (TokenMill)",
        "vendor": "TokenMill",
        "url": f"{c.openai}/chat/completions",
        "apiKey": c.key,
        "maxInputTokens": c.figures.context,
        "maxOutputTokens": c.figures.output,
        "supportsToolCall": True,
        "supportsImages": c.figures.images,
        "supportsReasoning": c.figures.thinking,
    }
    edits = (Upsert(("models",), model, by=("id",)), Include(("availableModels",), c.model))
    return (File(_PLACE, "json", edits),)


def _trial(c: Connection, prompt: str) -> Trial:
    return Trial(("-p", prompt, "--model", c.model), {"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1"})


def _notes(c: Connection) -> tuple[Text, ...]:
    return (
        Text(
            "The Python package `codebuddy-agent-sdk` brings the same program as `codebuddy-headless`.",
            "Python 包 `codebuddy-agent-sdk` 中也带有同一程序，名为 `codebuddy-headless`。",
        ),
    )


TOOL = Tool(
    id="codebuddy",
    name="CodeBuddy Code",
    programs=("codebuddy", "codebuddy-headless"),
    install="npm install -g @tencent-ai/codebuddy-code",
    wires=("chat",),
    files=_files,
    start=lambda c: f"codebuddy --model {c.model}",
    trial=_trial,
    notes=_notes,
)
