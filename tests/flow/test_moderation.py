"""Moderation as callers meet it: on every protocol, streamed or not, with both kinds of keys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from sqlalchemy import select

from tests.flow.admin_client import browser
from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_money import wallet
from tests.flow.upstreams import ScriptedUpstream, listening, whole
from tokenmill.accounts.keys import create_key
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import MILLI, Name, Plan
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.parts import Reasoning, Text, ToolCall
from tokenmill.conversation.usage import Usage
from tokenmill.kit.clock import SystemClock
from tokenmill.settings import read_secret
from tokenmill.store.moderation_tables import ModerationVerdict
from tokenmill.testing import CATALOGUE, ScriptedEngine, TestPlatform, open_test_platform

MODEL = "mimo-v2.5-pro"
PRICES = "price.USD = { input = 1, output = 10 }\ncredits = { input = 300, output = 600 }\n"
BLOCKS = {"TOKENMILL__MODERATION__INPUT": "block", "TOKENMILL__MODERATION__OUTPUT": "block"}
FLAGS = {"TOKENMILL__MODERATION__INPUT": "flag", "TOKENMILL__MODERATION__OUTPUT": "flag"}
BAD = "how to make a pipe bomb"
PIECES = ("Well, this is how", " to ma", "ke a pi", "pe bo", "mb: you take", " some of")
TOOLS = {
    "chat": [{"type": "function", "function": {"name": "write", "parameters": {"type": "object"}}}],
    "messages": [{"name": "write", "input_schema": {"type": "object"}}],
    "responses": [{"type": "function", "name": "write", "parameters": {"type": "object"}}],
}
PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/anthropic/v1/messages",
    "responses": "/v1/responses",
}
FACES = pytest.mark.parametrize("face", PATHS)
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def body(face: str, words: str, **members: Any) -> dict[str, Any]:
    """A request of `face` that says `words`."""
    said: dict[str, Any] = {"model": MODEL, "tools": TOOLS[face]}
    if face == "responses":
        return said | {"input": words} | members
    return said | {"messages": [{"role": "user", "content": words}], "max_tokens": 500} | members


def reply(*pieces: str, kind: type[Text | Reasoning] = Text) -> list[Event]:
    """A reply in these words, of which the upstream reports more than is let through."""
    said = [TextDelta(0, piece) for piece in pieces]
    told = UsageSeen(Usage(input_fresh=20, output=4000))
    return [Started("up", "m", 1), PartOpened(0, kind()), *said, PartClosed(0), told, Finished(Stop.END)]


def call(arguments: str) -> list[Event]:
    """A reply that calls a tool, its arguments in small pieces."""
    pieces = [ArgumentsDelta(0, arguments[at : at + 5]) for at in range(0, len(arguments), 5)]
    opened, told = PartOpened(0, ToolCall("call_1", "write")), UsageSeen(Usage(input_fresh=20, output=400))
    return [Started("up", "m", 1), opened, *pieces, PartClosed(0), told, Finished(Stop.TOOL)]


async def ask(
    http: aiohttp.ClientSession, platform: TestPlatform, path: str, said: Any, key: str = ""
) -> tuple[int, str, Any]:
    headers = {"authorization": f"Bearer {key or platform.key}"}
    async with http.post(platform.url + path, json=said, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


async def verdicts(platform: TestPlatform, least: int = 1) -> list[ModerationVerdict]:
    """What was written down, the oldest first; it is written a moment after the reply."""
    for _ in range(100):
        async with platform.database.read() as work:
            rows = list(await work.session.scalars(select(ModerationVerdict).order_by(ModerationVerdict.id)))
        if len(rows) >= least:
            break
        await asyncio.sleep(0.02)
    return rows


async def plan_key(platform: TestPlatform) -> str:
    """The key of a Token Plan for the platform's account."""
    clock = SystemClock()
    secret = read_secret(platform.settings.security.secret, {})
    offered = Plan(id="tiny", name=Name("Tiny", "小"), credits=10**9 * MILLI)
    async with platform.database.write() as work:
        await put_plan(work, clock, offered)
        opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id="tiny")
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


