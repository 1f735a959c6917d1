"""The laws of replies on the Messages wire: round trips, indifference to cuts, lawful streams."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable

import msgspec
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st

from tests.property.anthropic_law import Seen, has_type, read_lawfully
from tests.property.strategies import (
    cuts,
    json_objects,
    lawful_streams,
    names,
    replies,
    steady,
    texts,
    words,
)
from tests.property.test_openai_chat import _streams as chat_streams
from tests.property.test_openai_chat import events_of, joined, sloppy
from tests.property.test_openai_chat import read as read_chat
from tokenmill.conversation.events import Event, Failed, Heartbeat, PartOpened, Stop, UsageSeen
from tokenmill.conversation.fold import Choice, Reply, fold, unfold
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import (
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.reply import decode_reply, encode_reply
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder, MessagesStreamEncoder


def read(pieces: Iterable[bytes]) -> list[Frame]:
    """All frames of a stream; a Fault before the reply began ends it, as it does for an engine."""
    numbers = itertools.count()
    reader = MessagesStreamDecoder(at=7, origin="o", new_id=lambda: f"toolu_{next(numbers)}")
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += reader.feed(piece)
        frames += reader.close()
    except Fault:
        assert not any(frame.events for frame in frames)
    assert reader.feed(b'data: {"type":"ping"}\n\n') == []
    assert reader.close() == []
    return frames


def seal(thought: Reasoning) -> str:
    return f"sealed:{len(thought.text)}:{thought.signature}"


def read_what_is_written(events: list[Event]) -> Seen:
    """The stream that says `events`, read by the law."""
    return read_lawfully(written(events), typed=all(map(has_type, events)))


def written(events: Iterable[Event]) -> bytes:
    encoder = MessagesStreamEncoder("msg_1", "m", 3, signer=seal)
    return b"".join(map(encoder.feed, events)) + encoder.close()


# --- replies ---

PAGE = (
    b'{"type":"page_location","cited_text":"x","document_index":0,"document_title":null,'
    b'"start_page_number":1,"end_page_number":2}'
)
ids = st.from_regex(r"\Atoolu_[a-zA-Z0-9]{1,8}\Z")
_calls = st.builds(ToolCall, ids, names, json_objects.map(bytes.decode))
_sayable: st.SearchStrategy[Part] = st.one_of(
    st.builds(
        Text,
        words,
        st.lists(
            st.builds(UrlCitation, words, texts, texts) | st.just(VendorCitation("anthropic_messages", PAGE)),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(Reasoning, texts, origin=st.just("o"), signature=words),
    st.builds(Reasoning, form=st.just("redacted"), origin=st.just("o"), signature=words),
    _calls,
    st.just(ToolCall("srvtoolu_1", "web_search", '{"query":"q"}', "server")),
    st.just(Unknown("anthropic_messages", "hologram", b'{"type":"hologram","depth":1.0}')),
)


@st.composite
def messages_replies(draw: st.DrawFn) -> Reply:
    """Replies that this wire can say whole."""
    parts = draw(st.lists(_sayable, max_size=5, unique_by=lambda part: getattr(part, "id", object())))
    called = any(isinstance(part, ToolCall) and part.kind == "function" for part in parts)
    ends = [Stop.LENGTH, Stop.FILTER, Stop.PAUSE, Stop.CONTEXT, Stop.TOOL if called else Stop.END]
    stop = draw(st.sampled_from(ends))
    # An input of 0 at the end is not believed where the start told another.
    fresh, cached, kept, output = draw(st.tuples(st.integers(1, 10**8), *[st.integers(0, 10**8)] * 3))
    usage = Usage(fresh, cached, kept, output, draw(st.integers(0, output)))
    return Reply("msg_1", draw(texts), 7, (Choice(tuple(parts), stop),), usage)


@steady
@given(messages_replies())
def test_a_reply_survives_the_stream(reply: Reply) -> None:
    encoder = MessagesStreamEncoder("msg_1", reply.model, 3)
    stream = b"".join(map(encoder.feed, unfold(reply))) + encoder.close()
    assert encoder.drops == ()
    assert fold(events_of(read([stream]))) == reply


@steady
@given(messages_replies())
def test_a_whole_reply_parses_by_the_official_types_and_decodes_again(reply: Reply) -> None:
    body = encode_reply(reply)
    known = [block for block in json.loads(body)["content"] if block["type"] != "hologram"]
    Message.model_validate(json.loads(body) | {"content": known})
    assert fold(decode_reply(body, at=7, origin="o")) == reply


@steady
@given(lawful_streams().filter(lambda stream: all(map(has_type, stream))))
def test_a_reply_says_the_same_streamed_or_whole(stream: list[Event]) -> None:
    folded = fold(stream)
    said = read_what_is_written([*unfold(folded)])
    whole = json.loads(encode_reply(folded, reply_id="msg_1", model="m", signer=seal))
    assert said.ending is not None
    streamed = json.loads(said.message.model_dump_json())
    shown = Message.model_validate(whole).model_dump(mode="json")
    assert streamed["content"] == shown["content"]
    assert said.ending["delta"]["stop_reason"] == whole["stop_reason"]
    if folded.usage is not None:
        assert said.ending["usage"].items() <= whole["usage"].items()


@steady
@given(messages_replies(), st.data())
def test_where_a_stream_is_cut_changes_nothing(reply: Reply, data: st.DataObject) -> None:
    stream = written(unfold(reply))
    frames = read(data.draw(cuts(stream)))
    whole = read([stream])
    assert joined(events_of(frames)) == joined(events_of(whole))
    assert [frame.raw for frame in frames] == [frame.raw for frame in whole]


# --- the law of the stream ---


def must_hold_all(seen: Seen, parts: Iterable[Part]) -> None:
    """Everything that this wire has a shape for has been said, in order."""
    parts = list(parts)
    thoughts = [p for p in parts if isinstance(p, Reasoning) and p.form != "redacted"]
    assert seen.text("thinking", "thinking") == [p.text for p in thoughts if p.text or p.signature]
    said = [p for p in parts if isinstance(p, Text | Refusal)]
    assert "".join(seen.text("text", "text")) == "".join(p.text for p in said)
    calls = [p for p in parts if isinstance(p, ToolCall) and p.kind != "server"]
    assert [b["name"] for b in seen.blocks if b["type"] == "tool_use"] == [call.name for call in calls]


def told_of_first_voice(stream: list[Event]) -> list[Part]:
    """The whole parts of the choice that speaks first, in the order in which they began."""
    opened = [event for event in stream if isinstance(event, PartOpened)]
    order = {event.index: place for place, event in enumerate(opened)}
    renumbered = [
        msgspec.structs.replace(event, index=order[index])
        if (index := getattr(event, "index", None)) is not None
        else event
        for event in stream
    ]
    voice = opened[0].choice if opened else 0
    return [part for choice in fold(renumbered).choices if choice.index == voice for part in choice.parts]


@steady
@given(lawful_streams())
def test_any_reply_becomes_a_lawful_stream_that_holds_all_of_it(stream: list[Event]) -> None:
    seen = read_what_is_written(stream)
    assert seen.ending is not None
    must_hold_all(seen, told_of_first_voice(stream))


@steady
@given(replies())
def test_a_reply_that_was_never_interleaved_is_said_in_its_order(reply: Reply) -> None:
    events = [*unfold(reply)]
    must_hold_all(read_what_is_written(events), told_of_first_voice(events))


@steady
@given(lawful_streams(), st.data())
def test_a_failure_at_any_place_ends_lawfully(stream: list[Event], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(stream)))
    encoder = MessagesStreamEncoder("msg_1", "m", 3)
    out = b"".join(map(encoder.feed, stream[:place]))
    ended = b"message_stop" in out
    fault = Fault(Code.UPSTREAM_BROKE, "It broke.")
    seen = read_lawfully(out + encoder.fail(fault), typed=all(map(has_type, stream)))
    assert (seen.error is None) == ended


@steady
@given(chat_streams)
def test_whatever_a_chat_upstream_sends_becomes_a_lawful_stream(stream: bytes) -> None:
    events = events_of(read_chat([stream]))
    seen = read_what_is_written(events)
    assert (seen.error is not None) == any(isinstance(event, Failed) for event in events)
    if not any(isinstance(event, Failed) for event in events) and events:
        assert seen.pings == sum(isinstance(event, Heartbeat) for event in events)


# --- hostile upstreams ---

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_numbers = st.integers(-5, 10**20) | st.floats()
_usage = sloppy(
    input_tokens=_numbers,
    output_tokens=_numbers,
    cache_read_input_tokens=_numbers,
    output_tokens_details=sloppy(thinking_tokens=_numbers),
)
_citation = sloppy(type=st.just("web_search_result_location"), url=words, encrypted_index=texts)
_block = sloppy(
    type=st.sampled_from(
        [
            *("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use"),
            *("web_search_tool_result", "hologram"),
        ]
    ),
    text=texts,
    thinking=texts,
    signature=texts,
    data=texts,
    id=words,
    name=words,
    input=st.just({}) | st.just({"a": 1}) | words,
    citations=st.lists(_citation, max_size=2),
    tool_use_id=words,
)
_delta = sloppy(
    type=st.sampled_from(
        [
            *("text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta"),
            "odd_delta",
        ]
    ),
    text=words,
    thinking=words,
    signature=words,
    partial_json=words,
    citation=_citation,
    stop_reason=st.sampled_from(["end_turn", "tool_use", "max_tokens", "weird", None]),
    stop_sequence=words,
)
_event = sloppy(
    type=st.sampled_from(
        [
            *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
            *("content_block_start", "content_block_delta", "message_delta", "message_stop", "ping"),
            *("error", "odd_event"),
        ]
    ),
    index=st.integers(-1, 3),
    delta=_delta,
    content_block=_block,
    message=sloppy(id=words, model=words, usage=_usage),
    usage=_usage,
    error=sloppy(type=st.just("overloaded_error"), message=words),
)
_lines = st.one_of(
    *[_event.map(lambda value: b"data: " + json.dumps(value).encode())] * 5,
    st.sampled_from([b"data: [DONE]", b": ping", b"event: ping", b"data:", b"data: 5", b"data: {}"]),
    st.binary(max_size=12),
)
_streams = st.lists(
    st.tuples(_lines, st.sampled_from([b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"])), max_size=12
).map(lambda blocks: b"".join(line + end for line, end in blocks))


def must_be_lawful(events: list[Event]) -> None:
    grammar = Grammar()
    for event in events:
        grammar.see(event)
    assert grammar.whole or not events


@steady
@given(_streams, st.data())
def test_whatever_an_upstream_sends_becomes_a_lawful_whole(stream: bytes, data: st.DataObject) -> None:
    events = events_of(read(data.draw(cuts(stream))))
    must_be_lawful(events)
    assert joined(events) == joined(events_of(read([stream])))
    for event in events:
        if isinstance(event, UsageSeen):
            counts = msgspec.structs.astuple(event.usage)
            assert all(isinstance(count, int) and 0 <= count <= 10**9 for count in counts)


@steady
@given(_streams)
def test_whatever_was_decoded_is_encoded_into_a_stream_that_ends_once(stream: bytes) -> None:
    events = events_of(read([stream]))
    judged = all(map(has_type, events)) and b"encrypted_index" not in stream
    seen = read_lawfully(written(events), typed=judged)
    assert seen.over == bool(events)


@steady
@given(_event.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30))
def test_whatever_comes_as_a_whole_reply_is_lawful_or_a_fault(body: bytes) -> None:
    with contextlib.suppress(Fault):
        events = decode_reply(body)
        must_be_lawful(events)
