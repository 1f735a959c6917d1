"""aider: `~/.aider.conf.yml`, and the model's figures in `~/.aider.model.metadata.json`."""

from __future__ import annotations

from tokenmill.connect.connection import Connection
from tokenmill.connect.template import File, Json, Place, Put, Tool, Trial

_SETTINGS = Place(".aider.conf.yml")
_FIGURES = Place(".aider.model.metadata.json")


def _files(c: Connection) -> tuple[File, ...]:
    name = f"openai/{c.model}"  # The prefix chooses the protocol and does not reach the platform.
    figures: dict[str, Json] = {
        "max_tokens": c.figures.output,
        "max_input_tokens": c.figures.context,
        "max_output_tokens": c.figures.output,
        "litellm_provider": "openai",
        "mode": "chat",
    }
    settings = (
        Put(("model",), name),
        Put(("openai-api-base",), c.openai),
        Put(("openai-api-key",), c.key),
    )
    return (
        File(_SETTINGS, "yaml", settings),
        File(_FIGURES, "json", (Put((name,), figures),), secret=False),
    )


def _trial(c: Connection, prompt: str) -> Trial:
    quiet = ("--no-analytics", "--no-check-update", "--no-git", "--no-show-model-warnings", "--no-gitignore")
    return Trial((*quiet, "--yes-always", "--no-pretty", "--message", prompt))


TOOL = Tool(
    id="aider",
    name="aider",
    programs=("aider",),
    install="pip install aider-chat",
    wires=("chat",),
    files=_files,
    start=lambda c: "aider",
    trial=_trial,
    overruling=("OPENAI_API_BASE", "OPENAI_API_KEY", "AIDER_MODEL"),
)
