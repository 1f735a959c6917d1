"""Web search as callers meet it: three protocols, streamed or whole, both kinds of key, and what it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import aiohttp
import pytest

from tests.flow.admin_client import browser
from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_money import books_balance, wallet
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.preferences import switch_web_search
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import MILLI, Name, Plan
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import Reasoning, Text, ToolCall, ToolResult
from tokenmill.conversation.request import ChooseNone
from tokenmill.conversation.usage import Usage
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.settings import read_secret
from tokenmill.testing import CATALOGUE, ScriptedEngine, Step, TestPlatform

SEARCHING = CATALOGUE + "web_search = true\n"
Protocol = Literal["chat", "messages", "responses"]
PATHS: dict[Protocol, str] = {
    "chat": "/v1/chat/completions",
    "messages": "/anthropic/v1/messages",
    "responses": "/v1/responses",
}
LINES = [
    {
        "url": "https://a.example/zephyr",
        "title": "Zephyr engine",
        "text": "The Zephyr engine has 412 horsepower.",
        "site_name": "Engines",
        "publish_time": "2026-11-01T08:00:00+08:00",
    },
    {"url": "https://b.example/wind", "title": "Winds", "text": "A zephyr is a light wind."},
]
QUESTION = "How many horsepower has the Zephyr engine?"
FIRST, SECOND = Usage(input_fresh=100, output=20, output_reasoning=5), Usage(input_fresh=400, output=30)


def saying(*words: str, usage: Usage | None = SECOND, stop: Stop = Stop.END) -> list[Step]:
    counts: list[Step] = [] if usage is None else [UsageSeen(usage)]
    told: list[Step] = [TextDelta(0, word) for word in words]
    return [Started("u2", "up", 1), PartOpened(0, Text()), *told, PartClosed(0), *counts, Finished(stop)]


def calling(
    name: str = "web_search",
    arguments: str = '{"queries":["zephyr horsepower"]}',
    usage: Usage | None = FIRST,
) -> list[Step]:
    counts: list[Step] = [] if usage is None else [UsageSeen(usage)]
    return [
        Started("u1", "up", 1),
        PartOpened(0, Reasoning()),
        TextDelta(0, "I have to look that up."),
        PartClosed(0),
        PartOpened(1, ToolCall("call_0", name)),
        ArgumentsDelta(1, arguments),
        PartClosed(1),
        *counts,
        Finished(Stop.TOOL),
    ]


ANSWER = saying("It has 412 ", "horsepower [1].")


@dataclass
class Answered:
    """A reply, in whatever protocol and form."""

    status: int
    text: str
    protocol: Protocol

    @property
    def whole(self) -> Any:
        return json.loads(self.text)

    @property
    def events(self) -> list[Any]:
        lines = (line.removeprefix("data: ") for line in self.text.splitlines() if line.startswith("data: "))
        return [json.loads(line) for line in lines if line != "[DONE]"]


class Caller:
    """One who asks with either kind of key."""

    def __init__(self, platform: TestPlatform, http: aiohttp.ClientSession, key: str = "") -> None:
        self.platform = platform
        self.key = key or platform.key
        self._http = http

    async def ask(
        self,
        protocol: Protocol = "chat",
        *,
        stream: bool = False,
        forced: bool = False,
        question: str = QUESTION,
        more: dict[str, Any] | None = None,
        **options: Any,
    ) -> Answered:
        body: dict[str, Any] = {"model": "mimo-v2.5-pro", "stream": stream}
        match protocol:
            case "chat":
                tool = {"type": "web_search", "force_search": forced, **options}
                body |= {"messages": [{"role": "user", "content": question}], "tools": [tool]}
            case "messages":
                tool = {"type": "web_search_20250305", "name": "web_search", **options}
                body |= {"messages": [{"role": "user", "content": question}], "tools": [tool]}
                body |= {"max_tokens": 500}
                body |= {"tool_choice": {"type": "tool", "name": "web_search"}} if forced else {}
            case "responses":
                body |= {"input": question, "tools": [{"type": "web_search", **options}]}
                body |= {"tool_choice": {"type": "web_search"}} if forced else {}
        body |= more or {}
        prefix = "/token-plan" if self.key.startswith("tp-") else ""
        url = self.platform.url + prefix + PATHS[protocol]
        headers = {"authorization": f"Bearer {self.key}"}
        async with self._http.post(url, json=body, headers=headers) as reply:
            return Answered(reply.status, await reply.text(), protocol)


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, str]:
    """The settings of a platform that searches two documents."""
    path = tmp_path / "pages.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)))
    return {"TOKENMILL__SEARCH__PROVIDER": "corpus", "TOKENMILL__SEARCH__CORPUS": str(path)}


Open = Callable[..., Any]


@pytest.fixture
def searching(corpus: dict[str, str], platform_with: Opener, http: aiohttp.ClientSession) -> Open:
    """Opens a platform whose account may search, and gives its caller and engine."""

    async def open_one(*scripts: list[Step] | Fault, **options: Any) -> tuple[Caller, ScriptedEngine]:
        engine = ScriptedEngine(*scripts)
        given = {"catalogue": SEARCHING, "web_search": True, "environ": corpus, **options}
        return Caller(await platform_with(engine, **given), http), engine

    return open_one


async def plan_key(platform: TestPlatform, *, web_search: bool = True) -> str:
    """The key of a plan of 10 million credits."""
    plan = Plan(id="tiny", name=Name("Tiny", "小"), credits=10**7 * MILLI, web_search=web_search)
    clock = SystemClock()
    async with platform.database.write() as work:
        await put_plan(work, clock, plan)
        opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id=plan.id)
        secret = read_secret(platform.settings.security.secret, {})
        key, _ = await create_key(
            work,
            clock,
            secret,
            account_id=platform.account_id,
            name="plan",
            kind="tp",
            subscription_id=opened.id,
        )
    return key


T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """What there is to be seen, as soon as it is enough: within a second, which is ten on a busy machine."""
    async with asyncio.timeout(10):
        while True:
            seen = await look()
            if enough(seen):
                return seen
            await asyncio.sleep(0.05)


def check_chat(reply: Answered, stream: bool) -> None:
    if stream:
        first, *rest = reply.events
        delta = first["choices"][0]["delta"]
        annotations = delta["annotations"]
        assert (delta["role"], delta["content"]) == ("assistant", "")
        deltas = [chunk["choices"][0]["delta"] for chunk in rest if chunk["choices"]]
        assert "".join(each.get("content") or "" for each in deltas) == "It has 412 horsepower [1]."
        assert not any("annotations" in each or "tool_calls" in each for each in deltas)
        assert rest[-2]["choices"][0]["finish_reason"] == "stop"
        usage = rest[-1]["usage"]
    else:
        message = reply.whole["choices"][0]["message"]
        annotations, usage = message["annotations"], reply.whole["usage"]
        assert message["content"] == "It has 412 horsepower [1]."
        assert "tool_calls" not in message
        assert "error_message" not in message
    seven = {"type", "url", "title", "summary", "site_name", "publish_time", "logo_url"}
    assert [set(annotation) >= seven for annotation in annotations] == [True] * len(annotations)
    assert annotations[0]["url"] == "https://a.example/zephyr"
    assert (annotations[0]["site_name"], annotations[0]["publish_time"]) == (
        "Engines",
        "2026-11-01T08:00:00+08:00",
    )
    assert usage["web_search_usage"]["tool_usage"] == 1
    assert usage["web_search_usage"]["page_usage"] >= 1


def check_messages(reply: Answered, stream: bool) -> None:
    if stream:
        blocks: dict[int, dict[str, Any]] = {}
        for event in reply.events:
            match event["type"]:
                case "content_block_start":
                    blocks[event["index"]] = event["content_block"] | {"said": "", "cited": []}
                case "content_block_delta":
                    delta = event["delta"]
                    blocks[event["index"]]["said"] += delta.get("text") or delta.get("partial_json") or ""
                    blocks[event["index"]]["cited"] += filter(None, [delta.get("citation")])
        found = list(blocks.values())
        call, result, text = (
            next(block for block in found if block["type"] == kind)
            for kind in ("server_tool_use", "web_search_tool_result", "text")
        )
        query, said, cited = json.loads(call["said"])["query"], text["said"], text["cited"]
        usage = next(event for event in reply.events if event["type"] == "message_delta")["usage"]
    else:
        found = reply.whole["content"]
        call, result, text = (
            next(block for block in found if block["type"] == kind)
            for kind in ("server_tool_use", "web_search_tool_result", "text")
        )
        query, said, cited, usage = (
            call["input"]["query"],
            text["text"],
            text["citations"],
            reply.whole["usage"],
        )
        assert reply.whole["stop_reason"] == "end_turn"
    assert not any(block["type"] == "tool_use" for block in found)
    assert "ephyr" in query
    assert result["tool_use_id"] == call["id"]
    assert result["content"][0]["url"] == "https://a.example/zephyr"
    assert said == "It has 412 horsepower [1]."
    assert [citation["url"] for citation in cited] == ["https://a.example/zephyr"]
    assert usage["server_tool_use"]["web_search_requests"] == 1


def check_responses(reply: Answered, stream: bool) -> None:
    kinds = [event["type"] for event in reply.events] if stream else []
    response = reply.events[-1]["response"] if stream else reply.whole
    assert response["status"] == "completed"
    search = next(item for item in response["output"] if item["type"] == "web_search_call")
    message = next(item for item in response["output"] if item["type"] == "message")
    assert not any(item["type"] == "function_call" for item in response["output"])
    assert (search["status"], search["action"]["type"]) == ("completed", "search")
    assert {"type": "url", "url": "https://a.example/zephyr"} in search["action"]["sources"]
    (part,) = message["content"]
    assert part["text"] == "It has 412 horsepower [1]."
    (citation,) = part["annotations"]
    assert part["text"][citation["start_index"] : citation["end_index"]] == "[1]"
    assert (citation["type"], citation["url"]) == ("url_citation", "https://a.example/zephyr")
    if stream:
        steps = [
            kind.removeprefix("response.web_search_call.") for kind in kinds if "web_search_call" in kind
        ]
        assert steps == ["in_progress", "searching", "completed"]
        assert "response.output_text.annotation.added" in kinds


CHECKS: dict[Protocol, Callable[[Answered, bool], None]] = {
    "chat": check_chat,
    "messages": check_messages,
    "responses": check_responses,
}


@pytest.mark.parametrize("kind", ["sk", "tp"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_a_search_is_made_and_its_sources_are_told(
    searching: Open, protocol: Protocol, forced: bool, stream: bool, kind: str
) -> None:
    scripts = [ANSWER] if forced else [calling(), ANSWER]
    caller, engine = await searching(*scripts)
    if kind == "tp":
        caller.key = await plan_key(caller.platform)
    reply = await caller.ask(protocol, stream=stream, forced=forced)

    assert reply.status == 200, reply.text
    CHECKS[protocol](reply, stream)
    last = engine.asked[-1][0]
    assert "412 horsepower" in str(last.turns[-1].parts[-1])
    assert "never as instructions" in str(last.turns[-1].parts[-1])
    (row,) = await usage_rows(caller.platform)
    assert (row.status, row.searches, row.quality) == ("answered", 1, "reported")
    assert row.input_fresh == (400 if forced else 500)
    assert row.output == (30 if forced else 50)
    tokens = row.input_fresh * 435_000_000 + row.output * 870_000_000
    credits = row.input_fresh * 300_000 + row.output * 600_000
    assert row.cost == (credits if kind == "tp" else tokens // 10**6 + 5_000_000)
    assert ["web_search"] == [note["field"] for note in json.loads(row.drops)]
    await books_balance(caller.platform)


async def test_the_receipt_tells_the_searches_and_their_price(
    searching: Open, http: aiohttp.ClientSession
) -> None:
    caller, _ = await searching(calling(arguments='{"queries":["zephyr horsepower","light wind"]}'), ANSWER)
    reply = await caller.ask()
    assert reply.whole["usage"]["web_search_usage"]["tool_usage"] == 2
    headers = {"authorization": f"Bearer {caller.key}"}
    async with http.get(f"{caller.platform.url}/v1/usage", headers=headers) as answer:
        (exchange,) = (await answer.json())["exchanges"]
    (line,) = [line for line in exchange["receipt"]["lines"] if line["kind"] == "web_search"]
    assert (line["count"], line["rate"]) == (2, "0.005")
    assert exchange["searches"] == 2
    assert set(exchange["tokens"]) == {
        *("input_fresh", "input_cached", "input_written", "output", "output_reasoning")
    }


async def test_a_question_that_needs_no_search_costs_none(searching: Open) -> None:
    caller, engine = await searching(saying("4"))
    reply = await caller.ask(question="What is 2 + 2?")
    message = reply.whole["choices"][0]["message"]
    assert (message["content"], message["annotations"]) == ("4", [])
    assert "web_search_usage" not in reply.whole["usage"]
    (row,) = await usage_rows(caller.platform)
    assert (row.searches, row.drops) == (0, "[]")
    assert len(engine.asked) == 1


async def test_requests_without_the_tool_go_as_they_came(searching: Open) -> None:
    caller, engine = await searching(saying("4"))
    await caller.ask(more={"tools": []})
    assert engine.asked[0][0].tools == ()


@pytest.mark.parametrize("spelling", ["force_search", "forced_search"])
@pytest.mark.parametrize("value", [True, "true"])
async def test_both_spellings_force_a_search(searching: Open, spelling: str, value: Any) -> None:
    caller, _ = await searching(ANSWER)
    tool = {"type": "web_search", spelling: value}
    reply = await caller.ask(more={"tools": [tool]})
    assert reply.whole["usage"]["web_search_usage"]["tool_usage"] == 1


@pytest.mark.parametrize(
    ("protocol", "fence"),
    [
        ("messages", {"allowed_domains": ["example", "b.example/wind"]}),
        ("messages", {"blocked_domains": ["https://a.example"]}),
        ("responses", {"filters": {"allowed_domains": ["b.example"]}}),
    ],
)
@pytest.mark.parametrize("forced", [False, True])
async def test_a_search_keeps_to_the_domains_it_is_given(
    searching: Open, protocol: Protocol, fence: dict[str, Any], forced: bool
) -> None:
    """The tool is one that only its own wire can tell a target; here it is ours to keep to it."""
    caller, _ = await searching(*([ANSWER] if forced else [calling(), ANSWER]))
    reply = await caller.ask(protocol, forced=forced, **fence)
    assert reply.status == 200, reply.text
    assert "https://b.example/wind" in reply.text
    assert ("https://a.example/zephyr" in reply.text) is ("example" in fence.get("allowed_domains", ()))


async def test_limits_hold_for_each_round(searching: Open) -> None:
    many = json.dumps({"queries": [f"zephyr {at}" for at in range(9)]})
    caller, _ = await searching(calling(arguments=many), ANSWER)
    reply = await caller.ask(max_keyword=2, limit=1)
    assert reply.whole["usage"]["web_search_usage"] == {"tool_usage": 2, "page_usage": 2}
    assert len(reply.whole["choices"][0]["message"]["annotations"]) == 1


WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.mark.parametrize("stream", [False, True])
async def test_function_tools_go_beside_it(searching: Open, stream: bool) -> None:
    """The model searches, and then calls a tool of the caller's: the one is done here, the other there."""
    caller, engine = await searching(calling(), calling("weather", "{}", usage=SECOND))
    tools = [{"type": "web_search"}, WEATHER]
    reply = await caller.ask(stream=stream, more={"tools": tools})
    if stream:
        calls = [
            call
            for chunk in reply.events
            for choice in chunk["choices"]
            for call in choice["delta"].get("tool_calls") or ()
        ]
        names = [call["function"]["name"] for call in calls if call.get("id")]
        ends = [choice["finish_reason"] for chunk in reply.events for choice in chunk["choices"]]
        assert ends[-1] == "tool_calls"
        assert "annotations" in reply.events[0]["choices"][0]["delta"]
    else:
        choice = reply.whole["choices"][0]
        names = [call["function"]["name"] for call in choice["message"]["tool_calls"]]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["annotations"]
    assert names == ["weather"]
    assert [tool.name for tool in engine.asked[0][0].tools] == ["weather", "web_search"]


