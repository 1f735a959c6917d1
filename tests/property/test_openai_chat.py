"""The laws of the chat wire: round trips, indifference to cuts, lawful ends whatever comes in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.property.strategies import chat_replies, chat_requests, cuts, published_chat_replies, steady, words
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    Heartbeat,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.fold import Reply, fold, unfold
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import Media, Part, Text, ToolCall, ToolResult
from tokenmill.conversation.request import Request, WebSearchTool
from tokenmill.kit.faults import Fault
from tokenmill.ports import Route
from tokenmill.wire.openai_chat.reply import decode_reply, encode_reply
from tokenmill.wire.openai_chat.request import decode_request, encode_request
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder


def decoder() -> ChatStreamDecoder:
    numbers = itertools.count()
    return ChatStreamDecoder(lambda: f"call_{next(numbers)}")


def read(pieces: Iterable[bytes]) -> list[Frame]:
    """All frames of a stream; a Fault before the reply began ends it, as it does for an engine."""
    reader = decoder()
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += reader.feed(piece)
        frames += reader.close()
    except Fault:
        assert not any(frame.events for frame in frames)
    assert reader.feed(b"data: {}\n\n") == []
    assert reader.close() == []
    return frames


def events_of(frames: list[Frame]) -> list[Event]:
    return [event for frame in frames for event in frame.events]


def joined(events: list[Event]) -> list[Event]:
    """`events` with adjacent deltas of one part made one."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, TextDelta | ArgumentsDelta) and type(last) is type(event):
            assert isinstance(last, TextDelta | ArgumentsDelta)
            if last.index == event.index:
                result[-1] = type(event)(event.index, last.text + event.text)
                continue
        result.append(event)
    return result


def said_by(request: Request) -> list[tuple[str, str]]:
    """Every word, by who said it; joined turns have two line ends more."""
    words: list[tuple[str, str]] = []
    for turn in request.turns:
        text = "".join(part.text for part in turn.parts if isinstance(part, Text))
        if words and words[-1][0] == turn.role:
            words[-1] = (turn.role, words[-1][1] + text)
        elif text:
            words.append((turn.role, text))
    return [(role, "".join(text.split("\n\n"))) for role, text in words]


def without_words(request: Request) -> list[Part]:
    """All calls, results and media, in their order."""
    kinds = (ToolCall, ToolResult, Media)
    return [part for turn in request.turns for part in turn.parts if isinstance(part, kinds)]


def written(reply: Reply, *, include_usage: bool = True) -> bytes:
    encoder = ChatStreamEncoder(
        reply.id, reply.model, reply.at, include_usage, reply.fingerprint, choices=len(reply.choices)
    )
    return b"".join(encoder.feed(event) for event in unfold(reply)) + encoder.close()


@steady
@given(chat_requests())
def test_decoding_what_was_encoded_gives_the_request_back(request: Request) -> None:
    route = Route(target="t", engine="e", upstream_model=request.model)
    body, drops = encode_request(request, route)
    assert drops == ()
    assert decode_request(body) == request


@steady
@given(chat_requests(strict=True))
def test_a_strict_target_is_told_the_same_but_for_what_was_dropped(request: Request) -> None:
    route = Route(target="t", engine="e", upstream_model=request.model, strict=True)
    body, drops = encode_request(request, route)
    again = decode_request(body)
    dropped = {drop.field for drop in drops}
    assert again.extras is None
    assert {name for name, _ in request.extras.fields} <= dropped if request.extras else True
    assert (again.sampling.top_k is None) == (request.sampling.top_k is None or "top_k" in dropped)
    assert again.max_output == request.max_output
    assert again.tools == tuple(tool for tool in request.tools if not isinstance(tool, WebSearchTool))
    assert ("thinking" in dropped) == (request.thinking.on is not None)
    assert said_by(again) == said_by(request)
    assert without_words(again) == without_words(request)


@steady
@given(chat_replies)
def test_a_reply_survives_the_stream(reply: Reply) -> None:
    assert fold(events_of(read([written(reply)]))) == reply


@steady
@given(chat_replies, st.data())
def test_where_a_stream_is_cut_changes_nothing(reply: Reply, data: st.DataObject) -> None:
    stream = written(reply)
    frames = read(data.draw(cuts(stream)))
    whole = read([stream])
    assert joined(events_of(frames)) == joined(events_of(whole))
    assert [frame.raw for frame in frames] == [frame.raw for frame in whole]


