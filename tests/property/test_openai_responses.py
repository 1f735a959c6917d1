"""The laws of the Responses wire: round trips, indifference to cuts, legal streams whatever comes in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from tests.property.responses_law import read_lawfully
from tests.property.strategies import (
    chat_replies,
    cuts,
    json_objects,
    lawful_streams,
    names,
    steady,
    texts,
    url_citations,
    words,
)
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    Heartbeat,
    PartOpened,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.fold import Choice, Reply, fold, unfold
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import (
    FileId,
    Inline,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    Effort,
    Extras,
    FunctionTool,
    JsonObject,
    JsonSchema,
    Logprobs,
    Request,
    Sampling,
    Thinking,
    ToolChoice,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.reply import decode_reply, encode_reply
from tokenmill.wire.openai_responses.request import decode_request, encode_request
from tokenmill.wire.openai_responses.stream import ResponsesStreamDecoder, ResponsesStreamEncoder

ORIGIN = "issuer"

# --- requests that the wire can say whole ---

_media = st.sampled_from(
    [
        Media("image", Url("https://example.org/a.png"), None, None, (("detail", b'"high"'),)),
        Media("image", Inline("AAAA"), "image/png"),
        Media("image", FileId("file-1")),
        Media("file", Inline("AAAA"), "application/pdf", "a.pdf"),
        Media("file", Url("https://example.org/a.pdf")),
        Media("audio", Inline("AAAA"), "wav"),
        Media("audio", Inline("AAAA"), "audio/wav"),
        Media("video", Url("https://example.org/a.mp4")),
    ]
)
_unknown = st.just(Unknown("openai_responses", "hologram", b'{"type": "hologram", "depth": 1.0}'))
_user_parts = st.builds(Text, texts) | _media | _unknown
_signed = st.builds(Reasoning, words, st.sampled_from(["visible", "summary"]), st.just(ORIGIN), texts)
_thoughts = st.one_of(
    st.just(()),
    st.tuples(st.builds(Reasoning, words)),
    st.tuples(_signed),
    st.tuples(st.builds(Reasoning, st.just(""), st.just("redacted"), st.just(ORIGIN), texts)),
    st.tuples(st.builds(Reasoning, texts, st.just("summary")), st.builds(Reasoning, words) | _signed),
)
_search = json_objects.map(lambda raw: b'{"type":"search","x":' + raw + b"}").map(bytes.decode)
_said = st.one_of(
    st.builds(Text, texts),
    st.builds(Refusal, words),
    st.builds(ToolCall, names, names, texts, st.sampled_from(["function", "custom"])),
    st.builds(ToolCall, names, st.just("web_search"), _search, st.just("server")),
    _unknown,
)
_assistant = st.tuples(_thoughts, st.lists(_said, min_size=1, max_size=3)).map(
    lambda parts: Turn("assistant", (*parts[0], *parts[1]))
)
_results = st.builds(
    ToolResult, names, st.lists(st.builds(Text, words) | _media | _unknown, max_size=2).map(tuple)
)
_others = st.one_of(
    st.builds(
        Turn,
        st.sampled_from(["system", "developer", "user"]),
        st.lists(_user_parts, min_size=1, max_size=3).map(tuple),
    ),
    _results.map(lambda result: Turn("tool", (result,))),
)
_tools = st.one_of(
    st.builds(
        FunctionTool,
        names,
        st.none() | texts,
        st.none() | json_objects,
        st.sampled_from([None, True, False]),
        st.booleans(),
    ),
    st.builds(CustomTool, names, st.none() | texts, st.none() | json_objects),
    st.builds(WebSearchTool, location=st.none() | json_objects),
    st.just(UnknownTool("openai_responses", "shell", b'{"type": "shell", "x": 1.0}')),
)


@st.composite
def _turns(draw: st.DrawFn) -> tuple[Turn, ...]:
    """Turns in which no assistant speaks twice in a row."""
    turns: list[Turn] = []
    for turn in draw(st.lists(_assistant | _others, min_size=1, max_size=5)):
        if not (turns and turns[-1].role == turn.role == "assistant"):
            turns.append(turn)
    return tuple(turns)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Requests that the wire can say whole, as a client that streams would send them."""
    tools = draw(st.lists(_tools, max_size=3, unique_by=lambda tool: getattr(tool, "name", tool)))
    named = [tool.name for tool in tools if isinstance(tool, FunctionTool | CustomTool)]
    choices: list[ToolChoice] = [ChooseFreely(), ChooseNone()]
    if tools:
        choices.append(ChooseAny())
    if named:
        choices += [ChooseOne(named[0]), ChooseFrom(tuple(named), draw(st.booleans()))]
    extras = draw(st.dictionaries(names.map("x_{}".format), json_objects, max_size=2))
    if draw(st.booleans()):
        extras["text.verbosity"] = b'"low"'
    return Request(
        model=draw(words),
        turns=draw(_turns()),
        tools=tuple(tools),
        tool_choice=draw(st.sampled_from(choices)),
        parallel_tools=draw(st.sampled_from([None, True, False])),
        max_output=draw(st.none() | st.integers(1, 131072)),
        sampling=Sampling(
            temperature=draw(st.none() | st.floats(0, 1.5)), top_p=draw(st.none() | st.floats(0.01, 1))
        ),
        thinking=draw(
            st.sampled_from([Thinking(), Thinking(False), *(Thinking(effort=e) for e in get_args(Effort))])
        ),
        format=draw(
            st.none()
            | st.just(JsonObject())
            | st.builds(JsonSchema, names, json_objects, st.none() | texts, st.sampled_from([None, True]))
        ),
        logprobs=draw(st.none() | st.builds(Logprobs, st.integers(0, 20))),
        stream=True,
        user=draw(st.none() | texts),
        extras=Extras("openai_responses", tuple(extras.items())) if extras else None,
    )


