"""What dead nodes left behind, settled at its last counts, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from sqlalchemy import insert

from tests.books import NOON, WALLET, fill, hold, read_books, usage
from tokenmill.billing.pricing import Tariff, encode_tariff
from tokenmill.exchange.hold import Draft, decode_draft, encode_draft
from tokenmill.jobs.nodes import Nodes
from tokenmill.jobs.orphans import OrphanSweep
from tokenmill.kit.ids import ExchangeId
from tokenmill.store.database import Database, open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.rows import RunningCount
from tokenmill.store.tables import Usage
from tokenmill.store.work_tables import Node
from tokenmill.testing import FixedClock

TARIFF = Tariff(unit="USD", input=1_000_000, cached=0, written=0, output=10_000_000)
"""A nano-dollar a token of prompt, ten a token of reply."""


@pytest.fixture
async def hot(database_url: str) -> AsyncIterator[HotStore]:
    async with HotStore(database_url) as hot:
        yield hot


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


def draft_of(name: str, *, stream: bool) -> str:
    """As a hold keeps an exchange that has just begun."""
    row = replace(
        usage(name, unit="USD"),
        stream=stream,
        status="failed",
        http_status=503,
        fault="node_lost",
        quality="recovered",
        tariff=encode_tariff(TARIFF),
    )
    return encode_draft(Draft(row, "platform/revenue", "platform/shortfall"))


async def test_what_a_dead_node_held_is_charged_at_its_last_counts(
    hot: HotStore, database: Database, database_url: str
) -> None:
    """A stream with words had been answered 200; silence costs nothing; the living keep what is theirs."""
    clock = FixedClock(NOON)
    await fill(database_url, {WALLET: 10_000})
    async with database.write() as work:
        lease = {"id": "node_2", "name": "n", "started_at": NOON, "renewed_at": NOON}
        await work.session.execute(insert(Node).values(**lease))
    for name in ("ex_1", "ex_2"):
        asked = hold(name, 1_000, draft=draft_of(name, stream=True))
        await hot.hold(replace(asked, input_fresh=0))
    await hot.hold(hold("ex_3", 1_000, node="node_2", draft=draft_of("ex_3", stream=True)))
    await hot.count([RunningCount(ExchangeId("ex_1"), 7, 0, 0, 30, 5)])

    sweep = OrphanSweep(database, hot, Nodes(database, clock), clock)

    assert (2, 0) == (await sweep.settle(), await sweep.settle())
    async with database.read() as view:
        begun, silent = [await view.session.get_one(Usage, name) for name in ("ex_1", "ex_2")]
        assert await view.session.get(Usage, "ex_3") is None
    assert ("recovered", 200, "node_lost", 307) == (begun.quality, begun.http_status, begun.fault, begun.cost)
    assert (503, 0, 0) == (silent.http_status, silent.cost, silent.output)
    books = await read_books(database_url)
    assert {"ex_1": "recovered", "ex_2": "recovered", "ex_3": "held"} == {
        name: state for name, (state, _) in books.holds.items()
    }


async def test_searches_of_a_dead_nodes_exchange_are_charged_like_its_tokens(
    hot: HotStore, database: Database, database_url: str
) -> None:
    await fill(database_url, {WALLET: 10_000})
    draft = decode_draft(draft_of("ex_1", stream=True))
    tariff = encode_tariff(replace(TARIFF, search=2_000))
    draft = replace(draft, row=replace(draft.row, tariff=tariff))
    await hot.hold(hold("ex_1", 9_000, draft=encode_draft(draft)))
    await hot.count([RunningCount(ExchangeId("ex_1"), 7, 0, 0, 30, 5, 3)])
    clock = FixedClock(NOON)

    assert 1 == await OrphanSweep(database, hot, Nodes(database, clock), clock).settle()

    async with database.read() as view:
        row = await view.session.get_one(Usage, "ex_1")
    assert (row.searches, row.cost) == (3, 307 + 3 * 2_000)


async def test_a_whole_reply_that_died_with_its_node_costs_nothing(
    hot: HotStore, database: Database, database_url: str
) -> None:
    """Not a word of it had been delivered."""
    await fill(database_url, {WALLET: 10_000})
    await hot.hold(hold("ex_1", 1_000, draft=draft_of("ex_1", stream=False)))
    await hot.count([RunningCount(ExchangeId("ex_1"), 7, 0, 0, 30, 5)])
    clock = FixedClock(NOON)

    assert 1 == await OrphanSweep(database, hot, Nodes(database, clock), clock).settle()

    async with database.read() as view:
        row = await view.session.get_one(Usage, "ex_1")
    assert (503, 0) == (row.http_status, row.cost)
    assert (10_000, 0) == (await read_books(database_url)).purses[WALLET]
