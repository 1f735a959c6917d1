"""Keeps what one exchange may spend: set aside at its start, enlarged while it runs, settled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from tokenmill.billing.terms import Terms
from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import AccountId, ExchangeId
from tokenmill.store.rows import HoldAnswer, HoldAsked, RunningCount, Settled, Settlement, UsageRow

FIRST_SLICE: Final = 1_024
"""Output tokens that a hold covers at first: agents ask for 32,000 and more, and use a few hundred."""
NEXT_SLICE: Final = 4_096
LEAST: Final = 256
"""Output tokens, or as many as were asked for, below which a request is refused rather than begun."""
MARGIN: Final = 256
"""Output tokens before the end of a slice at which the next one is asked for."""


PIECE: Final = 64
"""Output tokens that the next piece of a reply may bring: what is not paid for is not read."""


class PurseStore(Protocol):
    """The part of the hot store that moves money."""

    async def hold(self, asked: HoldAsked) -> HoldAnswer:
        """Sets money aside, or says how much is free."""
        ...

    async def grow(self, exchange: ExchangeId, *, held: int, want: int, least: int) -> int:
        """Sets aside up to `want` beside the `held` there is; 0 where less than `least` is free."""
        ...

    async def settle(self, settlement: Settlement) -> Settled:
        """Charges, posts and writes the usage row, once."""
        ...

    async def count(self, counts: Sequence[RunningCount]) -> None:
        """Notes what running exchanges have used so far."""
        ...


class Draft(Value, frozen=True):
    """What a survivor has to know to settle an exchange whose node died."""

    row: UsageRow
    charged: str
    unpaid: str


class Hold:
    """The money of one exchange."""

    def __init__(
        self,
        store: PurseStore,
        exchange: ExchangeId,
        account: AccountId,
        terms: Terms,
        *,
        amount: int,
        input_bound: int,
        most_output: int,
    ) -> None:
        """`amount` is what was set aside; `input_bound` and `most_output` are in tokens."""
        self.terms = terms
        self.refused = False
        self._store = store
        self._exchange = exchange
        self._account = account
        self._amount = amount
        self._input_bound = input_bound
        self._most_output = most_output
        self._searches = 0
        self._covered = self._affordable()
        self._growing: asyncio.Task[Fault | None] | None = None
        self._voided = False

    @property
    def covered(self) -> int | None:
        """Output tokens that are paid for; None: any number."""
        return self._covered

    def runs_low(self, output: int) -> bool:
        """Is it time to ask for another slice, `output` tokens into the reply?"""
        covered = self._covered
        if covered is None or output + MARGIN <= covered:
            return False
        return covered < self._most_output or self._outrun(output)

    async def keep_ahead(self, output: int) -> None:
        """Asks for the next slice beside the reply, and waits for it only where nothing is covered any more.

        When none is to be had, `refused` says so from then on. Raises Fault(UNAVAILABLE) when the database
        is away and all that was covered is used: money fails closed.
        """
        if self.refused or self._covered is None:
            return
        if self._growing is None:
            self._growing = asyncio.create_task(self._grow(self._covered))
        if output + PIECE > self._covered:
            fault = await asyncio.shield(self._growing)
            if fault is not None:
                raise fault

    async def take_on(self, input_tokens: int, searches: int = 0) -> bool:
        """Sets more input aside, and searches of the web, beside a little output; False: there is too little.

        Raises Fault(UNAVAILABLE) when the database is away.
        """
        if not self.terms.purses:
            return True
        if self._growing is not None and (fault := await asyncio.shield(self._growing)) is not None:
            raise fault
        bound = self.terms.tariff.bound
        want, least = (bound(input_tokens, output, searches) for output in (FIRST_SLICE, LEAST))
        got = await self._store.grow(self._exchange, held=self._amount, want=want, least=least)
        if got < least or self._voided:
            return False
        self._amount += got
        self._input_bound += input_tokens
        self._searches += searches
        self._covered = self._affordable()
        self.refused = False
        return True

    def void(self) -> None:
        """Somebody has settled the exchange in our stead: from here on nobody pays for its reply."""
        self._voided = True
        if self._covered is not None:
            self._covered = 0
            self.refused = True

    def spent(self, output: int) -> bool:
        """Has the reply reached the end of what is paid for, with no more to be had?"""
        return self.refused and self._covered is not None and output + PIECE > self._covered

    async def settle(self, row: UsageRow, cost: int, at: datetime) -> Settled:
        """Ends the hold with `cost`; may be repeated. Raises Fault(UNAVAILABLE) if the database is away."""
        terms = self.terms
        return await self._store.settle(
            Settlement(
                id=self._exchange,
                account_id=self._account,
                purses=tuple(purse.id for purse in terms.purses),
                unit=terms.unit,
                cost=cost,
                charged=terms.charged,
                unpaid=terms.unpaid,
                state="settled" if cost else "released",
                at=at,
                row=row,
            )
        )

    async def _grow(self, covered: int) -> Fault | None:
        left = self._most_output - covered
        more = min(NEXT_SLICE, left) if left > 0 else NEXT_SLICE
        want, least = self._price_of(more), self._price_of(min(LEAST, more))
        try:
            got = await self._store.grow(self._exchange, held=self._amount, want=want, least=least)
        except Fault as fault:
            return fault
        finally:
            self._growing = None
        if not self.refused:  # It may have become void meanwhile.
            self._amount += got
            self._covered = self._affordable()
            self.refused = got == 0
        return None

    def _outrun(self, output: int) -> bool:
        """Does the upstream say far more than it was asked for? What we count may be off by half."""
        return output > 2 * self._most_output

    def _price_of(self, output: int) -> int:
        return self.terms.tariff.bound(0, output)

    def _affordable(self) -> int | None:
        if not self.terms.purses:
            return None
        return self.terms.tariff.affords(self._amount, self._input_bound, self._searches)


def encode_draft(draft: Draft) -> str:
    """As the hold's row keeps it."""
    return msgspec.json.encode(draft).decode()


def decode_draft(text: str) -> Draft:
    """The inverse."""
    return msgspec.json.decode(text, type=Draft)
