"""Callers who leave, and upstreams that die, after every frame of a reply: each exchange is settled once.

One platform serves all cases of a test at the same time, each under a model of its own name.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Literal

import pytest
from sqlalchemy import select

from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_money import books_balance
from tokenmill.billing.verify import verify
from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    Failed,
    Finished,
    PartClosed,
    PartOpened,
    Started,
    Stop,
    TextDelta,
    UsageSeen,
)
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Reasoning, Text, ToolCall
from tokenmill.conversation.request import Request
from tokenmill.conversation.usage import Usage as Tokens
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import OpenReply, Route, ServedBy
from tokenmill.store.ledger_tables import Hold, Transfer
from tokenmill.store.tables import Usage
from tokenmill.testing import TestPlatform

USED: Final = Tokens(input_fresh=1000, input_cached=500, output=200, output_reasoning=50)
COST: Final = 1000 * 1_000 + 500 * 100 + 200 * 10_000
"""Nano-dollars: at 1, 0.1 and 10 dollars per million."""
REPLY: Final[tuple[Event, ...]] = (
    Started("up", "m", 1),
    PartOpened(0, Reasoning()),
    TextDelta(0, "The user "),
    TextDelta(0, "greets."),
    PartClosed(0),
    PartOpened(1, Text()),
    TextDelta(1, "Good "),
    TextDelta(1, "morning."),
    PartClosed(1),
    PartOpened(2, ToolCall("call_1", "look")),
    ArgumentsDelta(2, '{"at": '),
    ArgumentsDelta(2, '"it"}'),
    PartClosed(2),
    UsageSeen(USED),
    Finished(Stop.TOOL),
)
POSITIONS: Final = range(len(REPLY) + 1)
_FIRST_WORD: Final = next(n for n, event in enumerate(REPLY, 1) if isinstance(event, PartOpened))
_FIRST_TOKEN: Final = next(n for n, event in enumerate(REPLY, 1) if isinstance(event, TextDelta))
_USAGE: Final = next(n for n, event in enumerate(REPLY, 1) if isinstance(event, UsageSeen))

PROTOCOLS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "openai_chat": (
        "/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1000}
    ),
    "anthropic_messages": (
        "/anthropic/v1/messages", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1000}
    ),
    "openai_responses": (
        "/v1/responses", {"input": "Hello", "max_output_tokens": 1000, "store": False}
    ),
}  # fmt: skip
AT_ONCE: Final = 24
NOTICED: Final = 0.2
"""Seconds that a server needs at most to see that a connection on loopback was cut."""


@dataclass(frozen=True)
class Case:
    """A request, and what happens to it: after how many frames somebody leaves or dies."""

    protocol: str
    stream: bool
    drained: bool = False
    leaves: int | None = None
    dies: int | None = None
    how: Literal["raises", "says so"] = "raises"
    greeting: UsageSeen | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def frames(self) -> AsyncGenerator[Frame]:
        """The reply as the upstream gives it."""
        for n in POSITIONS:
            if n == self.leaves:
                self.reached.set()
                await self.goes_on.wait()
            if n == self.dies:
                fault = Fault(Code.UPSTREAM_BROKE, "Gone.")
                if self.how == "raises":
                    raise fault
                yield Frame((Failed(fault),))
                return
            if n < len(REPLY):
                yield Frame((REPLY[n],))
            if n == 0 and self.greeting is not None:
                yield Frame((self.greeting,))


class CaseEngine:
    """Answers a request by the case that its model names."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        yield _Opened(self._cases[int(request.model.removeprefix("case-"))])

    async def count(self, request: Request, route: Route) -> int | None:
        return None

    def served_by(self, route: Route) -> ServedBy | None:
        return None


class _Opened:
    wire = None
    drops = ()

    def __init__(self, case: Case) -> None:
        self._case = case

    def frames(self) -> AsyncGenerator[Frame]:
        return self._case.frames()


def catalogue(cases: Sequence[Case]) -> str:
    targets = "".join(
        f'[[targets]]\nid = "{kind}"\nengine = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'
        f'on_disconnect = "{kind}"\n'
        for kind in ("cancel", "drain")
    )
    models = "".join(
        f'[[models]]\nid = "case-{n}"\n'
        f'targets = [{{ target = "{"drain" if case.drained else "cancel"}", model = "m" }}]\n'
        "price.USD = { input = 1, cached_input = 0.1, output = 10 }\n"
        for n, case in enumerate(cases)
    )
    return targets + models


Settled = Callable[[Sequence[Case]], Awaitable[list[Usage]]]


@pytest.fixture
def settled(database_url: str, platform_with: Opener) -> Settled:
    """Plays all cases on one platform, and gives their usage rows, one each; the books have been proven."""

    async def play_all(cases: Sequence[Case]) -> list[Usage]:
        platform = await platform_with(
            CaseEngine(cases), catalogue=catalogue(cases), database_url=database_url, waits=()
        )
        places = asyncio.Semaphore(AT_ONCE)

        async def play(n: int, case: Case) -> None:
            async with places:
                await ask(platform, f"case-{n}", case)

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for n, case in enumerate(cases):
                group.create_task(play(n, case))
        return await rows_of(platform, len(cases))

    return play_all


