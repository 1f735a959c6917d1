"""The table of calls as JSON in tags: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

HERMES: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "call": Reading.GAP,
        "object": Reading.JSON,
        "after object": Reading.TAIL,
    },
    moves={
        ("text", "<tool_call>"): Move("call"),
        ("call", "<tool_call>"): Move("call"),
        ("call", "{"): Move("object"),
        ("call", "["): Move("object"),
        ("after object", "</tool_call>"): Move("after object"),
        ("after object", "}"): Move("after object"),
        ("after object", "<tool_call>"): Move("call"),
    },
    strays={"call": "text", "object": "text", "after object": "text"},
    wholes={"object": Move("after object", Act.CALL_WHOLE)},
)
