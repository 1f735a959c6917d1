"""What each coding agent sends, replayed: its first turn and the one after its tools, on each wire."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import pytest
from aiohttp import web

from tests.flow.conftest import Opener, usage_rows
from tests.flow.forgetful import MISSING, PATHS, Wire, thought
from tests.flow.upstreams import ScriptedUpstream, chat_events, listening, messages_events, stream, whole
from tokenmill.accounts.keys import create_key
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import MILLI, Name, Plan
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.kit.clock import SystemClock
from tokenmill.settings import read_secret
from tokenmill.testing import TestPlatform

Json = dict[str, Any]

GOLDENS = sorted((Path(__file__).parent.parent / "golden" / "agents").glob("*.json"))
MODELS = ("mimo-v2.5-pro", "coder-large")
PLAIN_MESSAGE = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "refusal", "audio"}
)
"""Members that a strict upstream knows of a message, and the one for reasoning."""


PLACE: Final = re.compile(
    r"<(?:bare call|call|item) \d>|<(?:thinking|signature|encrypted|reasoning id|model)>"
)


class Habits(NamedTuple):
    """What a tool sends, as the files have it. `then` follows the first conversation, or `again` instead.

    In angle brackets stands what is only known once the model has answered: its calls' ids (`<bare call 0>`
    is one without punctuation), its thinking, the signature or the sealed item of it.
    """

    wire: Wire
    seen_as: str
    headers: dict[str, str]
    call: list[Any]
    first: Json
    then: list[Any]
    again: list[Any] | None = None

    @property
    def turns(self) -> str:
        return "input" if self.wire == "responses" else "messages"


def habits(file: Path) -> Habits:
    wire: Any = file.name.split(".")[1]
    return Habits(wire, **json.loads(file.read_text()))


class Thinker(ScriptedUpstream):
    """Thinks unless told not to, calls the tool's own tool twice, wants its reasoning back, and answers.

    `fails` is the status of one error that comes first; `leaks`: its calls stand in its thoughts, as markup.
    """

    def __init__(self, call: list[Any]) -> None:
        super().__init__()
        self._call = call
        self.thinks = True
        self.fails = 0
        self.leaks = False
        self.refused = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        if status := self.fails:
            self.fails = 0
            return await whole({"error": {"message": "Not now.", "code": str(status)}}, status)(request)
        self.asked.append(body)
        called = [message for message in body["messages"] if message.get("tool_calls")]
        if self.thinks and any(message.get("reasoning_content") != thought(7) for message in called):
            self.refused += 1
            error = {"code": "400", "message": "Param Incorrect", "param": MISSING, "type": ""}
            return await whole({"error": error}, 400)(request)
        thinking = [{"reasoning_content": thought(7)}] if self.thinks else []
        if called or not self._call:
            return await stream(*chat_events(*thinking, {"content": "Done."}))(request)
        name, *arguments = self._call
        if self.leaks:
            markup = "".join(_markup(name, each) for each in arguments)
            return await stream(*chat_events(*thinking, {"reasoning_content": markup}))(request)
        calls = [
            {
                "index": at,
                "id": f"call_{at}_of-this",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(each)},
            }
            for at, each in enumerate(arguments)
        ]
        said = chat_events(*thinking, {"tool_calls": calls}, finish="tool_calls")
        return await stream(*said)(request)


def _markup(name: str, arguments: Json) -> str:
    """A call as MiMo writes it."""
    given = "".join(
        f"<parameter={key}>\n{value if isinstance(value, str) else json.dumps(value)}\n</parameter>\n"
        for key, value in arguments.items()
    )
    return f"<tool_call>\n<function={name}>\n{given}</function>\n</tool_call>\n"


class Case(NamedTuple):
    """How a tool is used, and what happens to its upstream."""

    kind: str
    model: str
    thinks: bool
    fails: int = 0
    leaks: bool = False


CASES = (
    Case("sk", MODELS[0], True),
    Case("tp", MODELS[1], True, fails=429),
    Case("sk", MODELS[1], False, fails=500),
    Case("tp", MODELS[0], False),
    Case("tp", MODELS[0], True, leaks=True),
)
"""Every two of the first three values meet; that is as much as a test may cost twenty times."""


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: file.stem)
async def test_two_turns_of_a_tool(file: Path, platform_with: Opener, http: aiohttp.ClientSession) -> None:
    """With both kinds of key, model names of both sorts, thinking on and off, nothing goes wrong.

    Nor when the upstream fails once, or writes its calls into its thoughts. It gets its reasoning back
    whether or not the tool sends it, the results under the ids of its calls, and no member that its schema
    does not know.
    """
    tool = habits(file)
    async with listening(Thinker(tool.call)) as upstream:
        platform = await platform_with(None, catalogue=_catalogue(upstream.url), waits=(0.0,))
        keys = {"sk": platform.key, "tp": await _plan_key(platform)}
        for case in CASES:
            upstream.thinks, upstream.fails, upstream.leaks = case.thinks, case.fails, case.leaks
            await _two_turns(tool, case, keys[case.kind], platform, http)
            _check(tool, case, upstream)

    assert 0 == upstream.refused
    rows = await usage_rows(platform)
    assert {(tool.seen_as, "answered")} == {(row.client, row.status) for row in rows}
    assert 2 * len(CASES) == len(rows)


@pytest.mark.parametrize("wire", PATHS)
async def test_a_plan_that_is_used_up_is_told_in_words_that_end_the_retries(
    wire: Wire, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Qwen Code repeats every 429 for minutes, whatever its headers, but for one with these words."""
    platform = await platform_with(None, catalogue=_catalogue("http://127.0.0.1:9"))
    headers = {"authorization": f"Bearer {await _plan_key(platform, credits=1)}"}
    turns = [{"role": "user", "content": "Read a and b."}]
    said = {"input": turns} if wire == "responses" else {"messages": turns, "max_tokens": 9_000}
    url = f"{platform.url}/token-plan{PATHS[wire]}"
    async with http.post(url, json={"model": MODELS[0], **said}, headers=headers) as answered:
        message = (await answered.json())["error"]["message"]

    assert (429, "false") == (answered.status, answered.headers["x-should-retry"])
    assert not [word for word in ("renew", "quota", "exhausted", "will reset") if word not in message]


