"""OpenAI's own Python client finds every object of its declared type, whichever wire the upstream speaks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from openai import (
    AsyncOpenAI,
    AsyncStream,
    ContentFilterFinishReasonError,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    LengthFinishReasonError,
    NotFoundError,
    OpenAI,
    Stream,
)
from openai.pagination import SyncCursorPage, SyncPage
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion
from openai.types.responses import InputTokenCountResponse, ParsedResponse, Response, ResponseStreamEvent
from openai.types.responses.response_item import ResponseItem

from tests.clients.conftest import ALIASES, MODEL, Served
from tests.clients.matches import assert_matches
from tests.clients.stories import CITY, STORIES, WEATHER, Story, Told, counts, told

STOPS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}
RAISED: dict[str, Any] = {"length": LengthFinishReasonError, "content_filter": ContentFilterFinishReasonError}
INCOMPLETE = {"max_output_tokens": "max_tokens", "content_filter": "refusal"}


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
def client(served: Served, request: pytest.FixtureRequest) -> Iterator[OpenAI]:
    """The client, lenient or strict; it reads no certificates, which takes longer than a story."""
    with OpenAI(
        base_url=f"{served.url}/v1",
        api_key=served.key,
        max_retries=0,
        http_client=DefaultHttpxClient(verify=False),
        _strict_response_validation=request.param,
    ) as sdk:
        yield sdk


@pytest.fixture
async def other(client: OpenAI) -> AsyncIterator[AsyncOpenAI]:
    """The same client for asynchronous programs."""
    async with AsyncOpenAI(
        base_url=client.base_url,
        api_key=client.api_key,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(verify=False),
        _strict_response_validation=client._strict_response_validation,
    ) as sdk:
        yield sdk


def chat_ask(story: Story) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": story.words}]}
    if story.thinks:
        asked["reasoning_effort"] = "low"
    if story.tools:
        function = {"name": "get_weather", "parameters": WEATHER, "strict": True}
        asked["tools"] = [{"type": "function", "function": function}]
    if story.shape:
        shape = {"name": "city", "schema": CITY, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": shape}
    return asked


def responses_ask(story: Story) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": MODEL, "input": story.words}
    if story.thinks:
        asked["reasoning"] = {"effort": "low"}
    if story.tools:
        asked["tools"] = [{"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": True}]
    if story.shape:
        asked["text"] = {"format": {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}}
    return asked


def chat_told(reply: ChatCompletion | ParsedChatCompletion[Any]) -> Told:
    (choice,) = reply.choices
    message = choice.message
    calls = [call.function for call in message.tool_calls or () if call.type == "function"]
    return Told(
        choice.finish_reason,
        message.content or "",
        getattr(message, "reasoning_content", ""),
        message.refusal or "",
        tuple((call.name, call.arguments) for call in calls),
    )


def chunks_told(chunks: list[ChatCompletionChunk]) -> Told:
    choices = [choice for chunk in chunks for choice in chunk.choices]
    deltas = [choice.delta for choice in choices]
    calls: dict[int, list[str]] = {}
    for call in (call for delta in deltas for call in delta.tool_calls or ()):
        if call.function is not None:
            said = calls.setdefault(call.index, ["", ""])
            said[0] += call.function.name or ""
            said[1] += call.function.arguments or ""
    (stop,) = (choice.finish_reason for choice in choices if choice.finish_reason)
    return Told(
        stop,
        "".join(delta.content or "" for delta in deltas),
        "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas),
        "".join(delta.refusal or "" for delta in deltas),
        tuple((name, arguments) for name, arguments in calls.values()),
    )


def responses_told(reply: Response) -> Told:
    thought = refusal = ""
    calls: list[tuple[str, str]] = []
    for item in reply.output:
        match item.type:
            case "reasoning":
                thought += "".join(part.text for part in item.content or ())
            case "function_call":
                calls.append((item.name, item.arguments))
            case "message":
                refusal += "".join(part.refusal for part in item.content if part.type == "refusal")
    stop = "tool_use" if calls else "end_turn"
    if reply.incomplete_details is not None:
        stop = INCOMPLETE[reply.incomplete_details.reason or ""]
    assert reply.status == ("completed" if reply.incomplete_details is None else "incomplete")
    return Told(stop, reply.output_text, thought, refusal, tuple(calls))


def expected_of_chat(story: str, wire: str) -> Told:
    known = told(story, wire)
    return Told(STOPS[known.stop], known.words, known.thought, known.refusal, known.calls)


def assert_counted(usage: Any, story: str, wire: str) -> None:
    fresh, cached, output, thought = counts(wire, thought=STORIES[story].thinks)
    assert (usage.prompt_tokens, usage.completion_tokens) == (fresh + cached, output)
    assert usage.total_tokens == fresh + cached + output
    assert usage.prompt_tokens_details.cached_tokens == cached
    assert usage.completion_tokens_details.reasoning_tokens == thought


@pytest.mark.parametrize("story", STORIES)
async def test_a_chat_completion(client: OpenAI, other: AsyncOpenAI, served: Served, story: str) -> None:
    asked = chat_ask(STORIES[story])
    for reply in (
        client.chat.completions.create(**asked),
        await other.chat.completions.create(**asked),
    ):
        assert_matches(ChatCompletion, reply)
        assert chat_told(reply) == expected_of_chat(story, served.wire)
        assert_counted(reply.usage, story, served.wire)
        assert reply.id.startswith("chatcmpl-")
        assert reply._request_id


@pytest.mark.parametrize("story", STORIES)
async def test_a_stream_of_a_chat_completion(
    client: OpenAI, other: AsyncOpenAI, served: Served, story: str
) -> None:
    asked = chat_ask(STORIES[story]) | {"stream": True, "stream_options": {"include_usage": True}}
    stream: Stream[ChatCompletionChunk] = client.chat.completions.create(**asked)
    later: AsyncStream[ChatCompletionChunk] = await other.chat.completions.create(**asked)
    for chunks in (list(stream), [chunk async for chunk in later]):
        for chunk in chunks:
            assert_matches(ChatCompletionChunk, chunk)
        assert chunks_told(chunks) == expected_of_chat(story, served.wire)
        assert_counted(chunks[-1].usage, story, served.wire)
        assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


@pytest.mark.parametrize("story", STORIES)
async def test_the_chat_streams_helper(
    client: OpenAI, other: AsyncOpenAI, served: Served, story: str
) -> None:
    """It puts the reply together by itself; a cut or filtered one it raises, by design."""
    asked, known = chat_ask(STORIES[story]), expected_of_chat(story, served.wire)
    if (
        story == "interleaved"
    ):  # It reads a strict call when the next one begins, as OpenAI's never interleave.
        del asked["tools"][0]["function"]["strict"]
    if raised := RAISED.get(known.stop):
        with pytest.raises(raised), client.chat.completions.stream(**asked) as stream:
            stream.get_final_completion()
        return
    with client.chat.completions.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        replies = [stream.get_final_completion()]
    async with other.chat.completions.stream(**asked) as later:
        replies.append(await later.get_final_completion())
    for reply in replies:
        assert_matches(ParsedChatCompletion, reply)
        assert chat_told(reply) == known
    assert ("content.done" in kinds) == bool(known.words)
    assert ("tool_calls.function.arguments.done" in kinds) == bool(known.calls)
    assert ("refusal.done" in kinds) == bool(known.refusal)


def test_a_conversation_with_a_tool_goes_on(client: OpenAI) -> None:
    """The message goes back as the SDK dumps it, and the model hears what the tools said."""
    asked = chat_ask(STORIES["calls"])
    message = client.chat.completions.create(**asked).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls or ()
    ]
    asked["messages"] += [message.model_dump(exclude_none=True), *results]

    said = client.chat.completions.create(**asked)

    assert len(results) == 2
    assert said.choices[0].message.content == "It is sunny."


@pytest.mark.parametrize("story", STORIES)
async def test_a_response(client: OpenAI, other: AsyncOpenAI, served: Served, story: str) -> None:
    asked = responses_ask(STORIES[story])
    for reply in (client.responses.create(**asked), await other.responses.create(**asked)):
        assert_matches(Response, reply)
        assert responses_told(reply) == told(story, served.wire)
        assert reply.usage is not None
        fresh, cached, output, thought = counts(served.wire, thought=STORIES[story].thinks)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (fresh + cached, output)
        assert reply.usage.input_tokens_details.cached_tokens == cached
        assert reply.usage.output_tokens_details.reasoning_tokens == thought
        assert (reply.temperature, reply.top_p, reply.service_tier) == (1.0, 0.95, "default")


@pytest.mark.parametrize("story", STORIES)
async def test_a_stream_of_a_response(client: OpenAI, other: AsyncOpenAI, served: Served, story: str) -> None:
    asked = responses_ask(STORIES[story]) | {"stream": True}
    stream: Stream[ResponseStreamEvent] = client.responses.create(**asked)
    later: AsyncStream[ResponseStreamEvent] = await other.responses.create(**asked)
    for events in (list(stream), [event async for event in later]):
        for event in events:
            assert_matches(ResponseStreamEvent, event)
        last = events[-1]
        assert last.type in ("response.completed", "response.incomplete")
        assert responses_told(last.response) == told(story, served.wire)
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert client.responses.retrieve(last.response.id) == last.response


@pytest.mark.parametrize("story", STORIES)
async def test_the_responses_streams_helper(
    client: OpenAI, other: AsyncOpenAI, served: Served, story: str
) -> None:
    asked = responses_ask(STORIES[story])
    known = told(story, served.wire)
    with client.responses.stream(**asked) as stream:
        events = list(stream)
    async with other.responses.stream(**asked) as later:
        events_of_other = [event async for event in later]
    for heard in (events, events_of_other):
        assert heard[-1].type == (
            "response.completed" if known.stop in ("end_turn", "tool_use") else "response.incomplete"
        )
        assert responses_told(heard[-1].response) == known
        if heard[-1].type == "response.completed":
            assert_matches(ParsedResponse, heard[-1].response)


async def test_a_stored_response_is_found_gone_on_with_and_forgotten(
    client: OpenAI, other: AsyncOpenAI
) -> None:
    asked = responses_ask(STORIES["calls"])
    first = client.responses.create(**asked)
    assert client.responses.retrieve(first.id) == first == await other.responses.retrieve(first.id)
    results: Any = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "sunny"}
        for item in first.output
        if item.type == "function_call"
    ]
    second = client.responses.create(model=MODEL, input=results, previous_response_id=first.id)
    assert second.output_text == "It is sunny."
    assert second.previous_response_id == first.id

    page = client.responses.input_items.list(second.id, order="asc", limit=100)
    assert_matches(SyncCursorPage[ResponseItem], page)
    for item in page:
        assert_matches(ResponseItem, item)
    kinds = [item.type for item in page]
    assert kinds[0] == "message"
    assert kinds[-2:] == ["function_call_output"] * 2
    assert [
        item.type async for item in other.responses.input_items.list(second.id, order="asc", limit=3)
    ] == kinds

    client.responses.delete(first.id)
    await other.responses.delete(second.id)
    for id_ in (first.id, second.id):
        with pytest.raises(NotFoundError):
            client.responses.retrieve(id_)


async def test_the_tokens_of_a_response_are_counted(client: OpenAI, other: AsyncOpenAI) -> None:
    for count in (
        client.responses.input_tokens.count(model=MODEL, input="Count to three."),
        await other.responses.input_tokens.count(model=MODEL, input="Count to three."),
    ):
        assert_matches(InputTokenCountResponse, count)
        assert count.input_tokens > 0


async def test_models(client: OpenAI, other: AsyncOpenAI) -> None:
    page = client.models.list()
    assert_matches(SyncPage[Model], page)
    assert [model.id for model in page] == [MODEL]
    assert [model.id async for model in other.models.list()] == [MODEL]
    for name in (MODEL, *ALIASES):
        for model in (client.models.retrieve(name), await other.models.retrieve(name)):
            assert_matches(Model, model)
            assert model.id == MODEL


def test_a_shape_is_parsed(client: OpenAI) -> None:
    """`text.format` and `response_format` hold on either wire."""
    for text in (
        client.chat.completions.create(**chat_ask(STORIES["shape"])).choices[0].message.content,
        client.responses.create(**responses_ask(STORIES["shape"])).output_text,
    ):
        assert json.loads(text or "") == {"city": "Beijing", "size": "big"}