@steady
@given(published_chat_replies)
def test_a_streamed_reply_parses_by_the_official_types(reply: Reply) -> None:
    blocks = written(reply).split(b"\n\n")
    assert blocks[-2:] == [b"data: [DONE]", b""]
    chunks = [ChatCompletionChunk.model_validate_json(block.removeprefix(b"data: ")) for block in blocks[:-2]]
    ends = [choice for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert [end.index for end in ends] == [choice.index for choice in reply.choices]
    assert chunks[0].choices[0].delta.role == "assistant"
    for number, choice in enumerate(reply.choices):
        seen = [
            call.index
            for chunk in chunks
            for c in chunk.choices
            if c.index == number
            for call in c.delta.tool_calls or ()
            if call.id
        ]
        assert seen == list(range(len(seen))), choice
    if reply.usage is not None:
        assert not chunks[-1].choices
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.total_tokens == reply.usage.total


@steady
@given(chat_replies)
def test_a_whole_reply_parses_by_the_official_types_and_decodes_again(reply: Reply) -> None:
    body = encode_reply(reply)
    completion = ChatCompletion.model_validate_json(body)
    assert len(completion.choices) == len(reply.choices)
    grammar = Grammar()
    events = decode_reply(body)
    for event in events:
        grammar.see(event)
    assert encode_reply(fold(events)) == body


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def sloppy(**members: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """An object whose members are as they should be, or anything, or absent."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(s, s, _json) for name, s in members.items()})


_function = sloppy(name=words, arguments=words)
_call = sloppy(
    index=st.integers(-1, 2), id=words, type=st.sampled_from(["function", "custom"]), function=_function
)
_delta = sloppy(
    role=st.just("assistant"),
    content=st.text(max_size=5),
    reasoning_content=words,
    refusal=words,
    tool_calls=st.lists(_call, max_size=2),
    annotations=st.lists(sloppy(type=st.just("url_citation"), url=words), max_size=2),
)
_reasons = st.sampled_from(["stop", "tool_calls", "length", "weird", None])
_choice = sloppy(index=st.integers(0, 1), delta=_delta, finish_reason=_reasons)
_numbers = st.integers(-5, 10**20) | st.floats()
_chunk = sloppy(
    id=words,
    model=words,
    created=_numbers,
    choices=st.lists(_choice, max_size=2),
    usage=sloppy(prompt_tokens=_numbers, completion_tokens=_numbers),
)
_lines = st.one_of(
    _chunk.map(lambda value: b"data: " + json.dumps(value).encode()),
    _chunk.map(lambda value: b"data: " + json.dumps(value).encode()),
    _chunk.map(lambda value: b"data: " + json.dumps(value).encode()),
    st.sampled_from([b"data: [DONE]", b": ping", b"event: x", b'data: {"choices":[]}', b"data:", b"data: 5"]),
    st.just(b'data: {"error":{"message":"boom","code":500}}'),
    st.binary(max_size=12),
)
_streams = st.lists(
    st.tuples(_lines, st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"])), max_size=8
).map(lambda blocks: b"".join(line + end for line, end in blocks))


@steady
@given(_streams, st.data())
def test_whatever_an_upstream_sends_becomes_a_lawful_whole(stream: bytes, data: st.DataObject) -> None:
    events = events_of(read(data.draw(cuts(stream))))
    grammar = Grammar()
    for event in events:
        grammar.see(event)
    assert grammar.whole or not events
    assert joined(events) == joined(events_of(read([stream])))
    for event in events:
        if isinstance(event, UsageSeen):
            counts = msgspec.structs.astuple(event.usage)
            assert all(isinstance(count, int) and 0 <= count <= 2**53 for count in counts)


@steady
@given(_streams)
def test_whatever_was_decoded_is_encoded_into_chunks_that_end_once(stream: bytes) -> None:
    events = events_of(read([stream]))
    ends = sum(isinstance(event, Finished) for event in events)
    encoder = ChatStreamEncoder("chatcmpl-1", "m", 1, choices=max(ends, 1))
    out = b"".join(encoder.feed(event) for event in events) + encoder.close()
    blocks = out.removesuffix(b"\n\n").split(b"\n\n")
    assert blocks[-1] == b"data: [DONE]"
    assert blocks.count(b"data: [DONE]") == 1
    failed = any(isinstance(event, Failed) for event in events)
    assert (b'"error"' in blocks[-2] if len(blocks) > 1 else False) == failed
    alive = sum(isinstance(event, Heartbeat) for event in events)
    assert blocks.count(b": ping") == alive
    assert encoder.feed(Heartbeat()) == b""
