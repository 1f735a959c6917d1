"""The table of Llama 3.x calls: bare JSON, JSON after `<|python_tag|>`, or `<function=NAME>{…}`."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

# A bare object is a call only at the very start of the words, and only if nothing but another
# call comes after it: an object with prose around it is an example.
LLAMA: Final = Dialect(
    start="start",
    reads={
        "start": Reading.EDGE,
        "text": Reading.TEXT,
        "bare": Reading.JSON,
        "after bare": Reading.GAP,
        "after semicolon": Reading.TAIL,
        "tagged": Reading.GAP,
        "object": Reading.JSON,
        "name": Reading.NAME,
        "before arguments": Reading.GAP,
        "arguments": Reading.JSON,
        "after call": Reading.TAIL,
    },
    moves={
        ("start", "{"): Move("bare"),
        ("start", "<|python_tag|>"): Move("tagged"),
        ("start", "<function="): Move("name"),
        ("text", "<|python_tag|>"): Move("tagged"),
        ("text", "<function="): Move("name"),
        ("after bare", ";"): Move("after semicolon", Act.CALL_WHOLE),
        ("after bare", "{"): Move("bare", Act.CALL_WHOLE),
        ("after bare", "<|eom_id|>"): Move("after call", Act.CALL_WHOLE),
        ("after bare", "<|eot_id|>"): Move("after call", Act.CALL_WHOLE),
        ("after semicolon", "{"): Move("bare"),
        ("tagged", "{"): Move("object"),
        ("name", ">"): Move("before arguments"),
        ("before arguments", "{"): Move("arguments"),
        ("after call", "</function>"): Move("after call"),
        ("after call", "<|eom_id|>"): Move("after call"),
        ("after call", "<|eot_id|>"): Move("after call"),
        ("after call", ";"): Move("after call"),
        ("after call", "{"): Move("object"),
        ("after call", "<function="): Move("name"),
        ("after call", "<|python_tag|>"): Move("tagged"),
    },
    strays={
        "start": "text",
        "bare": "text",
        "after bare": "text",
        "after semicolon": "text",
        "tagged": "text",
        "object": "text",
        "name": "text",
        "before arguments": "text",
        "arguments": "text",
        "after call": "text",
    },
    wholes={
        "bare": Move("after bare"),
        "object": Move("after call", Act.CALL_WHOLE),
        "arguments": Move("after call", Act.CALL_WHOLE),
    },
    forgiven=frozenset({"after bare"}),
)