@steady
@given(requests())
def test_decoding_what_was_encoded_gives_the_request_back(request: Request) -> None:
    route = Route(target="t", engine="e", upstream_model=request.model)
    body, drops = encode_request(request, route, origin=ORIGIN)
    assert drops == ()
    assert decode_request(body, origin=ORIGIN).request == request


@steady
@given(requests())
def test_a_strict_target_is_told_the_same_but_for_what_was_dropped(request: Request) -> None:
    route = Route(target="t", engine="e", upstream_model=request.model, strict=True)
    body, drops = encode_request(request, route, origin=ORIGIN)
    again = decode_request(body, origin=ORIGIN).request
    dropped = {drop.field for drop in drops}
    said = {name for name, _ in request.extras.fields} if request.extras else set()
    assert {name for name, _ in again.extras.fields} if again.extras else set() == said - dropped
    assert again.tools == request.tools
    unsigned = any(
        isinstance(part, Reasoning) and part.signature is None
        for turn in request.turns
        for part in turn.parts
    )
    assert again.turns == request.turns or unsigned


# --- replies ---


def _spelled(token: str, logprob: float) -> TokenLogprob:
    return TokenLogprob(token, logprob, tuple(token.encode()))


_rivals = st.builds(_spelled, texts, st.floats(-100, 0))
_logprobs = st.lists(
    st.tuples(_rivals, st.lists(_rivals, max_size=2)).map(
        lambda pair: msgspec.structs.replace(pair[0], top=tuple(pair[1]))
    ),
    max_size=3,
).map(tuple)
_counts = st.integers(0, 10**6)
_usages = st.none() | st.tuples(_counts, _counts, _counts, _counts, _counts).map(
    lambda counts: Usage(*counts[:3], counts[3] + counts[4], counts[4])
)
_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, words, st.lists(url_citations(), max_size=2).map(tuple), _logprobs),
    st.builds(Refusal, words),
    st.builds(Reasoning, words, st.sampled_from(["visible", "summary"]), st.none(), st.none() | texts),
    st.builds(Reasoning, st.just(""), st.just("redacted"), st.none(), texts),
    st.builds(ToolCall, names, names, texts, st.sampled_from(["function", "custom"])),
)