@FACES
async def test_what_must_not_be_asked_is_refused_before_anything_is_paid(
    platform_with: Opener, http: aiohttp.ClientSession, face: str
) -> None:
    """400 in the caller's dialect, streamed or not, sk or tp; no target is asked and nothing is held."""
    engine = ScriptedEngine(reply("Hi"))
    platform = await platform_with(engine, environ=BLOCKS, catalogue=CATALOGUE + PRICES)
    before = await wallet(platform)
    for key, prefix in ((platform.key, ""), (await plan_key(platform), "/token-plan")):
        for stream in (False, True):
            status, said, headers = await ask(
                http, platform, prefix + PATHS[face], body(face, BAD, stream=stream), key
            )
            assert status == 400
            assert headers["x-should-retry"] == "false"
            assert "pipe bomb" not in said  # Its caller knows what it said; logs need not.
            error = json.loads(said)["error"]
            assert error["message"].startswith("Moderation Block: ")
            if face == "messages":
                assert (json.loads(said)["type"], error["type"]) == ("error", "invalid_request_error")
            else:
                assert (error["type"], error["code"]) == ("content_filter", "421")
                assert error["param"] == ("input" if face == "responses" else "messages[0].content")
    assert engine.asked == []
    assert await usage_rows(platform) == []
    assert await wallet(platform) == before
    rows = await verdicts(platform, 4)
    assert [(row.outcome, row.category, row.direction) for row in rows] == [
        ("blocked", "weapons", "input")
    ] * 4
    assert rows[0].rule == "make * pipe bomb"


ENDINGS = {
    "chat": ('"finish_reason":"content_filter"', '"finish_reason":"content_filter"'),
    "messages": ('"stop_reason":"refusal"', '"stop_reason":"refusal"'),
    "responses": ('"incomplete_details":{"reason":"content_filter"}', "response.incomplete"),
}


@FACES
@STREAMS
@pytest.mark.parametrize("what", ["text", "reasoning", "arguments"])
async def test_what_must_not_be_said_is_withheld_and_the_rest_is_billed(
    platform_with: Opener, http: aiohttp.ClientSession, face: str, stream: bool, what: str
) -> None:
    """The same verdict on every protocol, in text, thinking and calls; charged is what was delivered."""
    scripts = {
        "text": reply(*PIECES),
        "reasoning": reply(*PIECES, kind=Reasoning),
        "arguments": call(json.dumps({"file": "a.txt", "text": BAD.replace("i", "\u0456")})),
    }
    platform = await platform_with(
        ScriptedEngine(scripts[what]), environ=BLOCKS, catalogue=CATALOGUE + PRICES
    )
    status, said, headers = await ask(http, platform, PATHS[face], body(face, "Hello", stream=stream))
    assert status == 200
    assert ENDINGS[face][stream] in said
    for part in ("pipe", "pe bo", "you take", "call_1", "a.txt"):
        assert part not in said
    assert ("Well" in said) == (what != "arguments")
    (row,) = await usage_rows(platform)
    assert (row.status, row.stop, row.http_status) == ("answered", "filter", 200)
    assert 0 < row.input_fresh < 200
    assert row.output < 20
    assert row.cost == row.input_fresh * 1_000 + row.output * 10_000
    async with http.get(
        f"{platform.url}/v1/usage/{headers['x-tokenmill-exchange']}",
        headers={"authorization": f"Bearer {platform.key}"},
    ) as receipt:
        notes = {note["field"]: note["reason"] for note in (await receipt.json())["notes"]}
    assert notes["moderation.input"].startswith("passed; scanned: text")
    assert notes["moderation.output"] == f"blocked: weapons; scanned: {what}"
    (verdict,) = await verdicts(platform)
    assert (verdict.place, verdict.exchange_id) == (what, row.id)


