"""Shows, feature by feature, what becomes of all that a caller can say, and that nothing is lost silently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, Final, get_args, get_type_hints

import msgspec
import pytest

from tests.wire.features import FEATURES, at
from tests.wire.golden import GOLDEN
from tests.wire.pairs import (
    CALLERS,
    UPSTREAMS,
    Json,
    Path,
    asked,
    members,
    outcome,
    read_request,
    without,
    write_request,
)
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Extras, Request
from tokenmill.kit.faults import Fault

TABLE: Final = (GOLDEN / "pairs" / "drops.txt").read_text()
"""Rows by caller, a column for each upstream, usual and strict. What the words mean stands at its top."""

TARGETS: Final = [(upstream, strict) for upstream in UPSTREAMS for strict in (False, True)]

Row = tuple[Vendor, str, list[str]]


def _rows() -> Iterator[Row]:
    caller: Any = None
    for line in TABLE.splitlines():
        if line.startswith("== "):
            caller = line.split()[1]
        elif caller is not None and line.count(" | ") == len(TARGETS):
            name, *cells = (cell.strip() for cell in line.split(" | "))
            yield caller, name, [cells[i - 1] if cell == '"' else cell for i, cell in enumerate(cells)]


def _why() -> dict[str, str]:
    """The reasons that the table names by a word."""
    return dict(re.findall(r"^  \((.+?)\) (.+)$", TABLE, re.MULTILINE))


ROWS = list(_rows())
WHY = _why()


def _seen(caller: Vendor, name: str, upstream: Vendor, *, strict: bool) -> str:
    """What becomes of the feature, in the words of the table."""
    feature = FEATURES[caller][name]
    try:
        said_too, drops_too = asked(caller, upstream, feature[1], strict=strict)
    except Fault as fault:
        return f"refused {fault.field}"
    said, drops = asked(caller, upstream, without(feature[1], at(feature)), strict=strict)
    lost = [drop for drop in drops_too if drop not in drops]
    if not lost and said_too == said:
        path = re.sub(r"\.(\d+)", r"[\1]", feature[0])
        return "gone" if any(path.startswith(drop.field) for drop in drops_too) else "here"
    if not lost:
        return "passed"
    return f"{'bent' if said_too != said else 'lost'} {'; '.join(map(_named, lost))}"


def _named(drop: Drop) -> str:
    words = [word for word, reason in WHY.items() if reason == drop.reason]
    return f"{drop.field} ({', '.join(words) or drop.reason})"


@pytest.mark.parametrize(
    ("caller", "name", "cells"), ROWS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_feature_fares_as_the_table_has_it(caller: Vendor, name: str, cells: list[str]) -> None:
    """It is told, told otherwise, left out with its name and the reason, refused by name, or meant for us."""
    assert [_seen(caller, name, upstream, strict=strict) for upstream, strict in TARGETS] == cells


def test_the_table_has_a_row_for_every_feature_and_uses_every_reason() -> None:
    rows = {(caller, name) for caller, name, _ in ROWS}
    assert rows == {(caller, name) for caller in CALLERS for name in FEATURES[caller]}
    assert len(rows) == len(ROWS)
    assert {word for word in WHY if f"({word})" in TABLE.partition("== ")[2]} == set(WHY)


def test_headers_that_only_another_protocol_knows_are_on_the_record() -> None:
    """A Chat upstream is not told of Anthropic's betas."""
    request = read_request("anthropic_messages", FEATURES["anthropic_messages"]["system"][1])
    extras = Extras("anthropic_messages", headers=(("anthropic-beta", "b"),))
    _, drops = write_request("openai_chat", msgspec.structs.replace(request, extras=extras), strict=False)
    assert [drop.field for drop in drops] == ["anthropic-beta"]


# --- the table is complete ---

UNSAID: Final = {
    "Text.logprobs": "replies have them",
    "TokenLogprob.*": "replies have them",
    "Extras.headers": "headers are not in the body",
    "UrlCitation.site_name": "no protocol sends it back",
    "UrlCitation.publish_time": "no protocol sends it back",
    "UrlCitation.logo_url": "no protocol sends it back",
    "Reasoning.origin": "the seal tells it",
    "WebSearchTool.only": "it stays a tool that only its own wire knows, until we search",
    "WebSearchTool.never": "it stays a tool that only its own wire knows, until we search",
}
"""Members of the canon that no request says."""


def _declared(kind: Any, seen: set[type]) -> Iterator[str]:
    """`Class.member` for everything that a value of this type may hold."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind in seen:
            return
        seen.add(kind)
        for name, inner in get_type_hints(kind).items():
            yield f"{kind.__name__}.{name}"
            yield from _declared(inner, seen)
        if not msgspec.structs.fields(kind):
            yield kind.__name__
    for argument in get_args(kind):
        yield from _declared(argument, seen)


def _used(value: object) -> Iterator[str]:
    """`Class.member` for everything that `value` holds and that is not what stands there by default."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        for field in fields:
            member = getattr(value, field.name)
            if field.required or member != field.default:
                yield f"{type(value).__name__}.{field.name}"
            yield from _used(member)
        if not fields:
            yield type(value).__name__
    elif isinstance(value, tuple):
        for item in value:
            yield from _used(item)


