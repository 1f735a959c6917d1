"""The table of GLM's calls: `<tool_call>NAME<arg_key>KEY</arg_key><arg_value>value</arg_value>…`."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

GLM: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "call": Reading.GAP,
        "name": Reading.NAME,
        "body": Reading.GAP,
        "before key": Reading.GAP,
        "key": Reading.KEY,
        "after key": Reading.GAP,
        "value": Reading.VALUE,
        "after value": Reading.GAP,
        "next key": Reading.KEY,
        "after next key": Reading.GAP,
        "after call": Reading.TAIL,
    },
    moves={
        ("text", "<tool_call>"): Move("call"),
        ("call", "<tool_call>"): Move("call"),
        ("name", "\n"): Move("body"),
        ("name", "<arg_key>"): Move("before key"),
        ("name", "</tool_call>"): Move("after call", Act.CALL_WHOLE),
        ("body", "<arg_key>"): Move("before key"),
        ("body", "</tool_call>"): Move("after call", Act.CALL_WHOLE),
        ("before key", "<arg_key>"): Move("before key"),
        ("key", "</arg_key>"): Move("after key"),
        ("after key", "</arg_key>"): Move("after key"),
        ("after key", "<arg_value>"): Move("value"),
        ("value", "</arg_value>"): Move("after value", Act.VALUE_OVER),
        ("value", "<arg_key>"): Move("next key"),
        ("next key", "</arg_key>"): Move("after next key"),
        ("after next key", "<arg_value>"): Move("value"),
        ("after value", "<arg_key>"): Move("before key"),
        ("after value", "</tool_call>"): Move("after call", Act.CALL_WHOLE),
        ("after value", "<tool_call>"): Move("call", Act.CALL_WHOLE),
        ("after call", "<tool_call>"): Move("call"),
    },
    strays={
        "call": "name",
        "name": "text",
        "body": "text",
        "before key": "key",
        "key": "text",
        "after key": "text",
        "after value": "value",
        "next key": "value",
        "after next key": "value",
        "after call": "text",
    },
    forgiven=frozenset({"after value"}),
)
