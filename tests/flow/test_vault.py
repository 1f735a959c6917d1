"""The reasoning vault: what clients drop goes back to the upstream that wants it, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from sqlalchemy import func, select

from tests.flow.conftest import Opener, usage_rows
from tests.flow.forgetful import (
    Agent,
    DemandingUpstream,
    Json,
    Rewrite,
    Wire,
    thought,
    without_reasoning,
)
from tests.flow.upstreams import catalogue, listening
from tests.servers import PostgresServer
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.preferences import switch_vault
from tokenmill.billing.ledger import Side, open_purse, post, wallet_of
from tokenmill.compose import open_platform
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.money import Nano, parse
from tokenmill.memory.vault import forget_account
from tokenmill.store.vault_tables import VaultTurn
from tokenmill.testing import TestPlatform, open_test_platform
from tokenmill.testing import _listening as listening_on

Engine = Literal["openai", "anthropic"]
WIRES: tuple[Wire, ...] = ("chat", "messages", "responses")


def demanding(upstream: DemandingUpstream, **fields: str) -> str:
    path = "/v1" if upstream.engine == "openai" else ""
    return catalogue(
        ("up", upstream.engine, upstream.url + path), **{"reasoning_back": '"required"', **fields}
    )


def all_back(turns: int) -> list[list[str]]:
    """The reasoning of every turn before, in each request."""
    return [[thought(number) for number in range(turn)] for turn in range(turns)]


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        if await true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("It did not come true in ten seconds.")


async def written(platform: TestPlatform) -> int:
    async with platform.database.read() as view:
        return await view.session.scalar(select(func.count()).select_from(VaultTurn)) or 0


async def until_written(platform: TestPlatform, turns: int) -> None:
    async def is_written() -> bool:
        return await written(platform) >= turns

    await until(is_written)


async def until_forgotten(agent: Agent, upstream: DemandingUpstream, turns: int) -> None:
    async def is_forgotten() -> bool:
        await agent.ask()
        return upstream.back[-1] == [" "] * turns

    await until(is_forgotten)


@pytest.mark.parametrize("engine", ["openai", "anthropic"])
@pytest.mark.parametrize("wire", WIRES)
async def test_thirty_turns_without_a_thought_of_the_clients(
    wire: Wire, engine: Engine, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The client never sends reasoning; the upstream answers 400 where some is missing, and gets all."""
    async with listening(DemandingUpstream(engine)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, wire, without_reasoning)
        for _ in range(30):
            await agent.turn()

    assert upstream.back == all_back(30)
    assert upstream.refused == 0
    rows = await usage_rows(platform)
    assert [row.status for row in rows] == ["answered"] * 30
    assert "29 turns came without was put back" in rows[-1].drops


def blanked(said: Json) -> Json:
    return {**said, "reasoning_content": ""}


def a_space(said: Json) -> Json:
    return {**said, "reasoning_content": " "}


def renamed(said: Json) -> Json:
    said = dict(said)
    return {**said, "reasoning": said.pop("reasoning_content")}


def stripped_ids(said: Json) -> Json:
    calls = [{**call, "id": "".join(filter(str.isalnum, call["id"]))} for call in said["tool_calls"]]
    return {**without(said), "tool_calls": calls}


def other_json(said: Json) -> Json:
    """The same arguments as another language's JSON writes them: other spaces, order, digits and escapes."""
    calls = []
    for call in said["tool_calls"]:
        arguments = json.loads(call["function"]["arguments"])
        text = json.dumps(
            {name: int(value) if value == 1 else value for name, value in reversed(arguments.items())},
            separators=(" , ", " : "),
            ensure_ascii=False,
        )
        calls.append({**call, "function": {**call["function"], "arguments": text}})
    return {**without(said), "tool_calls": calls}


def without(said: Json) -> Json:
    left = without_reasoning(said)
    assert left is not None
    return left