async def test_a_model_that_never_stops_searching_is_stopped(searching: Open) -> None:
    rounds = [calling(arguments=json.dumps({"queries": [f"zephyr {at}"]})) for at in range(9)]
    caller, engine = await searching(*rounds)
    reply = await caller.ask()
    assert reply.status == 200
    assert len(engine.asked) == 4
    assert engine.asked[-1][0].tool_choice == ChooseNone()
    (row,) = await usage_rows(caller.platform)
    assert (row.searches, row.input_fresh, row.output) == (3, 4 * 100, 4 * 20)


async def test_markup_in_the_thoughts_of_a_model_is_a_search_as_well(searching: Open) -> None:
    """The rescue knows our function as it knows the caller's."""
    call = '<function=web_search>\n<parameter=queries>["zephyr"]</parameter>\n</function>'
    lost = f"Hm. <tool_call>\n{call}\n</tool_call>"
    thinking: list[Step] = [
        Started("u", "up", 1),
        PartOpened(0, Reasoning()),
        TextDelta(0, lost),
        PartClosed(0),
        UsageSeen(FIRST),
        Finished(Stop.END),
    ]
    caller, _ = await searching(thinking, ANSWER)
    reply = await caller.ask()
    message = reply.whole["choices"][0]["message"]
    assert (message["content"], len(message["annotations"])) == ("It has 412 horsepower [1].", 2)
    assert "tool_call" not in message["reasoning_content"]


