"""The table of calls in tags: `<tool_call><function=NAME><parameter=KEY>value</parameter>…`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Frame, Move, Reading

# A closing tag counts by its place: `</parameter>` ends a value only where a tag of the call
# comes next, and in `example`, a whole function that is quoted inside a value, nothing ends it.
MIMO_XML: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "call": Reading.GAP,
        "name": Reading.NAME,
        "body": Reading.GAP,
        "key": Reading.KEY,
        "value": Reading.VALUE,
        "example name": Reading.EXAMPLE,
        "example": Reading.VALUE,
        "next key": Reading.KEY,
        "after value": Reading.GAP,
        "unclosed": Reading.GAP,
        "broken off": Reading.GAP,
        "after function": Reading.TAIL,
    },
    moves={
        ("text", "<tool_call>"): Move("call"),
        ("text", "<function="): Move("name"),
        ("call", "<tool_call>"): Move("call"),
        ("call", "<function="): Move("name"),
        ("name", ">"): Move("body"),
        ("body", "<parameter="): Move("key"),
        ("body", "</function>"): Move("after function", Act.CALL_WHOLE),
        ("body", "</tool_call>"): Move("after function", Act.CALL_WHOLE),
        ("key", ">"): Move("value"),
        ("value", "</parameter>"): Move("after value", Act.VALUE_OVER),
        ("value", "<parameter="): Move("next key"),
        ("value", "<function="): Move("example name"),
        ("value", "</function>"): Move("unclosed"),
        ("value", "</tool_call>"): Move("broken off"),
        ("example name", ">"): Move("example"),
        ("example", "</function>"): Move("value"),
        ("next key", ">"): Move("value"),
        ("after value", "<parameter="): Move("key"),
        ("after value", "</function>"): Move("after function", Act.CALL_WHOLE),
        ("after value", "</tool_call>"): Move("after function", Act.CALL_WHOLE),
        ("after value", "<tool_call>"): Move("call", Act.CALL_WHOLE),
        ("after value", "<function="): Move("name", Act.CALL_WHOLE),
        ("unclosed", "</tool_call>"): Move("after function", Act.CALL_WHOLE),
        ("after function", "</tool_call>"): Move("after function"),
        ("after function", "<tool_call>"): Move("call"),
        ("after function", "<function="): Move("name"),
    },
    strays={
        "call": "text",
        "name": "text",
        "body": "text",
        "key": "text",
        "example name": "value",
        "next key": "value",
        "after value": "value",
        "unclosed": "value",
        "broken off": "value",
        "after function": "text",
    },
    forgiven=frozenset({"after value", "unclosed", "broken off"}),
    frame=Frame.LINE,
)

QWEN_XML: Final = replace(MIMO_XML, frame=Frame.BLOCK)
"""The same, but its template writes each value on lines of its own."""
