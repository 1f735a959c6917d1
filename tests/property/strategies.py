"""Hypothesis strategies for requests, replies and streams, shared by the protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenmill.conversation.events import Event, Stop
from tokenmill.conversation.fold import Choice, Reply, unfold
from tokenmill.conversation.parts import (
    CacheMark,
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
    UrlCitation,
    VendorCitation,
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
    Tool,
    ToolChoice,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.conversation.usage import Usage
from tokenmill.wire.openai_chat.request_encode import DEGREES

steady = settings(max_examples=60, deadline=None, derandomize=True)
"""The same examples on every run, few enough for `make test`."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
names = st.text("abcdefghijklmnopqrstuvwxyz_-0123456789", min_size=1, max_size=8)
counts = st.integers(0, 300_000_000)  # Three kinds of input together stay below the most a reply may claim.
json_objects = st.dictionaries(names, st.integers() | texts | st.booleans() | st.none(), max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)
logprobs = st.lists(
    st.builds(
        TokenLogprob,
        texts,
        st.floats(-100, 0),
        st.none() | st.lists(st.integers(0, 255), max_size=3).map(tuple),
        st.lists(st.builds(TokenLogprob, texts, st.floats(-100, 0)), max_size=2).map(tuple),
    ),
    max_size=3,
).map(tuple)


