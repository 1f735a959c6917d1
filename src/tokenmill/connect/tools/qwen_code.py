"""Qwen Code: a model and the choice of it in `~/.qwen/settings.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection, Wire
from tokenmill.connect.template import File, Json, Place, Put, Tool, Trial, Upsert

_PROTOCOLS: dict[Wire, str] = {"chat": "openai", "messages": "anthropic"}
_PLACE = Place(".qwen/settings.json", (("QWEN_HOME", "settings.json"),))
_KEY = "TOKENMILL_API_KEY"


def _files(c: Connection) -> tuple[File, ...]:
    protocol = _PROTOCOLS[c.wire]
    model: dict[str, Json] = {
        "id": c.model,
        "name": f"{c.model} (TokenMill)",
        "baseUrl": c.anthropic if c.wire == "messages" else c.openai,
        "envKey": _KEY,
        "generationConfig": {"contextWindowSize": c.figures.context},
    }
    edits = (
        # Of two models with one name the first counts, so a stranger's stays where it is, behind ours.
        Upsert(("modelProviders", protocol), model, by=("id", "envKey")),
        Put(("env", _KEY), c.key),
        Put(("security", "auth", "selectedType"), protocol),
        Put(("model", "name"), c.model),
    )
    return (File(_PLACE, "json", edits),)


def _trial(c: Connection, prompt: str) -> Trial:
    return Trial(("-p", prompt), {"QWEN_CODE_DISABLE_AUTO_UPDATE": "1", "QWEN_TELEMETRY_ENABLED": "0"})


TOOL = Tool(
    id="qwen-code",
    name="Qwen Code",
    programs=("qwen",),
    install="npm install -g @qwen-code/qwen-code",
    wires=("chat", "messages"),
    files=_files,
    start=lambda c: "qwen",
    trial=_trial,
    overruling=(_KEY,),
)
