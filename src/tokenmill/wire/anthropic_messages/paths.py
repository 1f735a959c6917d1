"""Says what this wire calls members of the canon."""

from __future__ import annotations

from typing import Final

from tokenmill.wire.paths import Wording

WORDING: Final = Wording(
    {
        "max_completion_tokens": "max_tokens",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "response_format": "output_config.format",
        "response_format.json_schema": "output_config.format",
        "reasoning_effort": "output_config.effort",
        "stop": "stop_sequences",
        "user": "metadata.user_id",
    },
    {"max_keyword": "max_uses"},
)