@pytest.mark.parametrize("below", ["", "/v1", "/anthropic", "/token-plan", "/token-plan/anthropic"])
async def test_what_hermes_looks_for_is_not_here(
    below: str, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """It takes a 200 for a sign of Ollama, llama.cpp, vLLM or LM Studio, and a page for one, too."""
    platform = await platform_with(None, catalogue=_catalogue("http://127.0.0.1:9"))
    probes = [("GET", f"/{name}") for name in ("api/v1/models", "api/tags", "props", "version", "v1/props")]
    for method, path in [*probes, ("POST", "/api/show")]:
        for headers in ({}, {"authorization": f"Bearer {platform.key}"}, {"accept": "text/html"}):
            url = f"{platform.url}{below}{path}"
            async with http.request(method, url, headers=headers) as answered:
                assert answered.status in (401, 404), url
                assert "json" in answered.headers["content-type"]


async def test_betas_reach_an_upstream_of_their_own_protocol_as_they_came(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Claude Code asks for features by them; unknown ones are for its upstream to judge."""
    betas = "claude-code-20250219,context-management-2025-06-27,not-known-2030-01-01"
    said: list[tuple[Json, list[Json]]] = [({"type": "text", "text": ""}, [])]
    async with listening(ScriptedUpstream(stream(*messages_events(*said, stop="end_turn")))) as upstream:
        catalogue = _catalogue(upstream.url).replace('"openai"', '"anthropic"').replace("/v1", "")
        platform = await platform_with(None, catalogue=catalogue)
        body = {"model": MODELS[0], "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        headers = {"x-api-key": platform.key, "anthropic-beta": betas}
        url = f"{platform.url}/anthropic/v1/messages?beta=true"
        async with http.post(url, json=body, headers=headers) as answered:
            assert 200 == answered.status, await answered.text()

    assert betas == upstream.headers[0]["anthropic-beta"]


async def _two_turns(
    tool: Habits, case: Case, key: str, platform: TestPlatform, http: aiohttp.ClientSession
) -> None:
    prefix = "/token-plan" if case.kind == "tp" else ""
    address = f"{platform.url}{prefix}{PATHS[tool.wire]}" + ("?beta=true" if tool.wire == "messages" else "")
    headers = {name: value.replace("<key>", key) for name, value in tool.headers.items()}
    known = {"<model>": case.model}
    first = _filled(_switched(tool, case), known)
    reply = await _ask(http, address, headers, first)
    known |= _learnt(tool.wire, reply)
    begun = tool.first[tool.turns] if tool.again is None else tool.again
    second = _filled({**_switched(tool, case), tool.turns: [*begun, *tool.then]}, known)
    if not case.thinks:
        second[tool.turns] = list(_without_thinking(second[tool.turns]))
    assert not PLACE.findall(json.dumps(second[tool.turns])), "the reply held too little"
    await _ask(http, address, headers, second)


async def _ask(http: aiohttp.ClientSession, url: str, headers: dict[str, str], body: Json) -> list[Json]:
    """The events of the reply; there is no error among them."""
    async with http.post(url, json=body, headers=headers) as answered:
        text = await answered.text()
        assert 200 == answered.status, text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert events
    assert not [event for event in events if "error" in event.get("type", "") or event.get("error")]
    return events


def _switched(tool: Habits, case: Case) -> Json:
    """The first turn's body with thinking as the case has it."""
    if case.thinks:
        return tool.first
    off: Json = {"thinking": {"type": "disabled"}}
    if tool.wire == "responses":
        off = {"reasoning": {"effort": "none"}}
    kept = {k: v for k, v in tool.first.items() if k not in ("reasoning_effort", "output_config")}
    return {**kept, **off}


def _learnt(wire: Wire, events: list[Json]) -> dict[str, str]:
    """What the tool knows once the reply is there, by its place in the golden."""
    found: dict[str, str] = {}
    calls = dict(_calls(wire, events))
    for at, id_ in enumerate(calls):
        found[f"<call {at}>"] = id_
        found[f"<bare call {at}>"] = re.sub(r"[^A-Za-z0-9]", "", id_)
        found[f"<item {at}>"] = calls[id_]
    match wire:
        case "chat":
            deltas = [choice["delta"] for event in events for choice in event["choices"]]
            found["<thinking>"] = "".join(delta.get("reasoning_content") or "" for delta in deltas)
        case "messages":
            deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
            found["<thinking>"] = "".join(delta.get("thinking", "") for delta in deltas)
            found["<signature>"] = "".join(delta.get("signature", "") for delta in deltas)
        case "responses":
            for item in _items(events, "reasoning"):
                found["<reasoning id>"] = item["id"]
                found["<encrypted>"] = item.get("encrypted_content") or ""
                found["<thinking>"] = "".join(part["text"] for part in item["summary"])
    return found


def _calls(wire: Wire, events: list[Json]) -> Iterator[tuple[str, str]]:
    """The ids of the calls, each with that of its item."""
    match wire:
        case "chat":
            for event in events:
                for choice in event["choices"]:
                    for call in choice["delta"].get("tool_calls") or ():
                        if call.get("id"):
                            yield call["id"], ""
        case "messages":
            for event in events:
                if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
                    yield event["content_block"]["id"], ""
        case "responses":
            for item in _items(events, "function_call"):
                yield item["call_id"], item["id"]


def _items(events: list[Json], kind: str) -> list[Json]:
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    return [item for item in done if item["type"] == kind]


def _filled(value: Any, known: dict[str, str]) -> Any:
    match value:
        case dict():
            return {name: _filled(each, known) for name, each in value.items()}
        case list():
            return [_filled(each, known) for each in value]
        case str():
            return known.get(value, value)
        case _:
            return value


def _without_thinking(turns: list[Any]) -> Iterator[Any]:
    """As a tool sends them that has been told no thoughts."""
    for turn in turns:
        if turn.get("type") == "reasoning":
            continue
        kept = {name: each for name, each in turn.items() if name not in ("reasoning_content", "reasoning")}
        if isinstance(kept.get("content"), list):
            kept["content"] = [block for block in kept["content"] if block.get("type") != "thinking"]
        yield kept


def _check(tool: Habits, case: Case, upstream: Thinker) -> None:
    first, second = upstream.asked[-2:]
    for body in (first, second):
        assert "up-model" == body["model"]
        assert ("enabled" if case.thinks else "disabled") == body["thinking"]["type"]
        unknown = {name for message in body["messages"] for name in message} - PLAIN_MESSAGE
        assert not unknown
        assert "x-anthropic-billing-header" not in json.dumps(body)
    assert first["messages"] == second["messages"][: len(first["messages"])]
    assert first.get("tools") == second.get("tools")
    if not tool.call:
        return
    (called,) = [message for message in second["messages"] if message.get("tool_calls")]
    assert 2 == len(called["tool_calls"])
    assert [call["id"] for call in called["tool_calls"]] == [
        message["tool_call_id"] for message in second["messages"] if message["role"] == "tool"
    ]
    results = [message["content"] for message in second["messages"] if message["role"] == "tool"]
    assert ["one", "two"] == [
        each if isinstance(each, str) else "".join(part["text"] for part in each) for each in results
    ]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that says nothing of its own."""
    async with aiohttp.ClientSession(skip_auto_headers=("User-Agent", "Accept")) as session:
        yield session


async def _plan_key(platform: TestPlatform, credits: int = 10**12) -> str:
    clock = SystemClock()
    secret = read_secret(platform.settings.security.secret, {})
    plan = Plan(id="tiny", name=Name("Tiny", "小"), credits=credits * MILLI)
    async with platform.database.write() as work:
        await put_plan(work, clock, plan)
        opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id=plan.id)
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


def _catalogue(url: str) -> str:
    models = "".join(
        f'[[models]]\nid = "{name}"\ntargets = [{{ target = "up", model = "up-model" }}]\n' for name in MODELS
    )
    return (
        f'[[targets]]\nid = "up"\nengine = "openai"\nbase_url = "{url}/v1"\nreasoning_back = "required"\n'
        + models
    )