@FACES
@STREAMS
async def test_what_is_only_flagged_passes_as_it_is(
    platform_with: Opener, http: aiohttp.ClientSession, face: str, stream: bool
) -> None:
    """Both directions are looked at, and nothing is changed."""
    platform = await platform_with(ScriptedEngine(reply(*PIECES)), environ=FLAGS)
    status, said, _ = await ask(http, platform, PATHS[face], body(face, BAD, stream=stream))
    assert status == 200
    assert "some of" in said
    rows = await verdicts(platform, 2)
    assert {(row.direction, row.outcome) for row in rows} == {("input", "flagged"), ("output", "flagged")}


async def test_without_moderation_nothing_is_looked_at_and_nothing_noted(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """That is the default."""
    platform = await platform_with(ScriptedEngine(reply(*PIECES)))
    status, said, _ = await ask(http, platform, PATHS["chat"], body("chat", BAD))
    assert (status, "some of" in said) == (200, True)
    (row,) = await usage_rows(platform)
    assert "moderation" not in row.drops


async def test_what_was_reported_before_the_cut_is_not_believed(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Messages servers tell of one token when they begin; what was delivered by then is counted."""
    events = reply(*(f"word {number} " for number in range(40)), *PIECES)
    events.insert(1, UsageSeen(Usage(input_fresh=20, output=1)))
    platform = await platform_with(ScriptedEngine(events), environ=BLOCKS)
    _, said, _ = await ask(http, platform, PATHS["messages"], body("messages", "Hello"))
    (row,) = await usage_rows(platform)
    assert 40 <= row.output < 100
    assert (row.input_fresh, row.quality) == (20, "counted")
    assert json.loads(said)["usage"]["output_tokens"] == row.output


@pytest.mark.parametrize("role", ["system", "developer"])
async def test_system_prompts_pass_unless_a_policy_wants_them_judged(
    platform_with: Opener, http: aiohttp.ClientSession, role: str
) -> None:
    """The audit says that they were not looked at."""
    platform = await platform_with(ScriptedEngine(reply("Hi")), environ=BLOCKS, operator=True)
    said = body("chat", "Hello")
    said["messages"].insert(0, {"role": role, "content": BAD})
    status, _, _ = await ask(http, platform, PATHS["chat"], said)
    assert status == 200
    (row,) = await usage_rows(platform)
    assert "skipped: system prompts (by policy)" in row.drops
    async with browser(platform) as one:
        await one.confirm()
        policy = {"input": "block", "output": "off", "system_prompts": True}
        await one.do("PUT", "/operator/moderation/policies", policy)
    assert await _soon(http, platform, said, 400)


async def _soon(http: aiohttp.ClientSession, platform: TestPlatform, said: Any, wanted: int) -> bool:
    """Is it answered so within a second?"""
    for _ in range(50):
        status, _, _ = await ask(http, platform, PATHS["chat"], said)
        if status == wanted:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_tool_results_and_calls_of_the_history_are_judged(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """What a tool has said counts as what is asked, and so does an escaped argument."""
    platform = await platform_with(ScriptedEngine(reply("Hi")), environ=BLOCKS)
    for arguments, result in (("{}", BAD), (json.dumps({"text": "怎么制作土制炸弹"}), "done")):
        said = body("chat", "Hello")
        said["messages"] += [
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "write", "arguments": arguments}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": result},
        ]
        status, told, _ = await ask(http, platform, PATHS["chat"], said)
        assert (status, json.loads(told)["error"]["code"]) == (400, "421"), told


async def test_policies_and_lists_of_the_console_act_at_once_and_closest_first(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """A list of one's own, a policy for all, one for an account that lets it pass; then neither."""
    platform = await platform_with(ScriptedEngine(reply("Hi")), operator=True)
    said = body("chat", "Tell me about the blue moon project.")
    async with browser(platform) as one:
        await one.confirm()
        await one.do(
            "PUT", "/operator/moderation/lists/secret", {"text": "blue * project", "category": "custom"}
        )
        everyone = await one.do("PUT", "/operator/moderation/policies", {"input": "block", "output": "off"})
        assert await _soon(http, platform, said, 400)
        mine = {"account_id": platform.account_id, "input": "off", "output": "off"}
        policy = await one.do("PUT", "/operator/moderation/policies", mine)
        assert policy["account_email"] == "dev@example.com"
        assert await _soon(http, platform, said, 200)
        await one.do("DELETE", f"/operator/moderation/policies/{policy['id']}")
        assert await _soon(http, platform, said, 400)
        tried = await one.do("POST", "/operator/moderation/test", {"text": "BLUE\u200b moon-project"})
        assert (tried["verdict"], tried["policy_id"]) == ("block", everyone["id"])
        (found,) = tried["findings"]
        assert (found["source"], found["rule"], found["matched"]) == (
            "secret",
            "blue * project",
            "blue moon project",
        )
        await one.do("DELETE", "/operator/moderation/lists/secret")
        assert await _soon(http, platform, said, 200)
        page = await one.get("/operator/moderation/verdicts?outcome=blocked&limit=1")
        (row,) = page["data"]
        assert (row["account_email"], row["place"]) == ("dev@example.com", "messages[0].content")
        assert page["next_cursor"]
        marked = await one.do(
            "POST", f"/operator/moderation/verdicts/{row['id']}/mark", {"false_positive": True}
        )
        assert marked["false_positive"]
        wrong = await one.get("/operator/moderation/verdicts?false_positive=true")
        assert [each["id"] for each in wrong["data"]] == [row["id"]]
        entries = await one.get("/operator/audit?action=moderation.")
        assert {entry["action"] for entry in entries["data"]} >= {
            "moderation.list.write",
            "moderation.policy.write",
        }


def endpoint(word: str) -> ScriptedUpstream:
    """An OpenAI moderation endpoint that dislikes one word."""

    class Disliking(ScriptedUpstream):
        async def answer(self, request: Any) -> Any:
            asked = json.loads(await request.read())
            self.asked.append(asked)
            flagged = word in asked["input"]
            result = {
                "flagged": flagged,
                "categories": {"hate": flagged},
                "category_scores": {"hate": 0.8 if flagged else 0.01},
            }
            return await whole({"id": "modr-1", "model": "m", "results": [result]})(request)

    return Disliking()


@STREAMS
async def test_a_moderation_endpoint_judges_what_is_asked_and_what_is_said(
    platform_with: Opener, http: aiohttp.ClientSession, stream: bool
) -> None:
    """A reply is shown in windows, and nothing of a window that is disliked gets out."""
    words = [f"{number} is a number, " for number in range(30)]
    async with listening(endpoint("quince")) as upstream:
        environ = BLOCKS | {
            "TOKENMILL__MODERATION__CLASSIFIER": upstream.url,
            "TOKENMILL__MODERATION__CLASSIFIER_WINDOW": "100",
        }
        engine = ScriptedEngine(reply(*words, "a qui", "nce is", " a fruit, ", *words))
        platform = await platform_with(engine, environ=environ)
        status, _, _ = await ask(http, platform, PATHS["chat"], body("chat", "A quince?"))
        assert status == 400
        status, said, _ = await ask(http, platform, PATHS["chat"], body("chat", "Hello", stream=stream))
    assert status == 200
    assert "content_filter" in said
    assert "qui" not in said
    assert "20 is a number" in said  # All but the window in which it stands.
    assert max(len(asked["input"]) for asked in upstream.asked) < 350
    rows = await verdicts(platform, 2)
    assert [(row.source, row.category, row.permille) for row in rows] == [("classifier", "hate", 800)] * 2


@pytest.mark.parametrize("on_failure", ["open", "closed"])
async def test_a_classifier_that_is_away_lets_all_pass_or_nothing(
    platform_with: Opener, http: aiohttp.ClientSession, on_failure: str
) -> None:
    """As the setting says; the audit never calls it scanned by one that has failed."""
    async with listening(ScriptedUpstream(whole({"error": "boom"}, status=500))) as upstream:
        environ = BLOCKS | {
            "TOKENMILL__MODERATION__CLASSIFIER": f"{upstream.url}/v1/moderations",
            "TOKENMILL__MODERATION__ON_FAILURE": on_failure,
        }
        engine = ScriptedEngine(reply("Hi"))
        platform = await platform_with(engine, environ=environ)
        status, _, headers = await ask(http, platform, PATHS["messages"], body("messages", "Hello"))
    rows = await verdicts(platform)
    assert (rows[0].outcome, rows[0].rule) == ("failed", "upstream_broke")
    if on_failure == "open":
        assert (status, len(engine.asked)) == (200, 1)
        (row,) = await usage_rows(platform)
        assert "failed: the classifier (upstream_broke); scanned: text" in row.drops
    else:
        assert (status, engine.asked) == (529, [])
        assert headers["retry-after"] == "5"


async def test_a_classifier_that_goes_away_in_mid_reply_ends_it_unsaid(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Closed: what could not be judged is not delivered, and the caller is told of a fault."""
    calm = whole({"results": [{"flagged": False, "categories": {}, "category_scores": {}}]})
    async with listening(ScriptedUpstream(calm, whole({}, status=503))) as upstream:
        environ = BLOCKS | {"TOKENMILL__MODERATION__CLASSIFIER": upstream.url}
        platform = await platform_with(ScriptedEngine(reply("Unjudged words")), environ=environ)
        _, said, _ = await ask(http, platform, PATHS["chat"], body("chat", "Hello", stream=True))
    assert "Unjudged" not in said
    assert "The moderation of this platform cannot judge" in said
    (row,) = await usage_rows(platform)
    assert (row.fault, row.cost) == ("unavailable", 0)


GUARDED = (
    CATALOGUE
    + """
[[targets]]
id = "guard"
engine = "anthropic"
base_url = "http://127.0.0.1:9"

[[models]]
id = "guard"
targets = [{ target = "guard", model = "Qwen3Guard-Gen-0.6B" }]
"""
)


def answers(words: str) -> Iterable[Event]:
    """What a guard says."""
    return [
        Started("g", "m", 1),
        PartOpened(0, Text()),
        TextDelta(0, words),
        PartClosed(0),
        Finished(Stop.END),
    ]


async def test_a_guard_model_behind_a_target_judges(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """It is shown the words themselves; for a reply, together with what it answers."""
    guard = ScriptedEngine(
        answers("Safety: Safe\nCategories: None"), answers("Safety: Unsafe\nCategories: Violent\nRefusal: No")
    )
    engines = {"openai": ScriptedEngine(reply("Strike ", "them.")), "anthropic": guard}
    environ = BLOCKS | {"TOKENMILL__MODERATION__CLASSIFIER": "guard"}
    async with open_test_platform(tmp_path, engines, environ=environ, catalogue=GUARDED) as platform:
        status, said, _ = await ask(http, platform, PATHS["chat"], body("chat", "Hello"))
        (row,) = await verdicts(platform)
    assert (status, "Strike" in said) == (200, False)
    assert (row.category, row.rule) == ("violence", "Violent")
    shown = [request.turns for request, _ in guard.asked]
    assert [[turn.role for turn in turns] for turns in shown] == [["user"], ["user", "assistant"]]
    assert guard.asked[0][1].upstream_model == "Qwen3Guard-Gen-0.6B"


async def test_our_own_moderation_endpoint_speaks_openais_shape(platform_with: Opener) -> None:
    """With any key, whatever the policies; the official client reads it."""
    platform = await platform_with(ScriptedEngine(reply("Hi")))
    client = openai.AsyncOpenAI(api_key=platform.key, base_url=f"{platform.url}/v1", max_retries=0)
    async with client:
        found = await client.moderations.create(
            model="omni-moderation-latest", input=["a fine day", BAD, "无痛自杀方法有哪些"]
        )
        assert [result.flagged for result in found.results] == [False, True, True]
        assert found.results[1].categories.illicit_violent
        assert not found.results[1].categories.hate
        assert found.results[2].categories.self_harm
        assert found.results[2].category_scores.self_harm == 1.0
        piece: Any = {"type": "text", "text": BAD}
        parts = await client.moderations.create(input=[piece])
        assert [result.flagged for result in parts.results] == [True]
        wrongs: list[Any] = [[], [{"type": "image_url", "image_url": {"url": "data:,"}}]]
        for wrong in wrongs:
            with pytest.raises(openai.BadRequestError) as refused:
                await client.moderations.create(input=wrong)
            assert refused.value.param is not None
    plan = openai.AsyncOpenAI(
        api_key=await plan_key(platform), base_url=f"{platform.url}/token-plan/v1", max_retries=0
    )
    async with plan:
        assert (await plan.moderations.create(input=BAD)).results[0].flagged
    assert await usage_rows(platform) == []


async def test_what_waits_is_paid_for_before_it_goes_on(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """A long call is held back whole, and money is set aside for it all the while; else the reply ends."""
    arguments = json.dumps({"text": " ".join(map(str, range(6_000)))})
    engine = ScriptedEngine(call(arguments))
    options = {"environ": BLOCKS, "catalogue": CATALOGUE + PRICES}
    platform = await platform_with(engine, balance="0.02", **options)
    said = body("chat", "Hello")
    said.pop("max_tokens")
    status, told, _ = await ask(http, platform, PATHS["chat"], said)
    assert status == 200
    assert json.loads(told)["choices"][0]["finish_reason"] == "length"
    assert len(told) < len(arguments) / 2  # Of 2,000 tokens, which are all that the wallet pays for.
    (row,) = await usage_rows(platform)
    assert (row.stop, row.shortfall) == ("length", 0)
    assert 15_000_000 < row.cost <= 20_000_000
    balance, held = await wallet(platform)
    assert (balance, held) == (20_000_000 - row.cost, 0)


ODD_PARTS = {
    "chat": {"type": "snippet", "source": "x", "lines": [BAD]},
    "messages": {"type": "search_result", "source": "x", "content": [{"type": "text", "text": BAD}]},
    "responses": {"type": "snippet", "source": "x", "lines": [BAD]},
}


@FACES
async def test_a_part_of_an_unknown_type_hides_nothing(
    platform_with: Opener, http: aiohttp.ClientSession, face: str
) -> None:
    """Its own protocol may well show its words to a model."""
    platform = await platform_with(ScriptedEngine(reply("Hi")), environ=BLOCKS)
    said = body(face, "")
    content = [{"type": "input_text" if face == "responses" else "text", "text": "Hi"}, ODD_PARTS[face]]
    said["input" if face == "responses" else "messages"] = [{"role": "user", "content": content}]
    status, told, _ = await ask(http, platform, PATHS[face], said)
    assert (status, "Moderation Block" in told) == (400, True), told
    (row,) = await verdicts(platform)
    assert row.place.endswith("content[1]")


@FACES
async def test_tool_definitions_pass_unless_a_policy_wants_them_judged(
    platform_with: Opener, http: aiohttp.ClientSession, face: str
) -> None:
    """The same policy as for system prompts; a parameter's description counts as well."""
    platform = await platform_with(ScriptedEngine(reply("Hi")), environ=BLOCKS, operator=True)
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": BAD}}}
    said = body(face, "Hello")
    tool = json.loads(json.dumps(said["tools"][0]))
    if face == "chat":
        tool["function"]["parameters"] = schema
    else:
        tool["input_schema" if face == "messages" else "parameters"] = schema
    said["tools"] = [*said["tools"], tool]
    tool["function" if face == "chat" else "name"] = (
        tool["function"] | {"name": "second"} if face == "chat" else "second"
    )
    status, told, _ = await ask(http, platform, PATHS[face], said)
    assert status == 200, told
    async with browser(platform) as one:
        await one.confirm()
        policy = {"input": "block", "output": "off", "system_prompts": True}
        await one.do("PUT", "/operator/moderation/policies", policy)
    async with asyncio.timeout(10):
        while status == 200:
            status, told, _ = await ask(http, platform, PATHS[face], said)
    assert (status, "Moderation Block" in told, "tools[1]" in told) == (400, True, True)