@pytest.mark.parametrize("rewrite", [blanked, a_space, renamed, stripped_ids, other_json, lambda said: said])
async def test_clients_with_ways_of_their_own(
    rewrite: Rewrite, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Reasoning blank, a space, under another name, or kept; ids without punctuation; other JSON."""
    async with listening(DemandingUpstream("openai", ids="functions.read:{}".format)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, "chat", rewrite)
        for _ in range(4):
            await agent.turn()

    assert upstream.back == all_back(4)


@pytest.mark.parametrize("wire", WIRES)
async def test_ids_that_no_anthropic_client_takes(
    wire: Wire, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The client is told another id than the upstream's, and that is the one by which it is found."""
    async with listening(DemandingUpstream("openai", ids="functions.read:{}".format)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, wire, without_reasoning)
        for _ in range(3):
            await agent.turn()

    assert upstream.back == all_back(3)


@pytest.mark.parametrize("kept", [0, 1])
async def test_parallel_calls_that_a_client_merges(
    kept: int, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Of two equal calls the client keeps one, whichever; the turn's reasoning is whole."""

    def merged(said: Json) -> Json:
        return {**without(said), "tool_calls": [said["tool_calls"][kept]]}

    async with listening(DemandingUpstream("openai", calls=lambda _: [{"path": "a"}] * 2)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, "chat", merged)
        for _ in range(3):
            await agent.turn()

    assert upstream.back == all_back(3)


async def test_an_upstream_that_numbers_every_call_zero(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The same id, tool and arguments in every turn: each turn gets its own reasoning by what went before."""
    upstream = DemandingUpstream("openai", ids=lambda _: "call_0", calls=lambda _: [{"path": "a"}])
    async with listening(upstream):
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
        for _ in range(5):
            await agent.turn()

    assert upstream.back == all_back(5)


async def test_two_conversations_that_call_the_same_at_once(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Neither hears the other's thoughts, even after a restart of what is in memory."""
    ours = DemandingUpstream("openai", ids=lambda _: "call_0", calls=lambda _: [{"path": "a"}])
    async with listening(ours) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        first = Agent(http, platform.url, platform.key, "chat", without_reasoning, task="One")
        second = Agent(http, platform.url, platform.key, "chat", without_reasoning, task="Two")
        await first.turn()
        await second.turn()
        await second.turn()  # It thinks of turn 1 now.
        await first.turn()
        upstream.back.clear()
        await asyncio.gather(first.ask(), second.ask())

    assert upstream.back == [[thought(0), thought(1)]] * 2


async def test_a_conversation_goes_on_in_another_protocol(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Turn 1 on Messages, turn 2 on chat, turn 3 on Responses."""
    async with listening(DemandingUpstream("openai")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        first = Agent(http, platform.url, platform.key, "messages", without_reasoning)
        (call,) = [block for block in (await first.turn())["content"] if block["type"] == "tool_use"]
        second = Agent(http, platform.url, platform.key, "chat", without_reasoning)
        function = {"name": "read", "arguments": json.dumps(call["input"])}
        second.take(
            {
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [{"id": call["id"], "type": "function", "function": function}],
                        }
                    }
                ]
            }
        )
        message = (await second.turn())["choices"][0]["message"]
        third = Agent(http, platform.url, platform.key, "responses", without_reasoning)
        for id_, made in (
            (call["id"], function),
            (message["tool_calls"][0]["id"], message["tool_calls"][0]["function"]),
        ):
            third.take({"output": [{"type": "function_call", "call_id": id_, **made}]})
        await third.turn()

    assert upstream.back == all_back(3)


def trimmed(said: Json) -> Json:
    """As Qwen Code: without the white space around the words; of a sealed item only the words are left."""
    if said.get("type") == "reasoning":
        summary = [{**part, "text": part["text"].strip()} for part in said["summary"]]
        return {"type": "reasoning", "id": said["id"], "summary": summary}
    if "type" in said:
        return said
    if "reasoning_content" in said:
        return {**said, "reasoning_content": said["reasoning_content"].strip()}
    blocks = [
        {**block, "thinking": block["thinking"].strip()} if block["type"] == "thinking" else block
        for block in said["content"]
    ]
    return {**said, "content": blocks}


@pytest.mark.parametrize(
    ("wire", "rewrite"),
    [
        ("chat", without_reasoning),
        ("chat", lambda said: said),
        ("chat", trimmed),
        ("messages", trimmed),
    ],
)
async def test_signatures_go_back_from_clients_that_lose_them(
    wire: Wire, rewrite: Rewrite, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The client keeps the words, or most of them, or nothing; an upstream that signs gets all as it was."""
    async with listening(DemandingUpstream("anthropic", signature="sig+/=")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream, reasoning_back='"accepted"'))
        agent = Agent(http, platform.url, platform.key, wire, rewrite)
        for _ in range(3):
            await agent.turn()

    blocks = [
        block
        for message in upstream.asked[-1]["messages"]
        if message["role"] == "assistant"
        for block in message["content"]
    ]
    assert [block for block in blocks if block["type"] == "thinking"] == [
        {"type": "thinking", "thinking": thought(number), "signature": f"sig+/={number}"}
        for number in range(2)
    ]


@pytest.mark.parametrize("engine", ["openai", "anthropic"])
@pytest.mark.parametrize("wire", WIRES)
async def test_an_upstream_that_signs_nothing_gets_every_byte_of_what_a_client_trimmed(
    wire: Wire, engine: Engine, platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Else the prompt would differ from what the model wrote, and its prefix cache would miss."""
    async with listening(DemandingUpstream(engine)) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, wire, trimmed)
        for _ in range(3):
            await agent.turn()

    assert upstream.back == all_back(3)
    assert "what 2 turns came without was put back" in (await usage_rows(platform))[-1].drops


class PlainThinker(DemandingUpstream):
    """Its thoughts have no white space around them, so that nobody can see that they are whole."""

    @staticmethod
    def thought(number: int) -> str:
        return f"Turn {number}."


async def test_reasoning_that_came_whole_is_not_said_to_be_put_back(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Most clients keep every byte; their records stay clean."""
    async with listening(PlainThinker("openai")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, "chat", lambda said: said)
        for _ in range(3):
            await agent.turn()

    assert upstream.back[-1] == ["Turn 0.", "Turn 1."]
    assert {row.drops for row in await usage_rows(platform)} == {"[]"}


async def test_another_issuer_gets_no_signature_that_is_not_its_own(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """The model moves to another server that signs: that one hears neither the words nor the signature."""
    async with (
        listening(DemandingUpstream("anthropic", signature="mine")) as mine,
        listening(DemandingUpstream("anthropic", signature="theirs")) as theirs,
    ):
        catalogue_text = demanding(mine, reasoning_back='"accepted"') + "\n".join(
            [
                "[[targets]]",
                'id = "other"',
                'engine = "anthropic"',
                f'base_url = "{theirs.url}"',
                "[[models]]",
                'id = "other-model"',
                'targets = [{ target = "other", model = "up-model" }]',
            ]
        )
        platform = await platform_with(None, catalogue=catalogue_text)
        agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
        await agent.turn()
        with pytest.raises(AssertionError, match="must be passed back"):  # It is as demanding, and says so.
            await agent.ask(model="other-model")

    assert "mine" not in json.dumps(theirs.asked)
    assert thought(0) not in json.dumps(theirs.asked)


async def test_another_account_reaches_nothing(platform_with: Opener, http: aiohttp.ClientSession) -> None:
    """The very same conversation under another account's key gets a space, and its record says so."""
    async with listening(DemandingUpstream("openai")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        stranger = await other_key(platform)
        agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
        await agent.turn()
        await until_written(platform, 1)
        spy = Agent(http, platform.url, stranger, "chat", without_reasoning)
        spy.history = agent.history
        await spy.ask()

    assert upstream.back == [[], [" "]]
    assert "so a space went" in (await usage_rows(platform))[-1].drops


async def other_key(platform: TestPlatform) -> str:
    secret = Path(platform.settings.security.secret.removeprefix("file:")).read_bytes()
    async with platform.database.write() as work:
        other = await create_account(work, SystemClock(), email="other@example.com", password_hash="*")
        key, _ = await create_key(work, SystemClock(), secret, account_id=other.id, name="other")
        await open_purse(work, wallet_of(other.id), "USD")
        sides = [
            Side(wallet_of(other.id), "USD", parse("9")),
            Side("platform/granted", "USD", Nano(-parse("9"))),
        ]
        await post(work, SystemClock(), source="grant:o", kind="grant", account_id=other.id, postings=sides)
    return key


async def test_nothing_goes_back_where_it_is_not_wanted(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Not to a caller who has switched thinking off, nor to one whose account does without the vault."""
    async with listening(DemandingUpstream("openai")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream))
        agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
        await agent.turn()
        await agent.ask(thinking={"type": "disabled"})
        await agent.ask()
        async with platform.database.write() as work:
            await switch_vault(work, platform.account_id, on=False)
        kept = list(upstream.back)
        await until_forgotten(agent, upstream, 1)
        await until_written(platform, len(upstream.back) - 1)  # The last reply is not remembered, either.
        await agent.ask()
        rows = await written(platform)

    assert kept == [[], [" "], [thought(0)]]
    assert rows == len(upstream.back) - 2


async def test_a_target_that_refuses_reasoning_gets_none(
    platform_with: Opener, http: aiohttp.ClientSession
) -> None:
    """Neither what the client sends nor what is remembered; the upstream here calls that an error."""
    async with listening(DemandingUpstream("openai")) as upstream:
        platform = await platform_with(None, catalogue=demanding(upstream, reasoning_back='"refused"'))
        for rewrite in (without_reasoning, lambda said: said):
            agent = Agent(http, platform.url, platform.key, "chat", rewrite)
            await agent.turn()
            with pytest.raises(AssertionError, match="must be passed back"):
                await agent.ask()

    assert all("reasoning_content" not in message for body in upstream.asked for message in body["messages"])


async def test_a_database_that_is_away_fails_no_request(
    tmp_path: Path, postgres: PostgresServer, bare_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """What is in memory still goes back while PostgreSQL is down between two turns, and is written later."""
    async with listening(DemandingUpstream("openai")) as upstream:
        text = demanding(upstream)
        async with open_test_platform(tmp_path, catalogue=text, database_url=bare_postgres_url) as platform:
            agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
            await agent.turn()
            await until_written(platform, 1)
            postgres.kill()
            postgres.start()
            await agent.turn()
            await agent.turn()
            await until_written(platform, 3)

    assert upstream.back == all_back(3)


async def test_what_was_said_before_a_restart_goes_back_after_it(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """The database keeps it when the memory is gone."""
    async with listening(DemandingUpstream("openai")) as upstream:
        text = demanding(upstream)
        async with open_test_platform(tmp_path, catalogue=text) as platform:
            agent = Agent(http, platform.url, platform.key, "chat", without_reasoning)
            await agent.turn()
            await agent.turn()
            settings = platform.settings
        async with open_platform(settings, tmp_path) as again, listening_on(again.app) as url:
            await agent.at(url).turn()

    assert upstream.back == all_back(3)


async def test_turns_of_one_conversation_on_two_nodes(
    tmp_path: Path, bare_postgres_url: str, http: aiohttp.ClientSession
) -> None:
    """Each node finds in PostgreSQL what the other has heard, and what was deleted is gone on both."""
    async with listening(DemandingUpstream("openai")) as upstream:
        text, other_data = demanding(upstream), tmp_path / "other"
        other_data.mkdir()
        async with (
            open_test_platform(tmp_path, catalogue=text, database_url=bare_postgres_url) as one,
            open_platform(one.settings, other_data) as two,
            listening_on(two.app) as url,
        ):
            agent = Agent(http, one.url, one.key, "chat", without_reasoning)
            for turn in range(6):
                await agent.at(url if turn % 2 else one.url).turn()
                await until_written(one, turn + 1)
            everything = list(upstream.back)
            async with one.database.write() as work:
                await forget_account(work, one.account_id)
            for node in (one.url, url):
                await until_forgotten(agent.at(node), upstream, 6)

    assert everything == all_back(6)
