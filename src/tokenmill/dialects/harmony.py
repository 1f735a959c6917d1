"""The table of harmony's calls: a commentary channel addressed `to=functions.NAME`, with a JSON message."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

HARMONY: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "role": Reading.GAP,
        "channel": Reading.GAP,
        "name": Reading.NAME,
        "header": Reading.GAP,
        "format": Reading.ID,
        "before arguments": Reading.GAP,
        "arguments": Reading.JSON,
        "after call": Reading.TAIL,
    },
    moves={
        ("text", "<|start|>assistant"): Move("role"),
        ("text", "<|channel|>commentary to=functions."): Move("name"),
        ("text", "<|channel|>analysis to=functions."): Move("name"),
        ("role", "<|channel|>commentary"): Move("channel"),
        ("role", "<|channel|>analysis"): Move("channel"),
        ("role", " to=functions."): Move("name"),
        ("channel", "to=functions."): Move("name"),
        ("name", " "): Move("header"),
        ("name", "<|constrain|>"): Move("format"),
        ("name", "<|message|>"): Move("before arguments"),
        ("name", "<|channel|>commentary"): Move("header"),
        ("header", "<|channel|>commentary"): Move("header"),
        ("header", "<|constrain|>"): Move("format"),
        ("header", "<|message|>"): Move("before arguments"),
        ("header", "json"): Move("header"),
        ("header", "code"): Move("header"),
        ("format", "<|message|>"): Move("before arguments"),
        ("before arguments", "{"): Move("arguments"),
        ("after call", "<|call|>"): Move("after call"),
        ("after call", "<|end|>"): Move("after call"),
        ("after call", "<|start|>assistant"): Move("role"),
        ("after call", "<|channel|>commentary to=functions."): Move("name"),
    },
    strays={
        "role": "text",
        "channel": "text",
        "name": "text",
        "header": "text",
        "format": "text",
        "before arguments": "text",
        "arguments": "text",
        "after call": "text",
    },
    wholes={"arguments": Move("after call", Act.CALL_WHOLE)},
)
