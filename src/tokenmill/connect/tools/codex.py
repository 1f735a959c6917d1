"""Codex: a provider in `~/.codex/config.toml`, whose key is read from `~/.codex/.env`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection
from tokenmill.connect.template import File, Json, Place, Put, Text, Tool, Trial

_CONFIG = Place(".codex/config.toml", (("CODEX_HOME", "config.toml"),))
_VARIABLES = Place(".codex/.env", (("CODEX_HOME", ".env"),))
_KEY = "TOKENMILL_API_KEY"


def _files(c: Connection) -> tuple[File, ...]:
    chosen: dict[str, Json] = {
        "model": c.model,
        "model_provider": "tokenmill",
        "model_context_window": c.figures.context,
    }
    provider: dict[str, Json] = {
        "name": "TokenMill",
        "base_url": c.openai,
        "env_key": _KEY,
        "wire_api": "responses",
    }
    at = ("model_providers", "tokenmill")
    edits = [Put((name,), value) for name, value in chosen.items()]
    edits += [Put((*at, name), value) for name, value in provider.items()]
    return (
        File(_CONFIG, "toml", tuple(edits), secret=False),
        File(_VARIABLES, "env", (Put((_KEY,), c.key),)),
    )


def _notes(c: Connection) -> tuple[Text, ...]:
    return (
        Text(
            f"Codex reads the key from the variable `{_KEY}`, which it finds in the `.env` beside "
            f"its settings; `export {_KEY}=…` in your shell wins over it.",
            f"Codex 从环境变量 `{_KEY}` 读取 Key，该变量写在配置旁的 `.env` 中；"
            f"shell 中的 `export {_KEY}=…` 优先。",
        ),
    )


TOOL = Tool(
    id="codex",
    name="Codex",
    programs=("codex",),
    install="npm install -g @openai/codex",
    wires=("responses",),
    files=_files,
    start=lambda c: "codex",
    trial=lambda c, prompt: Trial(("exec", "--skip-git-repo-check", "--sandbox", "read-only", prompt)),
    notes=_notes,
    overruling=(_KEY,),
)
