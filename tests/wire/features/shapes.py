"""Shapes that the requests of every protocol share."""

from __future__ import annotations

from typing import Any, Final

from tests.wire.pairs import Json

PNG: Final = "iVBORw0KGgo="
PDF: Final = "JVBERi0="
MARK: Final[Json] = {"type": "ephemeral"}
SHAPE: Final[Json] = {"type": "object", "properties": {"a": {"type": "string"}}}
SCHEMA: Final[Json] = {"name": "s", "schema": SHAPE, "description": "d", "strict": False}
SOUND: Final[Json] = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}

Feature = tuple[str, Json]
"""Where it stands in the request, its names and numbers between dots; and the request."""


def user(content: Any, **members: Any) -> Json:
    """A message of the user."""
    return {"role": "user", "content": content, **members}
