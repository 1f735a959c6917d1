"""Shows what becomes of whole requests and replies between each two protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, check_bytes, shown
from tests.wire.pairs import CALLERS, UPSTREAMS, Json, asked, events, heard, told, whole
from tokenmill.conversation.events import Stop
from tokenmill.conversation.fold import Reply, fold
from tokenmill.conversation.parts import Reasoning, Refusal, Text, ToolCall, Vendor
from tokenmill.kit.faults import Fault

PAIRS = GOLDEN / "pairs"
REQUESTS = sorted(p for p in PAIRS.glob("requests/*/*.json") if ".to_" not in p.name)


def _entries(caller: Vendor, upstream: Vendor, body: Json, *, strict: bool) -> Iterator[Json]:
    """One entry for each member of the upstream's body, each message and tool, and each drop."""
    try:
        said, drops = asked(caller, upstream, body, strict=strict)
    except Fault as fault:
        yield shown(fault)
        return
    for name, member in said.items():
        if name in ("messages", "tools", "system") and isinstance(member, list):
            yield from ({f"{name}[{i}]": item} for i, item in enumerate(member))
        else:
            yield {name: member}
    yield from ({"drop": drop.field, "because": drop.reason} for drop in drops)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_request_reaches_each_upstream_as_written(path: Path, upstream: Vendor) -> None:
    """The golden holds what the upstream is asked, then in what a strict one is asked otherwise."""
    caller: Any = path.parent.name
    body = json.loads(path.read_text())
    usual = list(_entries(caller, upstream, body, strict=False))
    strict = list(_entries(caller, upstream, body, strict=True))
    told_else = [{"strict": entry} for entry in strict if entry not in usual]
    told_not = [{"strict, not": entry} for entry in usual if entry not in strict]
    check(path.with_name(f"{path.stem}.to_{upstream}.json"), usual + told_else + told_not)


CHOSEN: dict[Vendor, tuple[str, ...]] = {
    "openai_chat": (
        "thinking_as_mimo_sends_it",
        "parallel_tools_interleaved",
        "text_then_tool_then_text",
        "custom_tool",
        "refusal",
        "citations_nested_after_the_text",
        "logprobs",
        "two_choices",
        "broken_off",
        "error_in_the_middle",
        "words_after_the_counts_are_ignored",
        "usage_in_every_chunk",
        "repetition_truncated",
    ),
    "anthropic_messages": (
        "thinking_and_tools",
        "redacted_and_empty_signed_thinking",
        "web_search_with_sealed_sources",
        "refused",
        "stop_sequence",
        "stop_for_length",
        "paused",
        "blocks_interleaved_and_misnumbered",
        "unknown_blocks_and_events",
        "broken_off",
        "overloaded_in_the_middle",
    ),
}
"""The goldens of each protocol whose way to every caller is written down; the laws hold for all."""


def _streams(upstream: Vendor) -> list[Path]:
    own = sorted((PAIRS / "streams" / upstream).glob("*.stream.sse"))
    return own + sorted((GOLDEN / upstream).glob("*.stream.sse"))


def _name(value: object) -> str | None:
    return value.name.removesuffix(".stream.sse") if isinstance(value, Path) else None


def _written(upstream: Vendor) -> list[Path]:
    return [p for p in _streams(upstream) if "pairs" in p.parts or _name(p) in CHOSEN[upstream]]


ALL = [(upstream, path) for upstream in UPSTREAMS for path in _streams(upstream)]
WRITTEN = [(upstream, path) for upstream in UPSTREAMS for path in _written(upstream)]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("upstream", "path"), WRITTEN, ids=_name)
def test_a_stream_reaches_each_caller_as_written(upstream: Vendor, path: Path, caller: Vendor) -> None:
    stream = path.read_bytes()
    golden = PAIRS / "streams" / upstream / f"{_name(path)}.to_{caller}.sse"
    check_bytes(golden, told(upstream, caller, stream, len(stream)))


def test_every_chosen_stream_exists() -> None:
    """Nobody renames a golden and leaves its pairs untested."""
    for upstream, names in CHOSEN.items():
        assert set(names) <= {_name(path) for path in _streams(upstream)}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("upstream", "path"), ALL, ids=_name)
def test_where_a_stream_is_cut_changes_nothing(upstream: Vendor, path: Path, caller: Vendor) -> None:
    """Byte by byte, in sevens and whole, the caller gets the same events, or the same fault at once."""
    stream = path.read_bytes()
    results: list[object] = []
    for size in (1, 7, len(stream)):
        try:
            results.append(_blocks(told(upstream, caller, stream, size)))
        except Fault as fault:
            results.append((fault.code, fault.message))
    assert results[0] == results[1] == results[2]


def _blocks(stream: bytes) -> list[bytes]:
    """The events as they stand there; of a relayed CRLF that was cut, either half may be with its event."""
    lines = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return [block.strip(b"\n") for block in lines.split(b"\n\n")]


def _said(reply: Reply, *, tells_match: bool) -> list[tuple[object, ...]]:
    """What a caller reads of the first choice: words of each kind, calls, the end and its cost."""
    choice = reply.choices[0]
    return [
        ("text", "".join(part.text for part in choice.parts if isinstance(part, Text))),
        ("thought", "".join(part.text for part in choice.parts if isinstance(part, Reasoning))),
        ("refusal", "".join(part.text for part in choice.parts if isinstance(part, Refusal))),
        ("calls", *((p.id, p.name, _arguments(p), p.kind) for p in choice.parts if isinstance(p, ToolCall))),
        ("seals", *(p.signature for p in choice.parts if isinstance(p, Reasoning) and p.signature)),
        ("sources", *(c for p in choice.parts if isinstance(p, Text) for c in p.citations)),
        (
            "end",
            *((choice.stop, choice.matched) if choice.matched is None or tells_match else (Stop.END, None)),
        ),
        ("cost", reply.usage),
    ]


def _arguments(call: ToolCall) -> str:
    """The text of the arguments; a whole message of Messages holds one that is no object inside an object."""
    try:
        held = json.loads(call.arguments)
    except ValueError:
        return call.arguments
    match held:
        case {"arguments": str(text), **rest} if not rest:
            return text
        case _:
            return call.arguments


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("upstream", "path"), ALL, ids=_name)
def test_a_whole_reply_says_the_same_as_the_stream(upstream: Vendor, path: Path, caller: Vendor) -> None:
    """Folded for the caller, or streamed to it and folded by it: the same words, calls, end and cost."""
    stream = path.read_bytes()
    reply = _folded(upstream, stream)
    if isinstance(reply, Fault):
        assert _failure(upstream, caller, stream).blame is reply.blame
        return
    tells = caller == "anthropic_messages"  # In Chat some servers' own members tell it, which are relayed.
    at_once = _said(fold(heard(caller, whole(caller, reply))), tells_match=tells)
    in_pieces = _said(fold(events(caller, told(upstream, caller, stream, len(stream)))), tells_match=tells)
    if reply.usage is not None and reply.usage.input == 0:
        del at_once[-1], in_pieces[-1]  # The stream's opening estimate stays where the end counts nothing.
    assert at_once == in_pieces


def _folded(upstream: Vendor, stream: bytes) -> Reply | Fault:
    try:
        return fold(events(upstream, stream))
    except Fault as fault:
        return fault


def _failure(upstream: Vendor, caller: Vendor, stream: bytes) -> Fault:
    """How the streaming caller hears that the reply failed: at once, or in the middle."""
    with pytest.raises(Fault) as caught:
        fold(events(caller, told(upstream, caller, stream, len(stream))))
    return caught.value
