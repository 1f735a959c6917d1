"""OpenCode: a provider of its own in `~/.config/opencode/opencode.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection, Wire
from tokenmill.connect.template import Edit, File, Include, Json, Place, Put, Text, Tool, Trial

_PACKAGES: dict[Wire, str] = {
    "chat": "@ai-sdk/openai-compatible",
    "messages": "@ai-sdk/anthropic",
    "responses": "@ai-sdk/openai",
}
VERSIONED = Text(
    "By hand, the Base URL of Anthropic Messages ends in `/anthropic/v1` here: "
    "only `/messages` is appended to it.",
    "手动配置 Anthropic Messages 时，此处的 Base URL 须以 `/anthropic/v1` 结尾："
    "该工具只在其后追加 `/messages`。",
)
QUIET = ("DISABLE_AUTOUPDATE", "DISABLE_MODELS_FETCH", "DISABLE_LSP_DOWNLOAD", "DISABLE_DEFAULT_PLUGINS")


def provider_edits(c: Connection) -> tuple[Edit, ...]:
    """The provider, its model and the choice of both; Kilo Code is a fork with the same settings."""
    # Anthropic's package appends /messages and nothing more.
    address = f"{c.anthropic}/v1" if c.wire == "messages" else c.openai
    at = ("provider", "tokenmill")
    limit: dict[str, Json] = {"context": c.figures.context, "output": c.figures.output}
    model: dict[str, Json] = {
        "name": c.model,
        "attachment": c.figures.images,
        "reasoning": c.figures.thinking,
        "tool_call": True,
        "limit": limit,
    }
    if c.figures.images:
        model["modalities"] = {"input": ["text", "image"], "output": ["text"]}
    if c.figures.thinking and c.wire == "chat":
        model["interleaved"] = {"field": "reasoning_content"}
    return (
        Put((*at, "npm"), _PACKAGES[c.wire]),
        Put((*at, "name"), "TokenMill"),
        Put((*at, "options", "baseURL"), address),
        Put((*at, "options", "apiKey"), c.key),
        Put((*at, "models", c.model), model),
        Put(("model",), f"tokenmill/{c.model}"),
        Put(("small_model",), f"tokenmill/{c.model}"),
        Include(("enabled_providers",), "tokenmill"),
    )


_PLACE = Place(
    ".config/opencode/opencode.json",
    (("XDG_CONFIG_HOME", "opencode/opencode.json"),),
    rival="opencode.jsonc",
)


def _trial(c: Connection, prompt: str) -> Trial:
    quiet = {f"OPENCODE_{name}": "1" for name in QUIET}
    return Trial(("run", "--model", f"tokenmill/{c.model}", prompt), quiet)


TOOL = Tool(
    id="opencode",
    name="OpenCode",
    programs=("opencode",),
    install="npm install -g opencode-ai",
    wires=("chat", "messages", "responses"),
    files=lambda c: (File(_PLACE, "json", provider_edits(c)),),
    start=lambda c: "opencode",
    trial=_trial,
    notes=lambda c: (VERSIONED,),
)
