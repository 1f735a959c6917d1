"""The table of Mistral's calls: `[TOOL_CALLS]` and a JSON list, or a name, `[ARGS]` and an object."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

MISTRAL: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "call": Reading.GAP,
        "object": Reading.JSON,
        "name": Reading.NAME,
        "call id": Reading.ID,
        "before arguments": Reading.GAP,
        "arguments": Reading.JSON,
        "after call": Reading.TAIL,
    },
    moves={
        ("text", "[TOOL_CALLS]"): Move("call"),
        ("call", "["): Move("object"),
        ("call", "{"): Move("object"),
        ("name", "[ARGS]"): Move("before arguments"),
        ("name", "[CALL_ID]"): Move("call id"),
        ("name", "{"): Move("arguments"),
        ("call id", "[ARGS]"): Move("before arguments"),
        ("before arguments", "{"): Move("arguments"),
        ("after call", "[TOOL_CALLS]"): Move("call"),
        ("after call", "</s>"): Move("text"),
    },
    strays={
        "call": "name",
        "object": "text",
        "name": "text",
        "call id": "text",
        "before arguments": "text",
        "arguments": "text",
        "after call": "text",
    },
    wholes={
        "object": Move("after call", Act.CALL_WHOLE),
        "arguments": Move("after call", Act.CALL_WHOLE),
    },
)
