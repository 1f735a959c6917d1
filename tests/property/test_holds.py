"""Both databases answer as a few lines of Python would, whatever is asked for at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.books import fill, hold, read_books, settlement
from tokenmill.kit.ids import ExchangeId
from tokenmill.store.hot import HotStore
from tokenmill.store.rows import Growth, HoldAnswer, HoldAsked, PurseAsked, Settled, Settlement

Operation = HoldAsked | Growth | Settlement
WALLETS = ("wallet/a", "wallet/b", "wallet/none")
LIMITS = ("cap/a", "window/a", "cap/none")
WINDOW_OPENS_WITH = 15
BALANCES = {"wallet/a": 40, "wallet/b": 7, "cap/a": 20}

_runs = count()


@dataclass(slots=True)
class Model:
    """Purses as [balance, held], holds as [purses, amount, state], and what settlements answered."""

    purses: dict[str, list[int]]
    holds: dict[str, tuple[tuple[str, ...], int, bool]] = field(default_factory=dict)
    settled: dict[str, Settled] = field(default_factory=dict)

    def answers(self, group: list[Operation]) -> list[HoldAnswer | int | Settled]:
        """What a group answers; the windows that it opens are open for all of it."""
        for asked in group:
            for purse in asked.purses if isinstance(asked, HoldAsked) else ():
                if purse.opens_with is not None:
                    self.purses.setdefault(purse.id, [purse.opens_with, 0])
        return [self._answer(asked) for asked in group]

    def _answer(self, asked: Operation) -> HoldAnswer | int | Settled:
        match asked:
            case HoldAsked():
                return self._hold(asked)
            case Growth():
                return self._grow(asked)
            case Settlement():
                return self._settle(asked)

    def _hold(self, asked: HoldAsked) -> HoldAnswer:
        if asked.id in self.holds:
            _, amount, running = self.holds[asked.id]
            return HoldAnswer(amount if running else None)
        names = tuple(purse.id for purse in asked.purses)
        states = [self.purses.get(name, [0, 0]) for name in names]
        free = tuple(balance - held for balance, held in states)
        balances = tuple(balance for balance, _ in states)
        granted = min(asked.want, *free)
        if granted < asked.least:
            return HoldAnswer(None, free, balances)
        self.holds[asked.id] = (names, granted, True)
        self._set_aside(names, granted)
        return HoldAnswer(granted, free, balances)

    def _grow(self, asked: Growth) -> int:
        names, amount, running = self.holds.get(asked.id, ((), 0, False))
        if not running:
            return 0
        if amount != asked.held:
            return max(0, amount - asked.held)
        grown = min(asked.want, self._free(names))
        if grown < asked.least:
            return 0
        self.holds[asked.id] = (names, amount + grown, True)
        self._set_aside(names, grown)
        return grown

    def _settle(self, asked: Settlement) -> Settled:
        if asked.id in self.settled:
            return replace(self.settled[asked.id], first=False)
        names, amount, _ = self.holds.get(asked.id, ((), 0, False))
        self._set_aside(names, -amount)
        taken = min(asked.cost, self._free(asked.purses))
        for name in asked.purses:
            if name in self.purses:
                self.purses[name][0] -= taken
        self.holds[asked.id] = (asked.purses, amount, False)
        self.settled[asked.id] = Settled(taken, asked.cost - taken)
        return self.settled[asked.id]

    def _free(self, names: tuple[str, ...]) -> int:
        if names[0] not in self.purses:
            return 0
        return min(self.purses[name][0] - self.purses[name][1] for name in names if name in self.purses)

    def _set_aside(self, names: tuple[str, ...], amount: int) -> None:
        for name in names:
            if name in self.purses:
                self.purses[name][1] += amount


amounts = st.integers(0, 30)
exchanges = st.sampled_from(["ex_1", "ex_2", "ex_3", "ex_4"])
purse_names = st.builds(
    lambda wallet, limits: (wallet, *sorted(limits)),
    st.sampled_from(WALLETS),
    st.frozensets(st.sampled_from(LIMITS), max_size=2),
)


def _hold(exchange: str, names: tuple[str, ...], amount: int, other: int) -> HoldAsked:
    opening = {name: WINDOW_OPENS_WITH for name in names if name.startswith("window")}
    purses = [PurseAsked(id=name, opens_with=opening.get(name)) for name in names]
    return hold(exchange, max(amount, other), min(amount, other), *purses)


def _grow(exchange: str, held: int, amount: int, other: int) -> Growth:
    return Growth(id=ExchangeId(exchange), held=held, want=max(amount, other), least=min(amount, other))


operations = st.one_of(
    st.builds(_hold, exchanges, purse_names, amounts, amounts),
    st.builds(_grow, exchanges, amounts, amounts, amounts),
    st.builds(
        lambda exchange, cost, names: settlement(exchange, cost, *names), exchanges, amounts, purse_names
    ),
)


def _renamed(asked: Operation, run: int) -> Operation:
    """With names that no other run uses, for all share a database."""
    exchange = ExchangeId(f"{run:05}_{asked.id}")
    match asked:
        case HoldAsked():
            purses = tuple(replace(purse, id=f"{purse.id}/{run}") for purse in asked.purses)
            return replace(asked, id=exchange, purses=purses)
        case Settlement():
            purse_ids = tuple(f"{purse}/{run}" for purse in asked.purses)
            return replace(asked, id=exchange, purses=purse_ids, row=replace(asked.row, id=exchange))
        case Growth():
            return replace(asked, id=exchange)


async def _ask(hot: HotStore, asked: Operation) -> HoldAnswer | int | Settled:
    match asked:
        case HoldAsked():
            return await hot.hold(asked)
        case Settlement():
            return await hot.settle(asked)
        case Growth():
            return await hot.grow(asked.id, held=asked.held, want=asked.want, least=asked.least)


@pytest.fixture
async def hot(database_url: str) -> AsyncIterator[HotStore]:
    async with HotStore(database_url) as hot:
        yield hot


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(operations, min_size=1, max_size=6), min_size=1, max_size=5))
async def test_answers_and_books_are_those_of_the_model(
    hot: HotStore, database_url: str, groups: list[list[Operation]]
) -> None:
    run = next(_runs)
    balances = {f"{name}/{run}": balance for name, balance in BALANCES.items()}
    await fill(database_url, balances)
    model = Model({name: [balance, 0] for name, balance in balances.items()})
    for group in groups:
        asked = [_renamed(each, run) for each in group]
        answers = await asyncio.gather(*(_ask(hot, each) for each in asked))
        assert answers == model.answers(asked)
    books = await read_books(database_url)
    ours = {name: state for name, state in books.purses.items() if name.endswith(f"/{run}")}
    assert ours == {name: tuple(state) for name, state in model.purses.items()}