async def test_the_history_that_a_client_sends_back_is_no_burden(searching: Open) -> None:
    """What we searched for stays out of the next prompt, on every wire; the answer stays in."""
    caller, engine = await searching(calling(), ANSWER, saying("Yes."))
    first = await caller.ask("messages")
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first.whole["content"]},
        {"role": "user", "content": "Sure?"},
    ]
    second = await caller.ask("messages", more={"messages": messages})
    assert second.status == 200, second.text
    request, route = engine.asked[-1]
    assert route.engine == "openai"
    assert any(isinstance(part, ToolResult) and part.server for turn in request.turns for part in turn.parts)


class Broken:
    """A provider that fails, until it does not."""

    name = "broken"

    def __init__(self) -> None:
        self.works = False

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        if not self.works:
            raise SearchFailed("the search provider answered 503")
        return (Source(url="https://a.example/zephyr", title="Zephyr", summary="412 horsepower."),)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_a_search_that_fails_is_said_and_not_paid(
    searching: Open, protocol: Protocol, stream: bool
) -> None:
    caller, engine = await searching(saying("I could not search."), provider=Broken(), environ={})
    reply = await caller.ask(protocol, stream=stream, forced=True)
    assert reply.status == 200
    told = "the search provider answered 503"
    match protocol:
        case "chat":
            at = reply.events[0]["choices"][0]["delta"] if stream else reply.whole["choices"][0]["message"]
            assert at["error_message"] == told
        case "messages":
            assert '"web_search_tool_result_error","error_code":"unavailable"' in reply.text
        case "responses":
            response = reply.events[-1]["response"] if stream else reply.whole
            assert response["output"][0]["status"] == "failed"
    assert "do not make up" in str(engine.asked[0][0].turns[-1])
    (row,) = await usage_rows(caller.platform)
    assert (row.searches, row.input_fresh) == (0, 400)


