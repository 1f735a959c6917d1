"""Chooses the chat template that makes a model call tools."""

from __future__ import annotations

from importlib import resources

from tokenmill.engines.embedded.models import DEFAULT_MODEL, ModelFile

_OURS = {DEFAULT_MODEL: "qwen_tools.jinja"}


def chat_template(model: ModelFile) -> str | None:
    """The text of our own template, or None where the model file's own is better."""
    if model.name not in _OURS:
        return None
    return resources.files(__package__).joinpath(_OURS[model.name]).read_text(encoding="utf-8")
