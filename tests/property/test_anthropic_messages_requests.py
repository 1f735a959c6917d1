"""The laws of requests on the Messages wire: round trips, and lawful bodies whatever was asked."""

from __future__ import annotations

import itertools
import json
import re
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.property.strategies import (
    cache_marks,
    chat_requests,
    json_objects,
    names,
    steady,
    texts,
    words,
)
from tokenmill.conversation.parts import (
    FileId,
    Inline,
    Media,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseNone,
    ChooseOne,
    Effort,
    Extras,
    FunctionTool,
    JsonSchema,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.request import decode_request, encode_request

_media = st.sampled_from(
    [
        Media("image", Inline("AAAA"), "image/png"),
        Media("image", Url("https://example.org/a.png")),
        Media("image", FileId("file_1")),
        Media("file", Inline("AAAA"), "application/pdf", "a.pdf", (("citations", b'{"enabled":true}'),)),
        Media("file", Inline("bmHDr3Zl"), "text/plain"),
    ]
)
_marked = st.builds(Text, words, cache=cache_marks)
_unknown = st.just(Unknown("anthropic_messages", "hologram", b'{"type": "hologram", "depth": 1.0}'))
_user_parts = st.one_of(_marked, _media, _unknown)
_result_parts = st.one_of(_marked, _media, _unknown)


@st.composite
def _conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    """System, then user and assistant by turns; results follow their calls and precede words."""
    turns: list[Turn] = []
    if draw(st.booleans()):
        turns.append(Turn("system", tuple(draw(st.lists(_marked, min_size=1, max_size=2)))))
    numbers = itertools.count()
    open_calls: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        if open_calls:
            results = [
                ToolResult(
                    id_,
                    tuple(draw(st.lists(_result_parts, max_size=2))),
                    draw(st.booleans()),
                    cache=draw(cache_marks),
                )
                for id_ in open_calls
            ]
            turns.append(Turn("tool", tuple(results)))
        if not open_calls or draw(st.booleans()):
            turns.append(Turn("user", tuple(draw(st.lists(_user_parts, min_size=1, max_size=3)))))
        if draw(st.booleans()):
            turns.append(Turn("system", tuple(draw(st.lists(_marked, min_size=1, max_size=2)))))
        said = draw(st.lists(_marked | st.builds(Reasoning, words), max_size=2))
        calls = [
            ToolCall(f"call_{next(numbers)}", name, arguments.decode(), cache=mark)
            for name, arguments, mark in draw(
                st.lists(st.tuples(names, json_objects, cache_marks), max_size=2)
            )
        ]
        open_calls = [call.id for call in calls]
        turns.append(Turn("assistant", (*said, *calls) or (Text("yes"),)))
    return tuple(turns)


_tools: st.SearchStrategy[Tool] = st.one_of(
    st.builds(
        FunctionTool,
        names,
        st.none() | texts,
        json_objects.map(lambda raw: raw if b'"type"' in raw else b'{"type":"object"}'),
        st.sampled_from([None, True, False]),
        st.booleans(),
        cache_marks,
    ),
    st.builds(WebSearchTool, max_keyword=st.none() | st.integers(1, 9), location=st.none() | json_objects),
    st.just(
        UnknownTool(
            "anthropic_messages", "bash_20250124", b'{"type": "bash_20250124", "name": "BASH"}', "BASH"
        )
    ),
)


@st.composite
def messages_requests(draw: st.DrawFn) -> Request:
    """Requests that this wire can say whole, in the form that its decoder gives them."""
    tools = draw(
        st.lists(_tools, max_size=3, unique_by=lambda tool: getattr(tool, "name", type(tool).__name__))
    )
    named = [tool.name for tool in tools if isinstance(tool, FunctionTool)]
    choices: list[ToolChoice] = [ChooseFreely()]
    if tools:
        choices += [ChooseNone(), ChooseAny()]
    if named:
        choices.append(ChooseOne(named[0]))
    choice = draw(st.sampled_from(choices))
    serial = bool(tools) and not isinstance(choice, ChooseNone)
    most = draw(st.integers(2048, 131072))
    extras = draw(st.dictionaries(names.map("x_{}".format), json_objects, max_size=2))
    return Request(
        model=draw(words),
        turns=draw(_conversations()),
        tools=tuple(tools),
        tool_choice=choice,
        parallel_tools=draw(st.sampled_from([None, False])) if serial else None,
        max_output=most,
        sampling=draw(
            st.builds(
                Sampling,
                temperature=st.none() | st.floats(0, 2),
                top_p=st.none() | st.floats(0.01, 1),
                top_k=st.none() | st.integers(1, 100),
                stop=st.lists(words, max_size=4).map(tuple),
            )
        ),
        thinking=draw(
            st.sampled_from([Thinking(), Thinking(on=False)])
            | st.builds(Thinking, st.just(True), st.none(), st.integers(1024, most - 1))
        ),
        format=draw(st.none() | st.builds(JsonSchema, st.just("reply"), json_objects)),
        stream=True,
        user=draw(st.none() | texts),
        extras=Extras("anthropic_messages", tuple(extras.items())) if extras else None,
    )


@steady
@given(messages_requests())
def test_decoding_what_was_encoded_gives_the_request_back(request: Request) -> None:
    route = Route(target="t", engine="e", upstream_model=request.model)
    body, drops = encode_request(request, route, system_in_place=True)
    assert drops == ()
    assert decode_request(body) == request


@steady
@given(messages_requests(), st.sampled_from([None, *get_args(Effort)]))
def test_effort_survives_where_it_is_the_switch(request: Request, effort: Effort | None) -> None:
    on = request.thinking.on
    thinking = Thinking(on, None if effort == "minimal" else effort)
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch="reasoning_effort")
    body, drops = encode_request(msgspec.structs.replace(request, thinking=thinking), route)
    assert decode_request(body).thinking == thinking
    assert all(drop.field.endswith(".role") for drop in drops)


_LAWFUL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@steady
@given(chat_requests(), st.sampled_from([None, "o"]), st.booleans())
def test_what_a_chat_client_asks_is_a_lawful_body_or_refused_by_name(
    request: Request, origin: str | None, strict: bool
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", strict=strict)
    refused: Fault | None = None
    try:
        raw, _ = encode_request(request, route, origin=origin)
    except Fault as fault:
        refused = fault
    if refused is not None:
        assert refused.code is Code.UNSUPPORTED
        assert refused.field
        return
    body = json.loads(raw)
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    assert all(a != b for a, b in itertools.pairwise(roles))
    assert set(roles) <= {"user", "assistant"}
    blocks = [b for m in body["messages"] if isinstance(m["content"], list) for b in m["content"]]
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert len(set(called)) == len(called)
    assert all(_LAWFUL_ID.fullmatch(id_) for id_ in called)
    assert all(isinstance(b["input"], dict) for b in blocks if b["type"] == "tool_use")
    assert all(b["text"] for b in blocks if b["type"] == "text")
    if "budget_tokens" in body.get("thinking", {}):
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
    decode_request(raw)