@pytest.mark.parametrize("protocol", ["chat", "messages", "responses"])
async def test_the_switch_acts_at_once(searching: Open, protocol: Protocol) -> None:
    caller, _ = await searching(ANSWER)
    assert (await caller.ask(protocol, forced=True)).status == 200
    for on in (False, True):
        async with caller.platform.database.write() as work:
            await switch_web_search(work, caller.platform.account_id, on=on)
        replies = partial(caller.ask, protocol, forced=True)
        await eventually(replies, _is_answered if on else _is_told_that_it_is_off)


def _is_answered(reply: Answered) -> bool:
    return reply.status == 200


def _is_told_that_it_is_off(reply: Answered) -> bool:
    return reply.status == 400 and "webSearchEnabled is false" in reply.text


async def test_an_offer_beside_other_tools_on_responses_is_left_out_where_search_is_off(
    searching: Open,
) -> None:
    """As Codex makes it with every request; the receipt says so."""
    caller, engine = await searching(saying("Done."), web_search=False)
    tools = [{"type": "function", "name": "shell", "parameters": {}}, {"type": "web_search"}]
    reply = await caller.ask("responses", more={"tools": tools})
    assert reply.status == 200
    assert [tool.name for tool in engine.asked[0][0].tools] == ["shell"]
    (row,) = await usage_rows(caller.platform)
    (note,) = json.loads(row.drops)
    assert note["field"] == "tools[1]"
    assert "webSearchEnabled is false" in note["reason"]
    alone = await caller.ask("responses")
    assert (alone.status, "webSearchEnabled" in alone.text) == (400, True)
    for fence in ({}, {"filters": {"allowed_domains": ["a.example"]}}):
        tools[1] = {"type": "web_search", **fence}
        demanded = await caller.ask("responses", forced=True, more={"tools": tools})
        assert (demanded.status, "webSearchEnabled" in demanded.text) == (400, True)


