"""Decides whether an exchange may begin: terms, rates, and last the hold, which is the dearest to undo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.billing.terms import (
    CreditRates,
    MoneyRates,
    Subscribed,
    Terms,
    free_terms,
    plan_terms,
    wallet_terms,
)
from tokenmill.catalog.entries import Currency, Model
from tokenmill.conversation.request import Request
from tokenmill.exchange.bounds import HiddenPrompts, input_bound
from tokenmill.exchange.hold import FIRST_SLICE, LEAST, Draft, Hold, PurseStore, encode_draft
from tokenmill.exchange.settlement import Settlements
from tokenmill.exchange.ticket import Ticket
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.limits.limiter import Limiter, Quota, TooFast
from tokenmill.ports import Route
from tokenmill.store.rows import HoldAnswer, HoldAsked

TPM_RESERVE: Final = 4_096
"""Output tokens that a rate window takes a request for, until it is known better."""

PATIENCE: Final = 10.0
"""Seconds that a request waits for money which running requests have set aside, and may not need."""
LOOK_AGAIN: Final = 0.05
"""Seconds between two looks of the request that is first in the line."""

_EXHAUSTED: Final = "Insufficient credits until then: the quota is exhausted; it will reset by itself."
"""Two agents repeat every 429 for minutes: Qwen Code all but those with the words quota, exhausted and
"will reset", OpenClaw all but those with "insufficient credits"."""


class Books(Protocol):
    """Subscriptions and prices of single accounts, from memory."""

    async def subscription(self, subscription_id: str) -> Subscribed | None:
        """The subscription, None when there is none."""
        ...

    async def successor(self, subscription_id: str) -> Subscribed | None:
        """The running subscription that has taken over the keys of this one; None when none has."""
        ...

    def rates(
        self, account: AccountId, model: Model, currency: Currency
    ) -> tuple[MoneyRates | None, CreditRates | None]:
        """What `model` costs this account, in `currency` and in credits; None: not for sale."""
        ...


class Admission:
    """Lets exchanges in, one after the other where they share too little money."""

    def __init__(
        self,
        *,
        books: Books,
        purses: PurseStore,
        settlements: Settlements,
        limiter: Limiter,
        node: str,
        clock: Clock,
        patience: float = PATIENCE,
    ) -> None:
        """`node` is who answers for the holds; `patience` is in seconds."""
        self._books = books
        self._purses = purses
        self._settlements = settlements
        self._limiter = limiter
        self._node = node
        self._clock = clock
        self._patience = patience
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._hidden = HiddenPrompts()

    @asynccontextmanager
    async def admit(
        self,
        caller: Caller,
        request: Request,
        model: Model,
        ways: tuple[Route, ...],
        ticket: Ticket,
        check: Callable[[Request], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Hold]:
        """A place and a hold for the exchange; leaving the block gives the place back, and no money.

        `check` has the last word before money is set aside. Raises its Fault, and:
        Fault: KEY_ENDED, MODEL_NOT_SOLD, RATE_LIMITED, NO_FUNDS, PLAN_USED_UP, UNAVAILABLE.
        """
        terms = await self.terms(caller, model, ways)
        most_output = (request.max_output or model.max_output_tokens) * request.choices
        visible = input_bound(request)
        bound = visible + self._hidden.tokens(model.id)
        tokens = ticket.prompt_estimate + min(most_output, TPM_RESERVE)
        try:
            place = await self._limiter.enter(_quotas(caller, model), tokens)
        except TooFast as fault:
            ticket.placed(fault.standing)
            raise
        try:
            ticket.placed(place.standing)
            if check is not None:
                await check(request)
            try:
                hold = await self._hold(caller, terms, ticket, bound, most_output)
            except Fault as fault:
                terms = await self._terms_since(fault, caller, model, ways)
                hold = await self._hold(caller, terms, ticket, bound, most_output)
            yield hold
        finally:
            if ticket.reported and ticket.alone:
                self._hidden.learn(model.id, visible, ticket.usage.input)
            await place.leave(ticket.usage.total)

    async def terms(self, caller: Caller, model: Model, ways: Iterable[Route]) -> Terms:
        """What the model costs this caller. Raises Fault(KEY_ENDED | MODEL_NOT_SOLD)."""
        costs_nothing = caller.unbilled or all(way.free for way in ways)
        money, credits = self._books.rates(caller.account_id, model, caller.currency)
        if caller.key_kind == "tp":
            subscription_id = caller.subscription_id or ""
            subscribed = await self._books.subscription(subscription_id)
            if subscribed is not None and not subscribed.active:  # The key may have moved on a moment ago.
                subscribed = await self._books.successor(subscription_id) or subscribed
            if subscribed is None:
                raise Fault(Code.KEY_ENDED, "The Token Plan subscription of this key is not there any more.")
            terms = plan_terms(model.id, credits, subscribed, self._clock.now())
            return free_terms("credits") if costs_nothing else terms
        if costs_nothing:
            return free_terms(caller.currency)
        return wallet_terms(
            model.id, money, caller.currency, caller.account_id, caller.key_id, capped=caller.capped
        )

    async def _terms_since(self, fault: Fault, caller: Caller, model: Model, ways: Iterable[Route]) -> Terms:
        """The terms of a plan that was renewed or upgraded a moment ago. Raises `fault` where none was."""
        if fault.code is not Code.PLAN_USED_UP or caller.subscription_id is None:
            raise fault
        successor = await self._books.successor(caller.subscription_id)
        if successor is None:
            raise fault
        moved = msgspec.structs.replace(caller, subscription_id=successor.id)
        return await self.terms(moved, model, ways)

    async def _hold(self, caller: Caller, terms: Terms, ticket: Ticket, bound: int, most_output: int) -> Hold:
        tariff = terms.tariff
        want = tariff.bound(bound, min(most_output, FIRST_SLICE)) if terms.purses else 0
        least = tariff.bound(bound, min(most_output, LEAST)) if terms.purses else 0
        draft = Draft(ticket.draft(terms), terms.charged, terms.unpaid)
        asked = HoldAsked(
            id=ticket.id,
            account_id=caller.account_id,
            purses=terms.purses,
            unit=terms.unit,
            want=want,
            least=least,
            node=self._node,
            at=self._clock.now(),
            draft=encode_draft(draft),
        )
        hold = partial(
            Hold,
            self._purses,
            ticket.id,
            caller.account_id,
            terms,
            input_bound=bound,
            most_output=most_output,
        )
        try:
            answer = await self._purses.hold(asked)
            if answer.granted is None and answer.could_pay(least):
                answer = await self._wait_for(asked)
        except BaseException as error:  # It may have been written all the same.
            ticket.failed(error) if isinstance(error, Fault) else ticket.cancelled()
            self._settlements.end_later(ticket, hold(amount=0))
            raise
        if answer.granted is None:
            raise _refusal(terms, answer, least)
        granted = hold(amount=answer.granted)
        self._settlements.begin(ticket, granted)
        return granted

    async def _wait_for(self, asked: HoldAsked) -> HoldAnswer:
        """Tries again while running requests hold what is missing; who came first is first."""
        purse = asked.purses[0].id
        line = self._lines.get(purse)
        if line is None:
            line = self._lines[purse] = asyncio.Lock()  # Gone with the last who waits in it.
        waited_until = self._clock.monotonic() + self._patience
        try:
            async with asyncio.timeout(self._patience), line:
                while True:
                    answer = await self._purses.hold(asked)
                    late = self._clock.monotonic() >= waited_until
                    if answer.granted is not None or late or not answer.could_pay(asked.least):
                        return answer
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            return await self._purses.hold(asked)


def _quotas(caller: Caller, model: Model) -> tuple[Quota, ...]:
    limits = model.limits
    account = Quota(
        scope=f"{caller.account_id}/{model.id}",
        rpm=caller.limits.rpm or limits.rpm,
        tpm=caller.limits.tpm or limits.tpm,
        concurrency=caller.limits.concurrency,
    )
    own = caller.key_limits
    if own.rpm is None and own.tpm is None and own.concurrency is None:
        return (account,)
    return (account, Quota(scope=caller.key_id, rpm=own.rpm, tpm=own.tpm, concurrency=own.concurrency))


def _refusal(terms: Terms, answer: HoldAnswer, least: int) -> Fault:
    short = next((at for at, free in enumerate(answer.free) if free < least), 0)
    purse = terms.purses[short].id
    match purse.partition("/")[0]:
        case "wallet":
            return Fault(
                Code.NO_FUNDS,
                f"The balance of this account does not cover this request in {terms.unit}. "
                "Top it up in the console (Wallet), or redeem a code there.",
            )
        case "cap":
            return Fault(
                Code.NO_FUNDS,
                "This API key has reached its spending cap. Raise the cap in the console (API keys), "
                "or use another key.",
            )
        case "window":
            renews = rfc3339(terms.renews_at[short])
            name = purse.split("/")[2]
            return Fault(
                Code.PLAN_USED_UP,
                f"The Token Plan's {name} window is used up. It renews at {renews}. {_EXHAUSTED}",
            )
        case _:
            renews = rfc3339(terms.renews_at[short])
            return Fault(
                Code.PLAN_USED_UP,
                f"The credits of this Token Plan are used up. They renew after {renews}; "
                f"an upgrade in the console (Token Plan) brings new ones at once. {_EXHAUSTED}",
            )
