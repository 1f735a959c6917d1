"""The tables of DeepSeek's calls: V3 and V3.1 in special tokens, V3.2 and later in DSML tags."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tokenmill.dialects.machine import Act, Dialect, Move, Reading

# V3 writes `function<sep>NAME`, a line break and a fenced JSON; V3.1 writes `NAME<sep>{…}`.
_TOKENS: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "section": Reading.GAP,
        "before name": Reading.GAP,
        "name": Reading.NAME,
        "after sep": Reading.GAP,
        "late name": Reading.NAME,
        "before arguments": Reading.GAP,
        "arguments": Reading.JSON,
        "after call": Reading.TAIL,
    },
    moves={
        ("text", "<｜tool▁calls▁begin｜>"): Move("section"),
        ("text", "<｜tool▁call▁begin｜>"): Move("before name"),
        ("section", "<｜tool▁call▁begin｜>"): Move("before name"),
        ("name", "<｜tool▁sep｜>"): Move("after sep"),
        ("after sep", "{"): Move("arguments"),
        ("late name", "\n"): Move("before arguments"),
        ("late name", "```json"): Move("before arguments"),
        ("before arguments", "```json"): Move("before arguments"),
        ("before arguments", "{"): Move("arguments"),
        ("after call", "```"): Move("after call"),
        ("after call", "<｜tool▁call▁end｜>"): Move("after call"),
        ("after call", "<｜tool▁call▁begin｜>"): Move("before name"),
        ("after call", "<｜tool▁calls▁begin｜>"): Move("section"),
        ("after call", "<｜tool▁calls▁end｜>"): Move("after call"),
        ("after call", "<｜end▁of▁sentence｜>"): Move("text"),
    },
    strays={
        "section": "text",
        "before name": "name",
        "name": "text",
        "after sep": "late name",
        "late name": "text",
        "before arguments": "text",
        "arguments": "text",
        "after call": "text",
    },
    wholes={"arguments": Move("after call", Act.CALL_WHOLE)},
)

_DSML: Final = Dialect(
    start="text",
    reads={
        "text": Reading.TEXT,
        "dsml": Reading.GAP,
        "dsml name": Reading.NAME,
        "dsml body": Reading.GAP,
        "dsml key": Reading.KEY,
        "dsml value": Reading.VALUE,
        "after dsml value": Reading.GAP,
        "after invoke": Reading.TAIL,
    },
    moves={
        ("text", "<｜DSML｜function_calls>"): Move("dsml"),
        ("text", "<｜DSML｜tool_calls>"): Move("dsml"),
        ("text", '<｜DSML｜invoke name="'): Move("dsml name"),
        ("dsml", '<｜DSML｜invoke name="'): Move("dsml name"),
        ("dsml name", '">'): Move("dsml body"),
        ("dsml body", '<｜DSML｜parameter name="'): Move("dsml key"),
        ("dsml body", "</｜DSML｜invoke>"): Move("after invoke", Act.CALL_WHOLE),
        ("dsml key", '" string="true">'): Move("dsml value"),
        ("dsml key", '" string="false">'): Move("dsml value"),
        ("dsml value", "</｜DSML｜parameter>"): Move("after dsml value", Act.VALUE_OVER),
        ("after dsml value", '<｜DSML｜parameter name="'): Move("dsml key"),
        ("after dsml value", "</｜DSML｜invoke>"): Move("after invoke", Act.CALL_WHOLE),
        ("after dsml value", "</｜DSML｜function_calls>"): Move("after invoke", Act.CALL_WHOLE),
        ("after dsml value", "</｜DSML｜tool_calls>"): Move("after invoke", Act.CALL_WHOLE),
        ("after dsml value", '<｜DSML｜invoke name="'): Move("dsml name", Act.CALL_WHOLE),
        ("after invoke", '<｜DSML｜invoke name="'): Move("dsml name"),
        ("after invoke", "</｜DSML｜function_calls>"): Move("after invoke"),
        ("after invoke", "</｜DSML｜tool_calls>"): Move("after invoke"),
    },
    strays={
        "dsml": "text",
        "dsml name": "text",
        "dsml body": "text",
        "dsml key": "text",
        "after dsml value": "dsml value",
        "after invoke": "text",
    },
    forgiven=frozenset({"after dsml value"}),
)


def _with_plain_bars(table: Dialect) -> Dialect:
    """The same marks also with ASCII bars, as some servers print them."""
    plain = {(state, mark.replace("｜", "|")): move for (state, mark), move in table.moves.items()}
    return replace(table, moves={**table.moves, **plain})


DEEPSEEK_TOKENS: Final = _with_plain_bars(_TOKENS)
DSML: Final = _with_plain_bars(_DSML)
