"""Claims about how what happened to a request is sorted."""

from __future__ import annotations

import pytest

from tokenmill.admin.receipt_shapes import kind_of


@pytest.mark.parametrize(
    ("field", "reason", "kind"),
    [
        ("moderation.input", "passed; scanned: prompt", "moderation"),
        ("target", "gpu-2: upstream_busy", "retry"),
        ("content", "tool_call of get_weather taken out", "rescued"),
        ("reasoning_content", "think taken out", "rescued"),
        ("content", "cut: it repeated itself", "cut"),
        ("reasoning_content", "nothing was lost: what 2 turns came without was put back", "put_back"),
        ("thinking", "this model does not think", "dropped"),
    ],
)
def test_notes_are_sorted_by_where_they_were_made_and_how_they_are_worded(
    field: str, reason: str, kind: str
) -> None:
    """Whatever is none of the known sorts is a field that was dropped."""
    assert kind_of(field, reason) == kind
