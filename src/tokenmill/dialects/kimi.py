"""The table of Kimi K2's calls: a section of `functions.NAME:0` with JSON arguments in special tokens."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

KIMI: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "section": Reading.GAP,
        "before name": Reading.GAP,
        "name": Reading.NAME,
        "after name": Reading.GAP,
        "before arguments": Reading.GAP,
        "arguments": Reading.JSON,
        "after call": Reading.TAIL,
    },
    moves={
        ("text", "<|tool_calls_section_begin|>"): Move("section"),
        ("text", "<|tool_call_begin|>"): Move("before name"),
        ("section", "<|tool_call_begin|>"): Move("before name"),
        ("name", "<|tool_call_argument_begin|>"): Move("before arguments"),
        ("name", " "): Move("after name"),
        ("name", "\n"): Move("after name"),
        ("after name", "<|tool_call_argument_begin|>"): Move("before arguments"),
        ("before arguments", "{"): Move("arguments"),
        ("after call", "<|tool_call_end|>"): Move("after call"),
        ("after call", "<|tool_call_begin|>"): Move("before name"),
        ("after call", "<|tool_calls_section_begin|>"): Move("section"),
        ("after call", "<|tool_calls_section_end|>"): Move("after call"),
        ("after call", "<|im_end|>"): Move("text"),
    },
    strays={
        "section": "text",
        "before name": "name",
        "name": "text",
        "after name": "text",
        "before arguments": "text",
        "arguments": "text",
        "after call": "text",
    },
    wholes={"arguments": Move("after call", Act.CALL_WHOLE)},
)