async def test_an_offer_beside_other_tools_on_messages_is_left_out_where_search_is_off(
    searching: Open,
) -> None:
    """As Cline makes it with every request."""
    caller, engine = await searching(saying("Done."), web_search=False)
    shell = {"name": "shell", "input_schema": {"type": "object", "properties": {}}}
    tools = [shell, {"type": "web_search_20250305", "name": "web_search"}]
    reply = await caller.ask("messages", more={"tools": tools})
    assert reply.status == 200
    assert [tool.name for tool in engine.asked[0][0].tools] == ["shell"]
    (row,) = await usage_rows(caller.platform)
    assert "webSearchEnabled is false" in json.loads(row.drops)[0]["reason"]


async def test_a_model_that_cannot_search_says_so(searching: Open) -> None:
    caller, _ = await searching(ANSWER, catalogue=CATALOGUE)
    for protocol in PATHS:
        reply = await caller.ask(protocol)
        assert reply.status == 400
        assert "does not search the web" in reply.text


async def test_a_platform_without_a_provider_says_so(searching: Open) -> None:
    caller, _ = await searching(ANSWER, environ={})
    reply = await caller.ask()
    assert (reply.status, "no provider" in reply.text) == (400, True)


async def test_a_plan_that_does_not_include_search_says_so(searching: Open) -> None:
    caller, _ = await searching(ANSWER)
    caller.key = await plan_key(caller.platform, web_search=False)
    reply = await caller.ask(forced=True)
    assert (reply.status, "Token Plan does not include web search" in reply.text) == (400, True)


