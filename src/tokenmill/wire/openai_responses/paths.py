"""Says what this wire calls members of the canon."""

from __future__ import annotations

from typing import Final

from tokenmill.wire.paths import Wording

WORDING: Final = Wording(
    {
        "max_completion_tokens": "max_output_tokens",
        "response_format": "text.format",
        "response_format.json_schema": "text.format",
        "reasoning_effort": "reasoning.effort",
        "thinking": "reasoning.effort",
        "thinking.type": "reasoning.effort",
        "logprobs": "top_logprobs",
        "signature": "encrypted_content",
    },
    {
        "cache_control": "prompt_cache_breakpoint",
        "citations": "annotations",
        "form": "summary",
        "input": "arguments",
        "signature": "encrypted_content",
    },
    results="output",
)
