"""Rate windows, in one process and shared through Valkey: the same claims for both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tests.servers import ValkeyServer
from tokenmill.api.rate_headers import anthropic_rates, openai_rates
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.limits.limiter import Left, Limiter, Quota, Standing, TooFast
from tokenmill.limits.local import LocalLimiter
from tokenmill.limits.scripts import LEASE, SCRIPTS
from tokenmill.limits.shared import RENEW_EVERY, SharedLimiter
from tokenmill.limits.valkey import ValkeyLink
from tokenmill.testing import FixedClock

ACCOUNT = Quota(scope="acc_1/mimo", rpm=100, tpm=10_000)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def link(valkey_url: str) -> AsyncIterator[ValkeyLink]:
    async with ValkeyLink(valkey_url, SCRIPTS, patience=5.0) as link:
        yield link


@pytest.fixture(params=["local", "shared"])
def limiter(request: pytest.FixtureRequest, clock: FixedClock) -> Limiter:
    if request.param == "local":
        return LocalLimiter(clock)
    return SharedLimiter(request.getfixturevalue("link"), LocalLimiter(FixedClock()), clock)


def node(link: ValkeyLink, clock: FixedClock) -> SharedLimiter:
    """One of several nodes; its own windows never get in the way here."""
    return SharedLimiter(link, LocalLimiter(SystemClock()), clock)


def told(left: Left | None) -> tuple[int, int]:
    """The limit and what is left of it; all of it is back within a minute."""
    assert left is not None
    assert 59 <= left.reset <= 60
    return left.limit, left.left


async def refused(limiter: Limiter, *quotas: Quota, tokens: int = 1) -> Fault:
    with pytest.raises(Fault) as caught:
        await limiter.enter(quotas, tokens)
    assert Code.RATE_LIMITED == caught.value.code
    return caught.value


async def test_the_hundred_and_first_request_of_a_minute_is_refused(limiter: Limiter) -> None:
    """And is told to wait until the first one is a minute old."""
    for _ in range(100):
        await (await limiter.enter([ACCOUNT], 1)).leave(1)

    fault = await refused(limiter, ACCOUNT)
    assert "at most 100 a minute" in fault.message
    assert fault.retry_after == pytest.approx(60, abs=0.01)
    assert isinstance(fault, TooFast)
    assert (100, 0) == told(fault.standing.requests)


async def test_the_minute_slides(limiter: Limiter, clock: FixedClock) -> None:
    """Room comes back request by request, and no minute whatever sees more than the limit."""
    if isinstance(limiter, SharedLimiter):
        limiter = SharedLimiter(limiter._link, LocalLimiter(clock), clock)
    two = Quota(scope="acc_2/mimo", rpm=2)
    await limiter.enter([two], 1)
    clock.advance(30)
    await limiter.enter([two], 1)
    assert (await refused(limiter, two)).retry_after == pytest.approx(30, abs=0.01)
    clock.advance(29.5)
    await refused(limiter, two)
    clock.advance(0.5)
    await limiter.enter([two], 1)
    assert (await refused(limiter, two)).retry_after == pytest.approx(30, abs=0.01)


async def test_tokens_are_reserved_and_corrected_when_the_request_leaves(limiter: Limiter) -> None:
    place = await limiter.enter([ACCOUNT], 9_000)
    assert (10_000, 1_000) == told(place.standing.tokens)
    await refused(limiter, ACCOUNT, tokens=2_000)
    await place.leave(500)

    after = await limiter.enter([ACCOUNT], 2_000)
    assert after.standing.tokens is not None
    assert 7_500 == after.standing.tokens.left


async def test_a_request_that_took_more_than_it_reserved_counts_whole(limiter: Limiter) -> None:
    await (await limiter.enter([ACCOUNT], 10)).leave(9_995)

    assert "at most 10,000 a minute" in (await refused(limiter, ACCOUNT, tokens=6)).message
    await limiter.enter([ACCOUNT], 5)


async def test_a_request_larger_than_the_limit_runs_when_nothing_else_does(limiter: Limiter) -> None:
    """Else it could never run."""
    await limiter.enter([ACCOUNT], 50_000)
    assert (await refused(limiter, ACCOUNT, tokens=1)).retry_after is not None


async def test_leaving_twice_corrects_once(limiter: Limiter) -> None:
    place = await limiter.enter([ACCOUNT], 1_000)
    await place.leave(600)
    await place.leave(600)

    after = await limiter.enter([ACCOUNT], 100)
    assert after.standing.tokens is not None
    assert 9_300 == after.standing.tokens.left


async def test_so_many_at_once_and_no_more(limiter: Limiter) -> None:
    two = Quota(scope="key_1", concurrency=2)
    first = await limiter.enter([two], 1)
    await limiter.enter([two], 1)
    fault = await refused(limiter, two)
    assert "at most 2 may run at a time" in fault.message

    await first.leave(1)
    await limiter.enter([two], 1)
    await refused(limiter, two)


async def test_all_quotas_or_none(limiter: Limiter) -> None:
    """A request that its key refuses takes nothing from its account."""
    key = Quota(scope="key_2", rpm=1)
    await limiter.enter([ACCOUNT, key], 10)
    for _ in range(5):
        await refused(limiter, ACCOUNT, key, tokens=10)

    place = await limiter.enter([ACCOUNT], 10)
    assert place.standing.requests is not None
    assert 98 == place.standing.requests.left


async def test_the_tightest_quota_is_what_callers_are_told(limiter: Limiter) -> None:
    key = Quota(scope="key_3", rpm=5, tpm=50_000)
    standing = (await limiter.enter([ACCOUNT, key], 10)).standing

    assert (5, 4) == told(standing.requests)
    assert (10_000, 9_990) == told(standing.tokens)


async def test_without_limits_nothing_is_refused_or_told(limiter: Limiter) -> None:
    for _ in range(300):
        place = await limiter.enter([Quota(scope="free")], 10**6)
    assert Standing() == place.standing


async def test_no_wait_is_longer_than_a_minute(limiter: Limiter, clock: FixedClock) -> None:
    if isinstance(limiter, SharedLimiter):
        limiter = SharedLimiter(limiter._link, LocalLimiter(clock), clock)
    one = Quota(scope="acc_3/mimo", rpm=1)
    for _ in range(20):
        await limiter.enter([one], 1)
        waits = []
        for _ in range(4):
            waits.append((await refused(limiter, one)).retry_after)
            clock.advance(7.3)
        assert all(wait is not None and 1 <= wait <= 60 for wait in waits)
        assert all(later < sooner for sooner, later in pairwise(wait or 0 for wait in waits))
        clock.advance(60)


# In one process.


async def test_idle_scopes_are_forgotten_and_busy_ones_are_not(clock: FixedClock) -> None:
    """A million scopes cost no more memory than those that may be kept, even behind one long stream."""
    limiter = LocalLimiter(clock, kept=100)
    busy = Quota(scope="busy", concurrency=1)
    await limiter.enter([busy], 1)
    for number in range(2_000):
        await (await limiter.enter([Quota(scope=f"scope {number}", rpm=5)], 1)).leave(1)
        clock.advance(1)
    assert len(limiter._windows) <= 101
    await refused(limiter, busy)


# On several nodes.


async def test_two_nodes_share_one_window(valkey_url: str, link: ValkeyLink, clock: FixedClock) -> None:
    async with ValkeyLink(valkey_url, SCRIPTS, patience=5.0) as other:
        nodes = [node(link, clock), node(other, clock)]
        answers = await asyncio.gather(
            *(nodes[number % 2].enter([ACCOUNT], 1) for number in range(160)), return_exceptions=True
        )
    assert 60 == sum(isinstance(answer, Fault) for answer in answers)
    assert 100 == sum(not isinstance(answer, BaseException) for answer in answers)


async def test_the_servers_own_clock_rules_where_no_other_is_given(link: ValkeyLink) -> None:
    """Nodes whose clocks are apart agree about the minute."""
    limiter = SharedLimiter(link, LocalLimiter(FixedClock()))
    one = Quota(scope="acc_4/mimo", rpm=1)
    place = await limiter.enter([one], 1)
    assert place.standing.requests is not None
    assert 58 <= place.standing.requests.reset <= 60
    await refused(SharedLimiter(link, LocalLimiter(FixedClock())), one)


async def test_the_places_of_a_dead_node_are_free_within_a_minute(
    link: ValkeyLink, clock: FixedClock
) -> None:
    """And those of a node that lives stay taken, however long its requests run."""
    dead, living = node(link, clock), node(link, clock)
    shared = Quota(scope="key_9", concurrency=2)
    await dead.enter([shared], 1)
    await living.enter([shared], 1)
    for _ in range(int(LEASE / RENEW_EVERY) + 1):
        await refused(living, shared)
        clock.advance(RENEW_EVERY)
        await living.renew()

    assert LEASE <= 60
    await living.enter([shared], 1)
    await refused(living, shared)


async def test_what_is_left_on_closing_reaches_the_server(valkey_url: str, clock: FixedClock) -> None:
    one = Quota(scope="key_10", concurrency=1)
    async with ValkeyLink(valkey_url, SCRIPTS, patience=5.0) as link:
        place = await node(link, clock).enter([one], 1)
        await place.leave(1)
    async with ValkeyLink(valkey_url, SCRIPTS, patience=5.0) as link:
        await node(link, clock).enter([one], 1)


async def test_a_server_that_forgot_its_scripts_is_taught_them(link: ValkeyLink, clock: FixedClock) -> None:
    limiter = node(link, clock)
    await limiter.enter([ACCOUNT], 1)
    await link.ask("SCRIPT FLUSH")
    place = await limiter.enter([ACCOUNT], 1)
    assert place.standing.requests is not None
    assert 98 == place.standing.requests.left
    assert 0 == limiter.unshared


async def test_a_cancelled_caller_takes_no_place(link: ValkeyLink, clock: FixedClock) -> None:
    limiter = node(link, clock)
    one = Quota(scope="key_11", concurrency=1)
    for turns in range(4):
        entering = asyncio.create_task(limiter.enter([one], 1))
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    await limiter.enter([one], 1)


async def test_without_its_server_a_node_limits_by_itself_and_says_so(
    valkey: ValkeyServer, clock: FixedClock
) -> None:
    """Killed in the middle: no request fails, none waits long, what this node let in before still counts."""
    async with ValkeyLink(valkey.url, SCRIPTS, back_off=[0.02]) as link:
        limiter = SharedLimiter(link, LocalLimiter(clock), clock)
        await link.probe()
        for _ in range(60):
            await limiter.enter([ACCOUNT], 1)
        valkey.kill()
        async with asyncio.timeout(5):
            for _ in range(40):
                await limiter.enter([ACCOUNT], 1)
        assert (await refused(limiter, ACCOUNT)).retry_after is not None
        assert (40, 1) == (limiter.unshared, link.outages)
        with pytest.raises(Fault, match="does not answer"):
            await link.probe()

        valkey.start()
        for _ in range(500):
            if not link.away:
                break
            await asyncio.sleep(0.02)
        await link.probe()
        place = await limiter.enter([Quota(scope="new", rpm=5)], 1)
        assert 40 == limiter.unshared
        await place.leave(1)


async def test_places_are_taken_again_on_a_server_that_has_lost_its_memory(
    valkey: ValkeyServer, clock: FixedClock
) -> None:
    async with ValkeyLink(valkey.url, SCRIPTS, patience=5.0) as link:
        one = Quota(scope="key_12", concurrency=1)
        limiter = node(link, clock)
        await limiter.enter([one], 1)
        valkey.flush()
        await limiter.renew()
        await refused(node(link, clock), one)


async def test_a_platform_starts_without_its_server(valkey: ValkeyServer, clock: FixedClock) -> None:
    valkey.kill()
    async with ValkeyLink(valkey.url, SCRIPTS) as link:
        assert link.away
        await SharedLimiter(link, LocalLimiter(clock), clock).enter([ACCOUNT], 1)


async def test_a_server_that_hangs_is_waited_for_once(clock: FixedClock) -> None:
    """It takes connections and says nothing: one batch waits for it, the next is not even sent."""
    hung = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with ValkeyLink(f"redis://127.0.0.1:{port}/0", SCRIPTS, patience=0.1) as link:
            limiter = SharedLimiter(link, LocalLimiter(clock), clock)
            async with asyncio.timeout(1):  # A hundred times the patience would be ten seconds.
                for _ in range(100):
                    await limiter.enter([ACCOUNT], 1)
        hung.set()


# What callers are told.

STANDING = Standing(Left(100, 40, 0.25), Left(10_000, 0, 75.4))


def test_openai_callers_are_told_in_durations() -> None:
    assert {
        b"x-ratelimit-limit-requests": b"100",
        b"x-ratelimit-remaining-requests": b"40",
        b"x-ratelimit-reset-requests": b"250ms",
        b"x-ratelimit-limit-tokens": b"10000",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"1m15s",
    } == dict(openai_rates(STANDING))


def test_anthropic_callers_are_told_in_moments() -> None:
    headers = dict(anthropic_rates(STANDING))
    assert b"40" == headers[b"anthropic-ratelimit-requests-remaining"]
    assert b"10000" == headers[b"anthropic-ratelimit-tokens-limit"]
    reset = headers[b"anthropic-ratelimit-tokens-reset"].decode()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reset)
    ahead = datetime.fromisoformat(reset) - datetime.now(UTC)
    assert 70 <= ahead.total_seconds() <= 80


def test_without_limits_there_are_no_headers() -> None:
    assert [] == [*openai_rates(Standing()), *anthropic_rates(Standing())]