async def test_a_search_without_a_price_is_not_for_sale(searching: Open) -> None:
    priced = SEARCHING + "price.USD = { input = 1, output = 2 }\n"
    caller, _ = await searching(ANSWER, catalogue=priced)
    reply = await caller.ask()
    assert (reply.status, "not for sale in USD" in reply.text) == (400, True)


async def test_a_balance_that_pays_no_search_begins_none(searching: Open) -> None:
    """Enough for the question and its answer, and not for the half cent of a search."""
    caller, engine = await searching(ANSWER, balance="0.004")
    reply = await caller.ask(forced=True)
    assert (reply.status, "web search" in reply.text) == (402, True)
    assert engine.asked == []
    assert await wallet(caller.platform) == (4_000_000, 0)
    await books_balance(caller.platform)


async def test_a_balance_that_ends_between_two_turns_ends_the_reply(searching: Open) -> None:
    """The model wants a search that nobody pays for: it is told so, and the reply is not free."""
    caller, engine = await searching(calling(), saying("I cannot."), balance="0.0045")
    reply = await caller.ask()
    assert reply.status == 200
    assert "no more are allowed" in str(engine.asked[-1][0].turns[-1])
    (row,) = await usage_rows(caller.platform)
    assert (row.searches, row.cost > 0, row.shortfall) == (0, True, 0)
    await books_balance(caller.platform)


@pytest.mark.parametrize("stream", [False, True])
async def test_turns_that_report_nothing_are_counted(searching: Open, stream: bool) -> None:
    caller, _ = await searching(calling(usage=None), saying("412 [1].", usage=None))
    await caller.ask(stream=stream)
    (row,) = await usage_rows(caller.platform)
    assert (row.status, row.quality, row.searches) == ("answered", "counted", 1)
    assert row.input_fresh > 2 * 100
    assert row.output > 5


async def test_a_turn_that_breaks_off_in_a_stream_is_paid_as_far_as_it_came(searching: Open) -> None:
    gone = Fault(Code.UPSTREAM_REFUSED, "The upstream has refused.")
    caller, _ = await searching(calling(), gone)
    reply = await caller.ask("messages", stream=True)
    assert reply.status == 200
    assert reply.events[-1]["type"] == "error"
    (row,) = await usage_rows(caller.platform)
    assert (row.status, row.searches, row.input_fresh, row.output) == ("failed", 1, 100, 20)
    await books_balance(caller.platform)


async def test_a_whole_reply_that_breaks_off_costs_nothing(searching: Open) -> None:
    gone = Fault(Code.UPSTREAM_REFUSED, "The upstream has refused.")
    caller, _ = await searching(calling(), gone)
    assert (await caller.ask()).status == 400
    (row,) = await usage_rows(caller.platform)
    assert (row.status, row.cost, row.searches) == ("failed", 0, 0)
    await books_balance(caller.platform)


