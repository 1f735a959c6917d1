"""Writes the model list and token counts for callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from tokenmill.conversation.parts import Value
from tokenmill.kit.clock import rfc3339


class ModelEntry(Value, frozen=True):
    """A model as this wire lists it; both limits are in tokens."""

    id: str
    display_name: str
    created_at: datetime
    context_window: int
    max_output: int
    deprecated_at: datetime | None = None


def encode_models(
    models: Sequence[ModelEntry], *, limit: int = 1000, after: str | None = None, before: str | None = None
) -> bytes:
    """A page of the list: `limit` models after (or before) the one named, all when it is not in the list."""
    ids = [model.id for model in models]
    if before is not None:
        end = ids.index(before) if before in ids else len(ids)
        begin = max(end - limit, 0)
        more = begin > 0
    else:
        begin = ids.index(after) + 1 if after in ids else 0
        end = begin + limit
        more = end < len(ids)
    page = models[begin:end]
    return msgspec.json.encode(
        {
            "data": [_model(model) for model in page],
            "has_more": more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def encode_model(model: ModelEntry) -> bytes:
    """One model."""
    return msgspec.json.encode(_model(model))


def encode_count(input_tokens: int) -> bytes:
    """`{"input_tokens": n}`."""
    return msgspec.json.encode({"input_tokens": input_tokens})


def _model(model: ModelEntry) -> dict[str, object]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "created_at": rfc3339(model.created_at),
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output,
        "lifecycle": "active" if model.deprecated_at is None else "deprecated",
        "deprecated_at": None if model.deprecated_at is None else rfc3339(model.deprecated_at),
        "retires_at": None,
        "line": None,
        "capabilities": None,
    }