def _key(part: Part) -> object:
    """Calls of one reply have ids of their own."""
    return part.id if isinstance(part, ToolCall) else id(part)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Replies that the wire can say whole."""
    parts = draw(st.lists(_parts, max_size=4, unique_by=_key))
    called = any(isinstance(part, ToolCall) for part in parts)
    stop = draw(st.sampled_from([Stop.TOOL if called else Stop.END, Stop.LENGTH, Stop.FILTER]))
    choice = Choice(tuple(parts), stop)
    return Reply(draw(texts), draw(texts), draw(st.integers(0, 2**40)), (choice,), draw(_usages))


def written(reply: Reply) -> bytes:
    encoder = ResponsesStreamEncoder(reply.id, reply.model, reply.at)
    return b"".join(encoder.feed(event) for event in unfold(reply)) + encoder.close()


def read(pieces: Iterable[bytes]) -> list[Frame]:
    """All frames of a stream; a Fault before the reply began ends it, as it does for an engine."""
    numbers = itertools.count()
    reader = ResponsesStreamDecoder(lambda: f"call_{next(numbers)}")
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


@steady
@given(replies())
def test_a_reply_survives_the_stream(reply: Reply) -> None:
    assert fold(events_of(read([written(reply)]))) == reply


@steady
@given(replies(), st.data())
def test_where_a_stream_is_cut_changes_nothing(reply: Reply, data: st.DataObject) -> None:
    stream = written(reply)
    frames = read(data.draw(cuts(stream)))
    assert joined(events_of(frames)) == joined(events_of(read([stream])))


@steady
@given(replies())
def test_a_whole_reply_parses_by_the_official_types_and_decodes_again(reply: Reply) -> None:
    body = encode_reply(reply)
    assert Response.model_validate_json(body).id == reply.id
    events = decode_reply(body)
    grammar = Grammar()
    for event in events:
        grammar.see(event)
    assert fold(events) == reply
    assert encode_reply(fold(events)) == body


# --- streams are legal, whatever is told ---


def told(events: Iterable[Event], options: ResponsesOptions = ResponsesOptions()) -> bytes:  # noqa: B008  (frozen)
    encoder = ResponsesStreamEncoder(
        "resp_1", "m", 7, options, sealer=lambda thought: f"sealed {len(thought.text)}"
    )
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


@steady
@given(lawful_streams(), st.sampled_from([None, "auto"]))
def test_any_lawful_stream_is_told_legally(events: list[Event], summary: str | None) -> None:
    response = read_lawfully(told(events, ResponsesOptions(summary=summary)))
    first = next(choice for choice in fold(events).choices if choice.index == 0)
    said = "".join(part.text for part in first.parts if isinstance(part, Text))
    assert sorted(Response.model_validate(response).output_text) == sorted(said)


@steady
@given(lawful_streams(), st.data())
def test_a_stream_that_breaks_anywhere_still_ends_legally(events: list[Event], data: st.DataObject) -> None:
    kept = events[: data.draw(st.integers(0, len(events) - 1))]
    if any(isinstance(event, Finished) and event.choice == 0 for event in kept):
        return
    fault = Fault(data.draw(st.sampled_from([Code.UPSTREAM_BROKE, Code.RATE_LIMITED, Code.BAD_VALUE])), "Oh.")
    response = read_lawfully(told([*kept, Failed(fault)]))
    assert (response["status"], response["error"]["message"]) == ("failed", "Oh.")


@steady
@given(chat_replies, st.data())
def test_what_a_chat_upstream_says_is_told_legally(reply: Reply, data: st.DataObject) -> None:
    writer = ChatStreamEncoder("chatcmpl-1", "m", 1, choices=len(reply.choices))
    stream = b"".join(writer.feed(event) for event in unfold(reply)) + writer.close()
    stream = stream[: data.draw(st.integers(0, len(stream)))]
    reader = ChatStreamDecoder()
    events: list[Event] = []
    try:
        for frame in [*reader.feed(stream), *reader.close()]:
            events += frame.events
    except Fault:
        assert not events
        return
    read_lawfully(told(events))


# --- hostile upstreams ---

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def sloppy(**members: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """An object whose members are as they should be, or anything, or absent."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(s, s, _json) for name, s in members.items()})


_types = st.sampled_from(
    ["message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "hologram"]
)
_content = sloppy(
    type=st.sampled_from(["output_text", "refusal", "reasoning_text"]),
    text=words,
    refusal=words,
    annotations=st.lists(sloppy(type=st.just("url_citation"), url=words), max_size=2),
)
_item = sloppy(
    type=_types,
    id=names,
    call_id=names,
    name=names,
    arguments=words,
    input=words,
    content=st.lists(_content, max_size=2),
    summary=st.lists(_content, max_size=2),
    encrypted_content=words,
    action=json_objects.map(json.loads),
)
_numbers = st.integers(-5, 10**20) | st.floats()
_response = sloppy(
    id=words,
    model=words,
    created_at=_numbers,
    status=st.sampled_from(["completed", "incomplete", "failed"]),
    incomplete_details=sloppy(reason=st.sampled_from(["max_output_tokens", "content_filter", "x"])),
    output=st.lists(_item, max_size=3),
    usage=sloppy(input_tokens=_numbers, output_tokens=_numbers),
)
_kinds = st.sampled_from(
    [
        *("output_text.delta", "output_text.done", "refusal.delta", "reasoning_text.delta"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.done", "function_call_arguments.delta"),
        *("function_call_arguments.done", "custom_tool_call_input.delta", "output_text.annotation.added"),
        *("output_item.added", "output_item.added", "output_item.done", "output_item.done", "hologram"),
        *("created", "in_progress", "completed", "incomplete", "failed"),
    ]
).map("response.{}".format)
_event = sloppy(
    type=_kinds,
    output_index=st.integers(-1, 2),
    content_index=st.integers(0, 1),
    summary_index=st.integers(0, 1),
    item_id=names,
    delta=words,
    text=words,
    arguments=words,
    name=names,
    item=_item,
    response=_response,
    annotation=sloppy(type=st.just("url_citation"), url=words),
)
_lines = st.one_of(
    *[_event.map(lambda value: b"data: " + json.dumps(value).encode())] * 4,
    st.sampled_from(
        [b"data: [DONE]", b": ping", b"event: x", b"data:", b"data: 5", b'data: {"type":"error"}']
    ),
    st.binary(max_size=12),
)
_streams = st.lists(
    st.tuples(_lines, st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"])), max_size=10
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
def test_whatever_was_decoded_is_told_legally(stream: bytes) -> None:
    events = events_of(read([stream]))
    strange = {
        event.index for event in events if isinstance(event, PartOpened) and isinstance(event.part, Unknown)
    }
    known = [event for event in events if getattr(event, "index", None) not in strange]
    out = told(known)
    failed = not any(isinstance(event, Finished) for event in known)
    assert (read_lawfully(out)["status"] == "failed") == failed
    assert out.count(b": ping\n\n") == sum(isinstance(event, Heartbeat) for event in known)
