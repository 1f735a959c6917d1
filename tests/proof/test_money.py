"""Money under floods, kills and a database that goes away; each proof in a small form, and in full."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.proof.cluster import INPUT, OUTPUT, PRICE, TOKENS_A_WORD, Answer, Cluster, ask, cluster
from tests.servers import PostgresServer
from tokenmill.kit.money import Nano, parse, show

COST = INPUT * PRICE["input"] + OUTPUT * PRICE["output"]
FULL = pytest.mark.proof


def session(parallel: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=parallel), timeout=aiohttp.ClientTimeout(total=300)
    )


def settled(running: Cluster, within: float = 45) -> Any:
    """The account's usage once no hold is open; the books are in order then."""
    end = time.monotonic() + within
    while (usage := running.usage())["holds_open"] and time.monotonic() < end:
        time.sleep(0.5)
    assert usage["holds_open"] == 0, usage
    verified = running.command("ledger", "verify")
    assert verified["ok"], verified
    assert verified["orphan_holds"] == 0
    return usage


def nano(usage: Any, what: str) -> int:
    return parse(usage[what]["USD"])


@pytest.mark.parametrize(
    ("requests", "nodes", "kind"),
    [
        pytest.param(100, 2, "postgres", id="100 requests, two nodes, PostgreSQL"),
        pytest.param(100, 1, "sqlite", id="100 requests, one node, SQLite"),
        pytest.param(1000, 3, "postgres", marks=FULL, id="1,000 requests, three nodes, PostgreSQL"),
        pytest.param(1000, 1, "sqlite", marks=FULL, id="1,000 requests, one node, SQLite"),
    ],
)
@pytest.mark.timeout(600)
def test_a_flood_never_overdraws_a_balance_for_a_tenth_of_it(
    request: pytest.FixtureRequest, tmp_path: Path, requests: int, nodes: int, kind: str
) -> None:
    """Streams and whole replies at once: what was admitted costs no more than there was, and nearly that."""
    url = request.getfixturevalue("bare_postgres_url") if kind == "postgres" else None
    with cluster(tmp_path, url) as running:
        running.grant(show(Nano(requests // 10 * COST)))
        urls = [running.start(number).url for number in range(nodes)]

        async def flood() -> list[Answer]:
            async with session(requests) as http:
                asks = (
                    ask(http, urls[at % nodes], running.key, stream=at % 2 == 0) for at in range(requests)
                )
                return list(await asyncio.gather(*asks))

        began = time.monotonic()
        answers = asyncio.run(flood())
        took = time.monotonic() - began
        usage = settled(running)
        left, cost = nano(usage, "balance"), nano(usage, "cost")
        statuses = Counter(answer.status for answer in answers)
        print(f"\n{requests} requests, {nodes} nodes, {kind}: {dict(statuses)} in {took:.1f} s, left {left}")
        assert set(statuses) == {200, 402}
        assert all(answer.whole for answer in answers if answer.status == 200)
        assert left >= 0
        assert left + cost == requests // 10 * COST
        assert statuses[200] == usage["requests"]
        assert cost == statuses[200] * COST
        hold = (40 + 64) * PRICE["input"] + 16 * PRICE[
            "output"
        ]  # The prompt's bytes, and all that was asked.
        assert left < max(hold, COST)


@pytest.mark.parametrize(
    ("rounds", "streams", "kind"),
    [
        pytest.param(3, 40, "postgres", id="3 kills, 40 streams, PostgreSQL"),
        pytest.param(1, 40, "sqlite", id="1 kill, 40 streams, SQLite"),
        pytest.param(20, 200, "postgres", marks=FULL, id="20 kills, 200 streams, PostgreSQL"),
        pytest.param(20, 200, "sqlite", marks=FULL, id="20 kills, 200 streams, SQLite"),
    ],
)
@pytest.mark.timeout(3600)
def test_a_killed_node_leaves_no_hold_and_every_stream_is_charged_once(
    request: pytest.FixtureRequest, tmp_path: Path, rounds: int, streams: int, kind: str
) -> None:
    """At its last count or better: of what callers have heard, at most a second's words go unpaid."""
    url = request.getfixturevalue("bare_postgres_url") if kind == "postgres" else None
    chance = random.Random(7)
    pause = 50
    with cluster(tmp_path, url) as running:
        running.grant("1000.00")
        before = 0
        for number in range(rounds):
            node = running.start(0)

            async def flood(node_url: str) -> list[Answer]:
                async with session(streams) as http:
                    asks = (
                        ask(http, node_url, running.key, stream=True, words=100, pause=pause)
                        for _ in range(streams)
                    )
                    flooding = asyncio.gather(*asks)
                    await asyncio.sleep(chance.uniform(0.3, 4.5))
                    running.kill(0)
                    return list(await flooding)

            answers = asyncio.run(flood(node.url))
            running.start(0)
            usage = settled(running)
            rows = usage["tokens"]["output"] - before
            before = usage["tokens"]["output"]
            heard = sum(answer.words * TOKENS_A_WORD for answer in answers)
            unpaid = heard - rows
            lost_second = streams * (1_000 // pause + 10) * TOKENS_A_WORD
            print(f"\nround {number + 1}: {heard} tokens heard, {rows} charged, {unpaid} unpaid")
            assert unpaid <= lost_second
            running.kill(0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [pytest.param(6, id="6 s"), pytest.param(20, marks=FULL, id="20 s")])
def test_a_database_that_goes_away_loses_and_doubles_nothing(
    postgres: PostgresServer, bare_postgres_url: str, tmp_path: Path, seconds: int
) -> None:
    """Running streams end well; new requests are refused soon with 503; readiness is red meanwhile."""
    with cluster(tmp_path, bare_postgres_url) as running:
        running.grant("1000.00")
        url = running.start(0).url

        async def story() -> tuple[list[Answer], list[tuple[Answer, float]], int, int]:
            async with session(200) as http:
                begun = asyncio.Semaphore(0)
                asks = (
                    ask(http, url, running.key, stream=True, words=100, pause=50, begun=begun.release)
                    for _ in range(30)
                )
                streams = asyncio.gather(*asks)
                for _ in range(30):
                    await begun.acquire()
                await asyncio.to_thread(postgres.kill)
                refused: list[tuple[Answer, float]] = []
                end = time.monotonic() + seconds
                red = 0
                while time.monotonic() < end:
                    began = time.monotonic()
                    refused.append(
                        (await ask(http, url, running.key, stream=False), time.monotonic() - began)
                    )
                    async with http.get(f"{url}/readyz") as ready:
                        red = ready.status
                    await asyncio.sleep(0.3)
                await asyncio.to_thread(postgres.start)
                green = 0
                for _ in range(60):
                    async with http.get(f"{url}/readyz") as ready:
                        green = ready.status
                    if green == 200:
                        break
                    await asyncio.sleep(0.5)
                assert (await ask(http, url, running.key, stream=False)).status == 200
                return list(await streams), refused, red, green

        answers, refused, red, green = asyncio.run(story())
        usage = settled(running)
        assert (503, 200) == (red, green)
        assert all(answer.whole for answer in answers)
        assert {503} == {answer.status for answer, _ in refused}
        slowest = max(took for _, took in refused)
        print(f"\ndatabase away {seconds} s: {len(refused)} refused, the slowest in {slowest:.1f} s")
        assert slowest < 10
        words = 30 * (INPUT * PRICE["input"] + 100 * PRICE["output"]) + COST
        assert nano(usage, "cost") == words
