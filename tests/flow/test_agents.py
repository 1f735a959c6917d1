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
from tests.flow.upstreams import ScriptedUpstream, chat_events, listening, stream, whole
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
    """Thinks unless told not to, calls the tool's own tool twice, wants its reasoning back, and answers."""

    def __init__(self, call: list[Any]) -> None:
        super().__init__()
        self._call = call
        self.thinks = True
        self.refused = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
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


class Case(NamedTuple):
    kind: str
    model: str
    thinks: bool


CASES = (
    Case("sk", MODELS[0], True),
    Case("tp", MODELS[1], True),
    Case("sk", MODELS[1], False),
    Case("tp", MODELS[0], False),
)
"""Every two values meet; that is as much as a test may cost twenty times."""


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: file.stem)
async def test_two_turns_of_a_tool(file: Path, platform_with: Opener, http: aiohttp.ClientSession) -> None:
    """With both kinds of key, model names of both sorts, thinking on and off, nothing goes wrong.

    The upstream gets its reasoning back whether or not the tool sends it, the results under the ids of its
    calls, and no member that its schema does not know.
    """
    tool = habits(file)
    async with listening(Thinker(tool.call)) as upstream:
        platform = await platform_with(None, catalogue=_catalogue(upstream.url))
        keys = {"sk": platform.key, "tp": await _plan_key(platform)}
        for case in CASES:
            upstream.thinks = case.thinks
            await _two_turns(tool, case, keys[case.kind], platform, http)
            _check(tool, case, upstream)

    assert 0 == upstream.refused
    rows = await usage_rows(platform)
    assert {(tool.seen_as, "answered")} == {(row.client, row.status) for row in rows}
    assert 2 * len(CASES) == len(rows)


async def test_a_plan_that_is_used_up_is_told_in_words_that_end_the_retries(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Qwen Code repeats every 429 for minutes, whatever its headers, but for one with these words."""
    platform = await platform_with(None, catalogue=_catalogue("http://127.0.0.1:9"))
    headers = {"authorization": f"Bearer {await _plan_key(platform, credits=1)}"}
    body = {"model": MODELS[0], "messages": [{"role": "user", "content": "Read a and b."}]}
    url = f"{platform.url}/token-plan/v1/chat/completions"
    async with http.post(url, json=body, headers=headers) as answered:
        message = (await answered.json())["error"]["message"]

    assert (429, "false") == (answered.status, answered.headers["x-should-retry"])
    assert not [word for word in ("renew", "quota", "exhausted", "will reset") if word not in message]


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