def test_whatever_a_request_can_hold_has_a_row() -> None:
    """A new member of a request, a new kind of part, tool or choice needs a feature that says it."""
    declared = set(_declared(Request, set()))
    used: set[str] = set()
    for caller in CALLERS:
        for feature in FEATURES[caller].values():
            try:
                used |= set(_used(read_request(caller, feature[1])))
            except Fault:
                continue  # Refused as it is read, whatever the target.
    unsaid = {name for name in declared if name in UNSAID or f"{name.partition('.')[0]}.*" in UNSAID}
    assert declared - used - unsaid == set()
    assert used & unsaid == set()


# --- nothing is lost silently ---

MEANT_FOR_US: Final[dict[Vendor, dict[str, str]]] = {
    "openai_chat": {
        "stream": "upstreams are always asked for a stream",
        "stream_options": "the counts are always asked for",
        "messages.[].(agent|conversationRequestId|requestModelId)": "bookkeeping",
        "messages.[].(messageId|entryId|stepSeq|traceId)": "bookkeeping",
        "messages.[].reasoning(_content)?": "CodeBuddy says it under both names",
        "(thinking|reasoning_effort)": "CodeBuddy switches thinking by both",
        "messages.[].tool_calls.[].type": "function is the default",
        "tool_choice": "auto is the default",
        "(tools|messages.[].content).[].cache_control.type": "ephemeral is the only type",
        "tools.[].function.parameters.type": "Messages demands an object",
        "tools.[].custom.format": "any text is what a tool takes that has no grammar",
    },
    "openai_responses": {
        "stream": "upstreams are always asked for a stream",
        "(store|metadata|include)": "responses are kept, marked and sealed here",
        "input.[].(id|status|phase)": "bookkeeping",
        "input.[].type": "message is the default",
        "input.[].arguments": "none is the same as an empty object",
        "input.[].summary": "an empty list",
        "input.[].(summary|content).[].type": "there is one type to each list",
        "parallel_tool_calls": "true is the default",
        "(tool_choice|tool_choice.mode)": "auto is the default",
        "reasoning(.summary)?": "the reply shows what the model thinks as a summary",
        "tools.[].format.type": "a definition is that of a grammar",
        "text.format.strict": "Messages always keeps to the schema",
        "tools.[].(tools.[].)?parameters(.type)?": "Messages demands an object",
    },
    "anthropic_messages": {
        "stream": "upstreams are always asked for a stream",
        "(tools|system|messages.[].content).[].cache_control.type": "ephemeral is the only type",
        "messages.[].content.[].input": "none is the same as an empty object",
        "messages.[].content.[].(content.[].)?source.media_type": "the data tell it",
        "thinking.type": "a budget or an effort switches thinking as well",
        "tools.[].input_schema.type": "object is the default",
        "messages.[].content.[].content.[].type": "what a search has found is text",
        "tools.[].name": "the search has only one",
    },
}
"""What upstreams are not told, without a word on the record: patterns of paths, and the reason."""

CASES = [
    (caller, path)
    for caller in CALLERS
    for path in sorted((GOLDEN / "pairs" / "requests" / caller).glob("*.json"))
    if ".to_" not in path.name
]


def _silent(caller: Vendor, upstream: Vendor, body: Json) -> Iterator[str]:
    """The members without which the upstream is told the same and the record is the same."""
    whole = outcome(caller, upstream, body, strict=False)
    if not isinstance(whole[0], dict):
        return  # It was refused.
    answered: list[Path] = []  # Their loss is on the record, and so is that of all they hold.
    for path in members(body):
        if any(path[: len(above)] == above for above in answered):
            continue
        found = outcome(caller, upstream, without(body, path), strict=False)
        if found == whole:
            yield ".".join("[]" if isinstance(name, int) else name for name in path)
            answered.append(path)
        elif found[0] == whole[0]:
            answered.append(path)


def _meant_for_us(caller: Vendor, path: str) -> str | None:
    """The pattern that has `path`."""
    for pattern in MEANT_FOR_US[caller]:
        if re.fullmatch(pattern.replace(".", r"\.").replace("[]", r"\[\]"), path):
            return pattern
    return None


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(("caller", "case"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_nothing_of_a_real_request_is_lost_silently(caller: Vendor, case: File, upstream: Vendor) -> None:
    """Take any member away: either the upstream or the record differs, or it is known to be for us alone."""
    silent = list(_silent(caller, upstream, json.loads(case.read_text())))
    assert [path for path in silent if _meant_for_us(caller, path) is None] == []


@pytest.mark.parametrize("caller", CALLERS)
def test_what_is_meant_for_us_is_really_sent(caller: Vendor) -> None:
    """A pattern that no request needs any more goes."""
    needed = {
        _meant_for_us(caller, path)
        for sender, case in CASES
        for upstream in UPSTREAMS
        if sender == caller
        for path in _silent(caller, upstream, json.loads(case.read_text()))
    }
    assert needed == set(MEANT_FOR_US[caller])
