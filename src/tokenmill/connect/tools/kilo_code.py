"""Kilo Code: OpenCode's settings in `~/.config/kilo/kilo.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection
from tokenmill.connect.template import File, Place, Text, Tool, Trial
from tokenmill.connect.tools.opencode import QUIET, VERSIONED, provider_edits

_PLACE = Place(".config/kilo/kilo.json", (("XDG_CONFIG_HOME", "kilo/kilo.json"),), rival="kilo.jsonc")


def _trial(c: Connection, prompt: str) -> Trial:
    quiet = {f"KILO_{name}": "1" for name in QUIET} | {"KILO_TELEMETRY_LEVEL": "off"}
    return Trial(("run", "--model", f"tokenmill/{c.model}", prompt), quiet)


def _notes(c: Connection) -> tuple[Text, ...]:
    return (
        VERSIONED,
        Text(
            "In the editor extension, choose the provider type OpenAI Compatible and enter the Base URL, "
            f"the key and the model `{c.model}` by hand.",
            f"在编辑器扩展中，请选择 OpenAI Compatible 类型，并手动填写 Base URL、Key 和模型 `{c.model}`。",
        ),
    )


TOOL = Tool(
    id="kilo-code",
    name="Kilo Code",
    programs=("kilo",),
    install="npm install -g @kilocode/cli",
    wires=("chat", "messages", "responses"),
    files=lambda c: (File(_PLACE, "json", provider_edits(c)),),
    start=lambda c: "kilo",
    trial=_trial,
    notes=_notes,
)
