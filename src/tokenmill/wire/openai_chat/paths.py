"""Says what this wire calls members of the canon."""

from __future__ import annotations

from typing import Final

from tokenmill.wire.paths import Wording

WORDING: Final = Wording(
    {"signature": "reasoning_content"},
    {"detail": "image_url.detail", "format": "custom.format", "input": "function.arguments"},
)
