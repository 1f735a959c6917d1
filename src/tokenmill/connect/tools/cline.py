"""Cline's command line: a provider in `~/.cline/data/settings/providers.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection, Wire
from tokenmill.connect.template import File, Json, Place, Put, Text, Tool, Trial
from tokenmill.connect.tools.opencode import VERSIONED

_PROVIDERS: dict[Wire, str] = {
    "chat": "openai-compatible",
    "messages": "anthropic",
    "responses": "openai-native",
}
_PLACE = Place(
    ".cline/data/settings/providers.json",
    (
        ("CLINE_PROVIDER_SETTINGS_PATH", ""),
        ("CLINE_DATA_DIR", "settings/providers.json"),
        ("CLINE_DIR", "data/settings/providers.json"),
    ),
)


def _files(c: Connection) -> tuple[File, ...]:
    provider = _PROVIDERS[c.wire]
    at = ("providers", provider)
    settings: dict[str, Json] = {
        "provider": provider,
        "apiKey": c.key,
        "model": c.model,
        # Anthropic's package appends /messages and nothing more.
        "baseUrl": f"{c.anthropic}/v1" if c.wire == "messages" else c.openai,
        "maxTokens": c.figures.output,
        "contextWindow": c.figures.context,
    }
    moment = c.made_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    edits = (
        Put(("version",), 1, when="absent"),
        Put(("lastUsedProvider",), provider),
        *(Put((*at, "settings", name), value) for name, value in settings.items()),
        Put((*at, "updatedAt"), moment, when="absent"),
        Put((*at, "tokenSource"), "manual", when="absent"),
    )
    return (File(_PLACE, "json", edits),)


def _trial(c: Connection, prompt: str) -> Trial:
    arguments = ("-P", _PROVIDERS[c.wire], "-m", c.model, "--auto-approve", "false", prompt)
    return Trial(arguments, {"CLINE_TELEMETRY_DISABLED": "1", "CLINE_NO_AUTO_UPDATE": "1"})


def _notes(c: Connection) -> tuple[Text, ...]:
    return (
        VERSIONED,
        Text(
            "In the editor extension, choose API Provider “OpenAI Compatible”, and enter the Base URL, "
            f"the key, the model `{c.model}`, a context window of {c.figures.context} and "
            f"{'images' if c.figures.images else 'no images'} by hand.",
            "在编辑器扩展中，请将 API Provider 选为 “OpenAI Compatible”，并手动填写 Base URL、Key、模型 "
            f"`{c.model}`、上下文窗口 {c.figures.context}，"
            f"{'勾选' if c.figures.images else '不勾选'}图片支持。",
        ),
    )


TOOL = Tool(
    id="cline",
    name="Cline",
    programs=("cline",),
    install="npm install -g cline",
    wires=("chat", "messages", "responses"),
    files=_files,
    start=lambda c: "cline",
    trial=_trial,
    notes=_notes,
)
