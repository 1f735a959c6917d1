"""Anthropic's own Python client finds every object of its declared type, whatever the upstream speaks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from anthropic import (
    Anthropic,
    AsyncAnthropic,
    AsyncStream,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    Stream,
)
from anthropic.pagination import SyncPage
from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from anthropic.types.beta import (
    BetaMessage,
    BetaMessageTokensCount,
    BetaModelInfo,
    BetaRawMessageStreamEvent,
)

from tests.clients.conftest import ALIASES, MODEL, Served
from tests.clients.matches import assert_matches
from tests.clients.model import PROMPT
from tests.clients.stories import CITY, REFUSED, STORIES, WEATHER, Story, Told, counts, told

BETAS = ["interleaved-thinking-2025-05-14"]


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
def client(served: Served, request: pytest.FixtureRequest) -> Iterator[Anthropic]:
    """The client, lenient or strict; it reads no certificates, which takes longer than a story."""
    with Anthropic(
        base_url=f"{served.url}/anthropic",
        api_key=served.key,
        max_retries=0,
        http_client=DefaultHttpxClient(verify=False),
        _strict_response_validation=request.param,
    ) as sdk:
        yield sdk


@pytest.fixture
async def other(client: Anthropic) -> AsyncIterator[AsyncAnthropic]:
    """The same client for asynchronous programs."""
    async with AsyncAnthropic(
        base_url=str(client.base_url),
        api_key=client.api_key,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(verify=False),
        _strict_response_validation=client._strict_response_validation,
    ) as sdk:
        yield sdk


def ask(story: Story) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": story.words}],
    }
    if story.thinks:
        asked["thinking"] = {"type": "enabled", "budget_tokens": 2000}
    if story.tools:
        asked["tools"] = [{"name": "get_weather", "description": "Looks.", "input_schema": WEATHER}]
    if story.shape:
        asked["output_config"] = {"format": {"type": "json_schema", "schema": CITY}}
    return asked


def message_told(message: Message | BetaMessage) -> Told:
    words = thought = ""
    calls: list[tuple[str, str]] = []
    for block in message.content:
        match block.type:
            case "text":
                words += block.text
            case "thinking":
                assert block.signature
                thought += block.thinking
            case "tool_use":
                calls.append((block.name, json.dumps(block.input)))
            case other:
                raise AssertionError(other)
    return Told(message.stop_reason or "", words, thought, "", tuple(calls))


def expected(story: str, wire: str) -> Told:
    """As the story has it, but that a refusal's words are words here."""
    if story == "refusal" and wire == "openai":
        return Told("end_turn", REFUSED)
    return told(story, wire)


def assert_counted(usage: Any, story: str, wire: str) -> None:
    fresh, cached, output, thought = counts(wire, thought=STORIES[story].thinks)
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (fresh, cached)
    assert (usage.output_tokens, usage.output_tokens_details.thinking_tokens) == (output, thought)


@pytest.mark.parametrize("story", STORIES)
async def test_a_message(client: Anthropic, other: AsyncAnthropic, served: Served, story: str) -> None:
    asked = ask(STORIES[story])
    for message in (client.messages.create(**asked), await other.messages.create(**asked)):
        assert_matches(Message, message)
        assert message_told(message) == expected(story, served.wire)
        assert_counted(message.usage, story, served.wire)
        assert message._request_id


@pytest.mark.parametrize("story", STORIES)
async def test_a_stream_of_a_message(
    client: Anthropic, other: AsyncAnthropic, served: Served, story: str
) -> None:
    asked = ask(STORIES[story]) | {"stream": True}
    stream: Stream[RawMessageStreamEvent] = client.messages.create(**asked)
    later: AsyncStream[RawMessageStreamEvent] = await other.messages.create(**asked)
    for events in (list(stream), [event async for event in later]):
        for event in events:
            assert_matches(RawMessageStreamEvent, event)
        assert events[0].type == "message_start"
        assert events[0].message.usage.input_tokens > 0
        assert events[-1].type == "message_stop"


@pytest.mark.parametrize("story", STORIES)
async def test_the_streams_helper(
    client: Anthropic, other: AsyncAnthropic, served: Served, story: str
) -> None:
    asked = ask(STORIES[story])
    with client.messages.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        messages = [stream.get_final_message()]
    async with other.messages.stream(**asked) as later:
        messages.append(await later.get_final_message())
    known = expected(story, served.wire)
    for message in messages:
        assert_matches(Message, message)
        assert message_told(message) == known
        assert_counted(message.usage, story, served.wire)
    assert ("text" in kinds) == bool(known.words)
    assert ("thinking" in kinds) == ("signature" in kinds) == bool(known.thought)
    assert ("input_json" in kinds) == bool(known.calls)


@pytest.mark.parametrize("story", STORIES)
async def test_a_beta_message(client: Anthropic, other: AsyncAnthropic, served: Served, story: str) -> None:
    asked = ask(STORIES[story]) | {"betas": BETAS}
    known = expected(story, served.wire)
    with client.beta.messages.stream(**asked) as helped:
        last = helped.get_final_message()
    for message in (client.beta.messages.create(**asked), await other.beta.messages.create(**asked), last):
        assert_matches(BetaMessage, message)
        assert message_told(message) == known
        assert_counted(message.usage, story, served.wire)
    stream: Stream[BetaRawMessageStreamEvent] = client.beta.messages.create(**asked, stream=True)
    for event in stream:
        assert_matches(BetaRawMessageStreamEvent, event)


def test_a_conversation_with_a_tool_goes_on(client: Anthropic) -> None:
    """The blocks go back as the SDK has them, thoughts and their signature among them."""
    asked = ask(STORIES["calls"])
    message = client.messages.create(**asked)
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
        for block in message.content
        if block.type == "tool_use"
    ]
    asked["messages"] += [
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]

    said = client.messages.create(**asked)

    assert len(results) == 2
    assert message_told(said).words == "It is sunny."


@pytest.mark.parametrize("story", STORIES)
async def test_the_tokens_of_a_message_are_counted(
    client: Anthropic, other: AsyncAnthropic, served: Served, story: str
) -> None:
    """By the upstream, where it can."""
    asked = ask(STORIES[story])
    del asked["max_tokens"]
    for count in (client.messages.count_tokens(**asked), await other.messages.count_tokens(**asked)):
        assert_matches(MessageTokensCount, count)
        assert count.input_tokens > 0
        assert served.wire == "openai" or count.input_tokens == PROMPT
    beta = client.beta.messages.count_tokens(**asked, betas=["token-counting-2024-11-01"])
    assert_matches(BetaMessageTokensCount, beta)
    assert beta.input_tokens > 0


async def test_models(client: Anthropic, other: AsyncAnthropic) -> None:
    page = client.models.list(limit=5)
    assert_matches(SyncPage[ModelInfo], page)
    assert [model.id for model in page] == [MODEL]
    assert [model.id async for model in other.models.list()] == [MODEL]
    for name in (MODEL, *ALIASES):
        for model in (client.models.retrieve(name), await other.models.retrieve(name)):
            assert_matches(ModelInfo, model)
            assert model.id == MODEL
    for beta in (client.beta.models.retrieve(MODEL), *client.beta.models.list()):
        assert_matches(BetaModelInfo, beta)