@st.composite
def url_citations(draw: st.DrawFn) -> UrlCitation:
    """A source with a span or without one."""
    span = draw(st.none() | st.tuples(st.integers(0, 50), st.integers(1, 50)))
    start, end = span or (None, None)
    title, summary, site, time, logo = (draw(texts) for _ in range(5))
    return UrlCitation(draw(words), title, summary, site, time, logo, start, end)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Counts in which reasoning is a share of the output."""
    output = draw(counts)
    return Usage(draw(counts), draw(counts), draw(counts), output, draw(st.integers(0, output)))


# --- replies ---

cache_marks = st.none() | st.builds(CacheMark, st.none() | names)
any_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(
        Text,
        texts,
        st.lists(url_citations() | st.just(VendorCitation("anthropic_messages", b"{}")), max_size=2).map(
            tuple
        ),
        logprobs,
        cache_marks,
    ),
    st.builds(
        Reasoning,
        texts,
        st.sampled_from(["visible", "summary", "redacted"]),
        st.none() | names,
        st.none() | texts,
    ),
    st.builds(ToolCall, names, names, texts, st.sampled_from(["function", "custom", "server"]), cache_marks),
    st.builds(ToolResult, names, st.lists(st.builds(Text, texts), max_size=2).map(tuple), st.booleans()),
    st.builds(Refusal, texts),
    st.builds(Media, st.just("audio"), st.builds(Inline, texts) | st.builds(FileId, names)),
    st.builds(Unknown, st.just("openai_chat"), names, json_objects),
)


@st.composite
def replies(draw: st.DrawFn, parts: st.SearchStrategy[Part] = any_parts, merge: bool = False) -> Reply:
    """Any whole reply; with `merge`, words of one kind never stand side by side."""
    choices = []
    for index in range(draw(st.integers(1, 3))):
        said: list[Part] = []
        for part in draw(st.lists(parts, max_size=4)):
            neighbour = merge and said and type(said[-1]) is type(part) and not isinstance(part, ToolCall)
            if not neighbour:
                said.append(part)
        stop = draw(st.sampled_from([Stop.END, Stop.LENGTH, Stop.TOOL, Stop.FILTER]))
        choices.append(Choice(tuple(said), stop, index))
    at = draw(st.integers(0, 2**40))
    return Reply(
        draw(texts), draw(texts), at, tuple(choices), draw(st.none() | usages()), draw(st.none() | texts)
    )


def _settled(reply: Reply) -> Reply:
    """The reply with ends that say whether a call was made, as this wire tells them."""
    choices = []
    for choice in reply.choices:
        called = any(isinstance(part, ToolCall) for part in choice.parts)
        stop = choice.stop if choice.stop in (Stop.LENGTH, Stop.FILTER) else Stop.TOOL if called else Stop.END
        choices.append(replace(choice, stop=stop))
    return replace(reply, choices=tuple(choices))


chat_replies = replies(
    st.one_of(
        st.builds(Text, words, st.lists(url_citations(), max_size=2).map(tuple), logprobs),
        st.builds(Reasoning, words),
        st.builds(Refusal, words),
        st.builds(ToolCall, names, names, words, st.sampled_from(["function", "custom"])),
    ),
    merge=True,
).map(_settled)
"""Replies that the chat wire can say whole."""

published_chat_replies = replies(
    st.one_of(
        st.builds(Text, words, st.lists(url_citations(), max_size=2).map(tuple), logprobs),
        st.builds(Reasoning, words),
        st.builds(Refusal, words),
        st.builds(ToolCall, names, names, words),
    ),
    merge=True,
)
"""The same without custom tool calls, which the published types of chunks do not know."""


@st.composite
def lawful_streams(draw: st.DrawFn) -> list[Event]:
    """Any reply, unfolded, with the parts of its choices interleaved."""
    events = list(unfold(draw(replies())))
    first, rest = events[0], events[1:]
    ends = [event for event in rest if type(event).__name__ in ("Finished", "UsageSeen")]
    lanes: dict[int, list[Event]] = {}
    for event in rest:
        if event not in ends:
            lanes.setdefault(event.index, []).append(event)  # type: ignore[union-attr]  # Parts' events have one.
    order = draw(st.permutations([index for index, lane in lanes.items() for _ in lane]))
    queues: dict[int, Iterator[Event]] = {index: iter(lane) for index, lane in lanes.items()}
    return [first, *(next(queues[index]) for index in order), *ends]


def cuts(data: bytes) -> st.SearchStrategy[list[bytes]]:
    """Ways to cut `data` into pieces, some of them empty."""
    places = st.lists(st.integers(0, len(data)), max_size=8).map(sorted)
    return places.map(lambda at: [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)])


# --- requests ---

_source = st.one_of(
    st.tuples(st.builds(Inline, names), st.sampled_from(["image/png", None])),
    st.tuples(st.builds(Url, names.map("https://example.org/{}".format)), st.none()),
)
_user_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, texts),
    _source.map(lambda s: Media("image", s[0], s[1], None, (("detail", b'"high"'),))),
    _source.map(lambda s: Media("video", s[0], s[1], None, (("fps", b"2"), ("media_resolution", b'"max"')))),
    st.sampled_from(
        [
            Media("audio", Inline("AAAA"), "wav"),
            Media("audio", Inline("AAAA"), "audio/wav"),
            Media("audio", Url("https://example.org/a.mp3")),
            Media("file", FileId("file-1")),
            Media("file", Inline("AAAA"), "application/pdf", "a.pdf"),
            Unknown("openai_chat", "hologram", b'{"type": "hologram", "depth": 1.0}'),
        ]
    ),
)
_calls = st.builds(ToolCall, names, names, words)
_strict_calls = st.builds(ToolCall, names, names, words, st.sampled_from(["function", "custom"]))


@st.composite
def _assistant_turns(draw: st.DrawFn, calls_: st.SearchStrategy[ToolCall]) -> Turn:
    thought = draw(st.lists(st.builds(Reasoning, texts), max_size=1))
    said = draw(st.lists(st.builds(Text, words) | st.builds(Refusal, words), max_size=2))
    calls = draw(st.lists(calls_, max_size=2))
    return Turn("assistant", (*thought, *said, *calls) or (Text("yes"),), draw(st.none() | names))


def _turns(calls: st.SearchStrategy[ToolCall], media: st.SearchStrategy[Part]) -> st.SearchStrategy[Turn]:
    return st.one_of(
        st.builds(
            Turn, st.sampled_from(["system", "user"]), st.lists(media, min_size=1, max_size=3).map(tuple)
        ),
        _assistant_turns(calls),
        st.builds(
            Turn,
            st.just("tool"),
            st.builds(ToolResult, names, st.lists(st.builds(Text, words), max_size=1).map(tuple)).map(
                lambda result: (result,)
            ),
            st.none() | names,
        ),
    )


turns = _turns(_calls, _user_parts)
_strict_turns = _turns(_strict_calls, _user_parts.filter(lambda part: getattr(part, "kind", "") != "video"))

_ratio = st.floats(0.01, 1)
_penalty = st.none() | st.floats(-2, 2)
sampling = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | _ratio,
    top_k=st.none() | st.integers(1, 100),
    presence_penalty=_penalty,
    frequency_penalty=_penalty,
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    stop=st.lists(words, max_size=4).map(tuple),
)
_functions = st.builds(
    FunctionTool, names, st.none() | texts, st.none() | json_objects, st.sampled_from([None, True, False])
)
_tools: st.SearchStrategy[Tool] = st.one_of(
    _functions,
    st.builds(
        WebSearchTool,
        st.booleans(),
        st.none() | st.integers(1, 50),
        st.none() | st.integers(1, 50),
        st.none() | json_objects,
    ),
    st.just(UnknownTool("openai_chat", "namespace", b'{"type": "namespace", "x": 1.0}')),
)
_strict_tools = st.one_of(
    _functions,
    st.builds(CustomTool, names, st.none() | texts, st.none() | json_objects),
    st.builds(WebSearchTool),
)


@st.composite
def chat_requests(draw: st.DrawFn, *, strict: bool = False) -> Request:
    """Requests that the chat wire can say whole, as a client that streams would send them.

    A target that is not `strict` knows no tools of free text, cannot allow some of many, and goes on with a
    last message of the assistant; a strict one knows no films, and loses some tuning.
    """
    kinds = _strict_tools if strict else _tools
    tools = draw(st.lists(kinds, max_size=3, unique_by=lambda tool: getattr(tool, "name", type(tool))))
    named = [tool.name for tool in tools if isinstance(tool, FunctionTool | CustomTool)]
    choices: list[ToolChoice] = [ChooseFreely()]
    if tools:
        choices.append(ChooseNone())
    if named:
        choices += [ChooseAny(), ChooseOne(named[0])]
    if named and strict:
        choices.append(ChooseFrom(tuple(named), draw(st.booleans())))
    extras = draw(st.dictionaries(names.map("x_{}".format), json_objects, max_size=2))
    effort = draw(st.sampled_from([None, *sorted(set(get_args(Effort)) - set(DEGREES))]))
    on = draw(st.sampled_from([None, True, False]))
    said = draw(st.lists(_strict_turns if strict else turns, min_size=1, max_size=4))
    if said[-1].role == "assistant":
        said.append(Turn("user", (Text("go on"),)))
    return Request(
        model=draw(words),
        turns=tuple(said),
        tools=tuple(tools),
        tool_choice=draw(st.sampled_from(choices)),
        parallel_tools=draw(st.sampled_from([None, True, False])) if tools else None,
        max_output=draw(st.none() | st.integers(1, 131072)),
        sampling=draw(sampling),
        thinking=Thinking(on, effort, None if on is None else draw(st.none() | st.integers(1, 9999))),
        format=draw(
            st.none()
            | st.just(JsonObject())
            | st.builds(JsonSchema, names, json_objects, st.none() | texts, st.sampled_from([None, True]))
        ),
        logprobs=draw(st.none() | st.builds(Logprobs, st.integers(0, 20))),
        choices=draw(st.integers(1, 8)),
        stream=True,
        include_usage=True,
        user=draw(st.none() | texts),
        extras=Extras("openai_chat", tuple(extras.items())) if extras else None,
    )