async def ask(platform: TestPlatform, model: str, case: Case) -> None:
    """Sends the request; reads the answer to its end, or leaves when the time has come."""
    path, said = PROTOCOLS[case.protocol]
    body = json.dumps(said | {"model": model, "stream": case.stream}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {platform.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", int(platform.url.rpartition(":")[2]))
    writer.write(head.encode() + body)
    if case.leaves is None:
        await reader.read()
    else:
        await case.reached.wait()
        writer.transport.abort()
        await asyncio.sleep(NOTICED)
        case.goes_on.set()
    writer.close()


async def rows_of(platform: TestPlatform, count: int) -> list[Usage]:
    """The rows in the order of the cases, after a look at whether each was settled exactly once."""
    for _ in range(200):
        rows = await usage_rows(platform)
        async with platform.database.read() as work:
            holds = {hold.id: hold.state for hold in await work.session.scalars(select(Hold))}
        if len(rows) >= count and "held" not in holds.values():
            break
        await asyncio.sleep(0.05)
    assert {f"case-{n}": 1 for n in range(count)} == Counter(row.model for row in rows)
    assert {row.id: "settled" if row.cost else "released" for row in rows} == holds
    async with platform.database.read() as work:
        sources = list(await work.session.scalars(select(Transfer.source)))
        proof = await verify(work, SystemClock().now())
    assert sorted(f"exchange:{row.id}" for row in rows if row.cost) == sorted(
        source for source in sources if source.startswith("exchange:")
    )
    assert (True, ()) == (proof.ok, proof.differences)
    await books_balance(platform)
    return sorted(rows, key=lambda row: int(row.model.removeprefix("case-")))


def cases_of(**changes: Iterable[Any]) -> list[Case]:
    """Every combination, over all protocols, streamed and whole."""
    changes = {"protocol": PROTOCOLS, "stream": (True, False), **changes}
    return [Case(**dict(zip(changes, each, strict=True))) for each in product(*changes.values())]


def must_be_counted(row: Usage) -> None:
    """What has passed is charged although nobody reported it: never nothing."""
    assert "counted" == row.quality
    assert row.input_fresh > 0
    assert 0 < row.output < 50
    assert row.cost == row.input_fresh * 1_000 + row.output * 10_000


def must_be_as_reported(row: Usage) -> None:
    assert ("reported", COST, 0) == (row.quality, row.cost, row.shortfall)
    assert (1000, 500, 200, 50) == (row.input_fresh, row.input_cached, row.output, row.output_reasoning)


async def test_a_caller_who_leaves_pays_for_what_had_passed(settled: Settled) -> None:
    cases = cases_of(leaves=POSITIONS)
    for case, row in zip(cases, await settled(cases), strict=True):
        assert case.leaves is not None
        assert (case.protocol, case.stream) == (row.protocol, row.stream)
        assert ("answered" if case.leaves == len(REPLY) else "cancelled") == row.status, case
        if case.leaves < _FIRST_TOKEN:
            assert ("none", 0) == (row.quality, row.cost), case
        elif case.leaves < _USAGE:
            must_be_counted(row)
        else:
            must_be_as_reported(row)


async def test_a_drained_reply_is_charged_as_reported_after_its_caller_left(settled: Settled) -> None:
    """Wherever that was, even before the first frame."""
    cases = cases_of(leaves=POSITIONS, drained=[True])
    for case, row in zip(cases, await settled(cases), strict=True):
        assert ("answered", "tool", None) == (row.status, row.stop, row.fault), case
        must_be_as_reported(row)


async def test_an_upstream_that_dies_is_paid_for_what_its_caller_has_seen(settled: Settled) -> None:
    """Of a whole reply that is nothing: its caller gets an error."""
    cases = cases_of(dies=POSITIONS, how=("raises", "says so"))
    for case, row in zip(cases, await settled(cases), strict=True):
        assert case.dies is not None
        if case.stream and case.dies == len(REPLY):  # All had been said, and is paid for.
            assert "answered" == row.status
            must_be_as_reported(row)
            continue
        assert ("failed", "upstream_broke") == (row.status, row.fault), case
        seen = case.stream and case.dies >= _FIRST_WORD
        assert (200 if seen else 503 if case.protocol != "anthropic_messages" else 529) == row.http_status
        if not case.stream or case.dies < _FIRST_TOKEN:
            assert 0 == row.cost, case
        elif case.dies < _USAGE:
            must_be_counted(row)
        else:
            must_be_as_reported(row)


async def test_an_upstream_that_dies_while_it_is_drained_is_settled_once(settled: Settled) -> None:
    """Two frames after the caller left, when nobody is there to be told."""
    cases = [
        Case(protocol, stream, drained=True, leaves=n, dies=min(n + 2, len(REPLY)))
        for protocol, stream, n in product(PROTOCOLS, (True, False), POSITIONS)
    ]
    for case, row in zip(cases, await settled(cases), strict=True):
        assert case.dies is not None
        assert ("answered" if case.stream and case.dies == len(REPLY) else "failed") == row.status, case
        if not case.stream or case.dies < _FIRST_TOKEN:
            assert 0 == row.cost, case
        elif case.dies < _USAGE:
            must_be_counted(row)
        else:
            must_be_as_reported(row)


async def test_a_count_that_the_reply_has_outgrown_is_not_believed(settled: Settled) -> None:
    """Messages servers begin with a count of one word, and tell of the others at the end only."""
    cases = [
        Case(protocol, True, leaves=leaves, dies=dies, greeting=UsageSeen(Tokens(input_fresh=1000, output=1)))
        for protocol in PROTOCOLS
        for leaves, dies in ((_USAGE - 1, None), (None, _USAGE - 1), (None, None))
    ]
    for case, row in zip(cases, await settled(cases), strict=True):
        if case.leaves is None and case.dies is None:
            must_be_as_reported(row)
        else:
            must_be_counted(row)
            assert (1000, True) == (row.input_fresh, row.output > 1), case