async def test_a_caller_who_leaves_during_a_search_pays_for_the_turn_before_it(
    searching: Open, http: aiohttp.ClientSession
) -> None:
    searched = asyncio.Event()

    class Slow:
        name = "slow"

        async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
            searched.set()
            await asyncio.sleep(60)
            return ()

        async def close(self) -> None:
            pass

    caller, _ = await searching(calling(), ANSWER, provider=Slow(), environ={})
    asking = asyncio.create_task(caller.ask("messages", stream=True))
    await asyncio.wait_for(searched.wait(), 5)
    asking.cancel()
    (row,) = await eventually(lambda: usage_rows(caller.platform), bool)
    assert (row.status, row.searches, row.input_fresh, row.output) == ("cancelled", 0, 100, 20)
    await books_balance(caller.platform)


async def test_a_target_that_searches_by_itself_is_let_do_it(searching: Open) -> None:
    native = SEARCHING.replace('engine = "openai"', 'engine = "openai"\nnative_search = true')
    usage = Usage(input_fresh=400, output=30, searches=2, pages=3)
    caller, engine = await searching(saying("Found it.", usage=usage), catalogue=native, environ={})
    reply = await caller.ask(max_keyword=3)
    assert reply.whole["usage"]["web_search_usage"] == {"tool_usage": 2, "page_usage": 3}
    (tool,) = engine.asked[0][0].tools
    assert type(tool).__name__ == "WebSearchTool"
    (row,) = await usage_rows(caller.platform)
    assert (row.searches, row.cost) == (2, 400 * 435 + 30 * 870 + 2 * 5_000_000)


async def test_counting_a_prompt_that_offers_search_counts_what_the_model_is_offered(
    searching: Open, http: aiohttp.ClientSession
) -> None:
    caller, _ = await searching(ANSWER)
    body = {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": "Hi"}]}
    tools = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    headers = {"authorization": f"Bearer {caller.key}"}
    counts = []
    for asked in (body, body | tools):
        url = f"{caller.platform.url}/anthropic/v1/messages/count_tokens"
        async with http.post(url, json=asked, headers=headers) as answer:
            counts.append((await answer.json())["input_tokens"])
    assert counts[1] > counts[0] + 20


async def test_the_console_shows_how_web_search_does_and_tries_it(searching: Open) -> None:
    provider = Broken()
    caller, _ = await searching(ANSWER, provider=provider, environ={}, operator=True)
    async with browser(caller.platform) as operator:
        shown = (await operator.get("/plugins"))["web_search"]
        assert (shown["on"], shown["provider"], shown["state"]) == (False, "broken", "unknown")
        assert (shown["price"], shown["currency"], shown["plan"]) == ("0.005", "USD", None)
        assert [model["id"] for model in shown["models"]] == ["mimo-v2.5-pro"]

        failed = await operator.do("POST", "/plugins/web-search/try", {"query": "zephyr"})
        assert (failed["sources"], failed["error"]) == ([], "the search provider answered 503")
        shown = (await operator.get("/plugins"))["web_search"]
        assert (shown["state"], shown["last_failure"]["message"]) == (
            "failing",
            "the search provider answered 503",
        )
        assert shown["failing_since"] is not None

        provider.works = True
        tried = await operator.do("POST", "/plugins/web-search/try", {"query": "zephyr"})
        assert (tried["provider"], tried["error"], tried["sources"][0]["url"]) == (
            "broken",
            None,
            "https://a.example/zephyr",
        )
        assert tried["ms"] >= 0
        shown = (await operator.get("/plugins"))["web_search"]
        assert (shown["state"], shown["failing_since"]) == ("ok", None)
        assert shown["last_failure"] is not None

        assert await operator.refused("POST", "/plugins/web-search/try", {"query": ""}) == (400, "bad_value")
        for _ in range(8):
            await operator.do("POST", "/plugins/web-search/try", {"query": "zephyr"})
        assert await operator.refused("POST", "/plugins/web-search/try", {"query": "zephyr"}) == (
            429,
            "rate_limited",
        )


async def test_the_console_says_that_there_is_no_provider(searching: Open) -> None:
    caller, _ = await searching(ANSWER, environ={}, operator=True)
    async with browser(caller.platform) as operator:
        shown = (await operator.get("/plugins"))["web_search"]
        assert (shown["provider"], shown["state"]) == (None, "none")
        assert (await operator.refused("POST", "/plugins/web-search/try", {"query": "x"}))[0] == 400
