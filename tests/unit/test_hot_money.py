"""The contract of holds and settlements, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import delete

from tests.books import NOON, WALLET, fill, hold, read_books, settlement, usage
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ExchangeId
from tokenmill.store.database import open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.rows import HoldAnswer, PurseAsked, RunningCount, RunningHold, Settled

WINDOW = PurseAsked(id="window/sub_1/5h/3", opens_with=50, expires_at=NOON + timedelta(hours=5))


@pytest.fixture
async def hot(database_url: str) -> AsyncIterator[HotStore]:
    async with HotStore(database_url) as hot:
        yield hot


async def test_a_hundred_at_once_on_a_balance_for_ten_leave_ten(hot: HotStore, database_url: str) -> None:
    """Nobody gets more than there is, and whoever is refused hears how much was free."""
    await fill(database_url, {WALLET: 100})
    answers = await asyncio.gather(*(hot.hold(hold(f"ex_{number:03}", 10)) for number in range(100)))
    assert [answer.granted for answer in answers].count(10) == 10
    assert [answer for answer in answers if answer.granted is None] == [HoldAnswer(None, (0,), (100,))] * 90
    books = await read_books(database_url)
    assert books.purses[WALLET] == (100, 100)
    assert len(books.holds) == 10


async def test_a_hold_takes_what_is_free_down_to_the_least_it_needs(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 25})
    assert await hot.hold(hold("ex_1", 20, 5)) == HoldAnswer(20, (25,), (25,))
    assert await hot.hold(hold("ex_2", 20, 5)) == HoldAnswer(5, (5,), (25,))
    assert await hot.hold(hold("ex_3", 20, 1)) == HoldAnswer(None, (0,), (25,))
    assert set((await read_books(database_url)).holds) == {"ex_1", "ex_2"}


async def test_a_hold_is_in_every_purse_at_once_and_the_scarcest_rules(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100, "cap/key_1": 30})
    assert await hot.hold(hold("ex_1", 50, 10, WALLET, "cap/key_1")) == HoldAnswer(30, (100, 30), (100, 30))
    assert await hot.hold(hold("ex_2", 50, 10, WALLET, "cap/key_1")) == HoldAnswer(None, (70, 0), (100, 30))
    assert await hot.hold(hold("ex_3", 50)) == HoldAnswer(50, (70,), (100,))
    books = await read_books(database_url)
    assert books.purses == {WALLET: (100, 80), "cap/key_1": (30, 30)}


async def test_a_refusal_says_whether_waiting_may_help(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100, "cap/key_1": 30})
    await hot.hold(hold("ex_1", 30, 30, WALLET, "cap/key_1"))
    answer = await hot.hold(hold("ex_2", 50, 20, WALLET, "cap/key_1"))
    assert answer.granted is None
    assert (answer.could_pay(30), answer.could_pay(31)) == (True, False)


async def test_a_purse_that_is_not_there_has_nothing(hot: HotStore) -> None:
    assert await hot.hold(hold("ex_1", 10, 1)) == HoldAnswer(None, (0,), (0,))


async def test_a_window_opens_with_the_first_hold_and_only_once(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {"credits/sub_1": 1000}, "credits")
    purses = ("credits/sub_1", WINDOW)
    answers = await asyncio.gather(
        *(hot.hold(hold(f"ex_{number}", 20, 20, *purses, unit="credits")) for number in range(4))
    )
    assert [answer.granted for answer in answers] == [20, 20, None, None]
    assert answers[0].free == (1000, 50)
    assert (await read_books(database_url)).purses[WINDOW.id] == (50, 40)


async def test_a_swept_window_limits_a_running_exchange_no_more(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {"credits/sub_1": 1000}, "credits")
    spent = settlement("ex_1", 300, "credits/sub_1", WINDOW.id, unit="credits")
    assert await hot.settle(spent) == Settled(300, 0)
    assert (await read_books(database_url)).purses == {"credits/sub_1": (700, 0)}


async def test_a_hold_asked_for_again_answers_as_before_and_holds_nothing_more(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 80))
    again = await asyncio.gather(hot.hold(hold("ex_1", 80)), hot.hold(hold("ex_1", 10)))
    assert [answer.granted for answer in again] == [80, 80]
    assert (await read_books(database_url)).purses[WALLET] == (100, 80)


async def test_a_hold_that_comes_after_its_settlement_holds_nothing(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.settle(settlement("ex_1", 0))
    assert await hot.hold(hold("ex_1", 80)) == HoldAnswer(None)
    assert (await read_books(database_url)).purses[WALLET] == (100, 0)


async def test_an_exchange_that_costs_nothing_is_held_without_purses(
    hot: HotStore, database_url: str
) -> None:
    free = replace(hold("ex_1", 0), purses=())
    assert await hot.hold(free) == HoldAnswer(0)
    assert [held.id for held in await hot.running(["node_1"])] == ["ex_1"]
    ended = replace(settlement("ex_1", 0), purses=())
    assert await hot.settle(ended) == Settled(0, 0)
    books = await read_books(database_url)
    assert (books.holds, books.usage, books.transfers) == ({"ex_1": ("released", 0)}, {"ex_1": (0, 0)}, [])


async def test_a_hold_grows_until_too_little_is_left(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100, "cap/key_1": 60})
    await hot.hold(hold("ex_1", 20, 20, WALLET, "cap/key_1"))
    exchange = ExchangeId("ex_1")
    assert await hot.grow(exchange, held=20, want=30, least=10) == 30
    assert await hot.grow(exchange, held=50, want=30, least=10) == 10
    assert await hot.grow(exchange, held=60, want=30, least=10) == 0
    books = await read_books(database_url)
    assert books.holds == {"ex_1": ("held", 60)}
    assert books.purses == {WALLET: (100, 60), "cap/key_1": (60, 60)}


async def test_a_growth_that_was_not_heard_of_is_told_and_not_done_again(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 20))
    assert [await hot.grow(ExchangeId("ex_1"), held=20, want=30, least=10) for _ in range(2)] == [30, 30]
    assert (await read_books(database_url)).purses[WALLET] == (100, 50)


async def test_nothing_grows_that_is_settled_or_was_never_held(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 20))
    await hot.settle(settlement("ex_1", 5))
    assert await hot.grow(ExchangeId("ex_1"), held=20, want=30, least=10) == 0
    assert await hot.grow(ExchangeId("ex_2"), held=0, want=30, least=10) == 0
    assert (await read_books(database_url)).purses[WALLET] == (95, 0)


async def test_a_settlement_gives_the_hold_back_takes_the_cost_and_posts_it(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100, "cap/key_1": 40})
    await hot.hold(hold("ex_1", 30, 30, WALLET, "cap/key_1"))
    assert await hot.settle(settlement("ex_1", 12, WALLET, "cap/key_1")) == Settled(12, 0)
    books = await read_books(database_url)
    assert books.purses == {WALLET: (88, 0), "cap/key_1": (28, 0)}
    assert books.holds == {"ex_1": ("settled", 30)}
    assert books.usage == {"ex_1": (12, 0)}
    assert books.accounts == {WALLET: 88, "platform/granted": -100, "platform/revenue": 12}
    assert books.transfers == ["exchange:ex_1", "grant:wallet/acc_1"]


async def test_a_settlement_may_take_more_than_was_held(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 30))
    await hot.hold(hold("ex_2", 40))
    assert await hot.settle(settlement("ex_1", 55)) == Settled(55, 0)
    assert (await read_books(database_url)).purses[WALLET] == (45, 40)


async def test_what_nobody_can_pay_is_posted_as_a_shortfall(hot: HotStore, database_url: str) -> None:
    """The holds of others are not touched for it, and the usage row tells of it."""
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 30))
    await hot.hold(hold("ex_2", 40))
    assert await hot.settle(settlement("ex_1", 75)) == Settled(60, 15)
    books = await read_books(database_url)
    assert books.purses[WALLET] == (40, 40)
    assert books.usage == {"ex_1": (75, 15)}
    assert books.accounts["platform/revenue"] == 75
    assert books.accounts["platform/shortfall"] == -15


async def test_all_of_it_is_a_shortfall_where_there_is_no_money(hot: HotStore, database_url: str) -> None:
    assert await hot.settle(settlement("ex_1", 75)) == Settled(0, 75)
    books = await read_books(database_url)
    assert books.accounts == {"platform/revenue": 75, "platform/shortfall": -75}


async def test_a_release_posts_nothing_and_still_leaves_its_row(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 30))
    assert await hot.settle(settlement("ex_1", 0)) == Settled(0, 0)
    books = await read_books(database_url)
    assert (books.purses[WALLET], books.usage) == ((100, 0), {"ex_1": (0, 0)})
    assert books.holds == {"ex_1": ("released", 30)}
    assert books.transfers == ["grant:wallet/acc_1"]


async def test_an_exchange_is_settled_once_whoever_tries(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 30))
    settled = await asyncio.gather(
        *(hot.settle(settlement("ex_1", cost, state="recovered")) for cost in (20, 25, 20, 0)),
    )
    assert settled == [Settled(20, 0), *[Settled(20, 0, first=False)] * 3]
    assert await hot.settle(settlement("ex_1", 20)) == Settled(20, 0, first=False)
    books = await read_books(database_url)
    assert (books.purses[WALLET], books.usage) == ((80, 0), {"ex_1": (20, 0)})
    assert books.holds == {"ex_1": ("recovered", 30)}


async def test_two_nodes_settle_an_exchange_once(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 10_000})
    async with HotStore(database_url) as other:
        names = [f"ex_{number:02}" for number in range(40)]
        await asyncio.gather(*(hot.hold(hold(name, 30)) for name in names))
        settled = await asyncio.gather(
            *(hot.settle(settlement(name, 20)) for name in names),
            *(other.settle(settlement(name, 20)) for name in reversed(names)),
        )
    assert sum(each.first for each in settled) == 40
    assert (await read_books(database_url)).purses[WALLET] == (10_000 - 40 * 20, 0)


async def test_a_hold_that_was_forgotten_is_made_up_for(hot: HotStore, database_url: str) -> None:
    """As after a machine lost its power: PostgreSQL does not wait for the disk before it grants a hold."""
    await fill(database_url, {WALLET: 100})
    assert await hot.settle(settlement("ex_1", 30)) == Settled(30, 0)
    assert await hot.settle(settlement("ex_1", 30)) == Settled(30, 0, first=False)
    books = await read_books(database_url)
    assert (books.purses[WALLET], books.holds) == ((70, 0), {"ex_1": ("settled", 0)})


async def test_an_exchange_whose_hold_was_swept_is_not_charged_again(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100})
    await hot.settle(settlement("ex_1", 30))
    async with open_database(database_url) as database, database.write() as work:
        await work.session.execute(delete(Hold))
    assert await hot.settle(settlement("ex_1", 30)) == Settled(30, 0, first=False)
    assert (await read_books(database_url)).purses[WALLET] == (70, 0)


async def test_a_hold_goes_back_to_its_own_purses_whatever_the_settlement_names(
    hot: HotStore, database_url: str
) -> None:
    await fill(database_url, {WALLET: 100, "wallet/acc_2": 50})
    await hot.hold(hold("ex_1", 30))
    assert await hot.settle(settlement("ex_1", 20, "wallet/acc_2")) == Settled(20, 0)
    assert (await read_books(database_url)).purses == {WALLET: (100, 0), "wallet/acc_2": (30, 0)}


async def test_a_poisonous_operation_harms_no_neighbour(hot: HotStore, database_url: str) -> None:
    """Half a surrogate pair fits into no database, and so large a number into none of its columns."""
    await fill(database_url, {WALLET: 100})
    await hot.hold(hold("ex_1", 30))
    outcomes = await asyncio.gather(
        hot.hold(hold("ex_2", 10)),
        hot.hold(hold("ex_3", 10, draft="\ud800")),
        hot.settle(settlement("ex_1", 5)),
        hot.settle(settlement("ex_4", 5, client="\ud800")),
        hot.settle(settlement("ex_5", 2**70)),
        hot.add_usage(usage("ex_6")),
        return_exceptions=True,
    )
    assert [outcomes[at] for at in (0, 2, 5)] == [HoldAnswer(10, (70,), (100,)), Settled(5, 0), None]
    for poisoned in (outcomes[at] for at in (1, 3, 4)):
        assert isinstance(poisoned, Fault)
        assert poisoned.code is Code.INTERNAL
    books = await read_books(database_url)
    assert books.purses[WALLET] == (95, 10)
    assert set(books.usage) == {"ex_1", "ex_6"}


async def test_counts_are_kept_of_what_runs_and_of_nothing_else(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    for name in ("ex_1", "ex_2"):
        await hot.hold(hold(name, 30, draft=f'{{"id": "{name}"}}'))
    await hot.settle(settlement("ex_2", 1))
    counts = [RunningCount(ExchangeId(name), 1, 2, 3, 4, 5) for name in ("ex_1", "ex_2", "ex_3")]
    await hot.count(counts)
    await hot.count([])
    assert await hot.running(["node_1"]) == [
        RunningHold(
            ExchangeId("ex_1"),
            AccountId("acc_1"),
            (WALLET,),
            30,
            "node_1",
            NOON,
            '{"id": "ex_1"}',
            counts[0],
        )
    ]


async def test_what_runs_is_read_by_node_and_page(hot: HotStore, database_url: str) -> None:
    await fill(database_url, {WALLET: 100})
    for number, node in enumerate(("node_1", "node_2", "node_3", "node_2")):
        await hot.hold(hold(f"ex_{number}", 10, node=node))
    assert [held.id for held in await hot.running(["node_2", "node_3"])] == ["ex_1", "ex_2", "ex_3"]
    assert [held.id for held in await hot.running(["node_2", "node_3"], limit=2)] == ["ex_1", "ex_2"]
    assert await hot.running([]) == []
    first = (await hot.running(["node_1"]))[0]
    assert first.count == RunningCount(ExchangeId("ex_0"), 7, 0, 0, 0, 0)


async def test_a_cancelled_caller_changes_nothing_for_the_books(hot: HotStore, database_url: str) -> None:
    """The operation is carried out all the same, so whoever settles afterwards finds the hold."""
    await fill(database_url, {WALLET: 100})
    holding = asyncio.create_task(hot.hold(hold("ex_1", 30)))
    neighbour = asyncio.create_task(hot.hold(hold("ex_2", 30)))
    await asyncio.sleep(0)
    holding.cancel()
    assert (await neighbour).granted == 30
    assert (await read_books(database_url)).purses[WALLET] == (100, 60)
    assert await hot.settle(settlement("ex_1", 0)) == Settled(0, 0)
    assert (await read_books(database_url)).purses[WALLET] == (100, 30)
