"""Leads a reply for which the platform searches: does what its loop asks for, and pays for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from secrets import token_hex
from time import monotonic
from typing import Final, Protocol

import msgspec

from tokenmill.conversation.events import Event, UsageSeen
from tokenmill.conversation.fold import fold
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Request, Sampling
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.bounds import input_bound
from tokenmill.exchange.estimate import tokens_of_text
from tokenmill.exchange.hold import Hold
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.searching.loop import AskModel, AskSearch, Brought, Said, search_turns
from tokenmill.exchange.searching.one_reply import OneReply
from tokenmill.exchange.searching.rules import Rules
from tokenmill.exchange.searching.sources import Sources
from tokenmill.exchange.steps.chain import UNPAID
from tokenmill.exchange.ticket import Ticket
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import SearchAsked, ServedBy
from tokenmill.search.web_search import Found

AT_ONCE: Final = 5
"""Searches of one round that run side by side."""
ROUND_SECONDS: Final = 30.0
PATIENCE: Final = 300.0
"""Seconds into a reply after which no search begins any more."""

_TOO_LONG: Final = "the search took too long"


class Finder(Protocol):
    """Searches the web."""

    async def search(self, asked: SearchAsked) -> Found:
        """What a search brings; a failure is an answer, too."""
        ...


OpenTurn = Callable[[Request, AsyncExitStack], Awaitable[Replying]]
"""Asks the model; what the turn holds open is on the stack."""


class Searching:
    """One reply of several turns of the model, with searches between them."""

    wire: Vendor | None = None

    def __init__(
        self,
        request: Request,
        rules: Rules,
        *,
        finder: Finder,
        ticket: Ticket,
        hold: Hold,
        open_turn: OpenTurn,
        held_open: AsyncExitStack,
        sources_first: bool,
    ) -> None:
        """`held_open` keeps the running turn; the caller's protocol may want to hear of `sources_first`."""
        self._request = request
        self._rules = rules
        self._finder = finder
        self._ticket = ticket
        self._hold = hold
        self._open_turn = open_turn
        self._held_open = held_open
        self._sources = Sources(token_hex(4))
        self._reply = OneReply(rules, self._sources, token_hex(6), sources_first=sources_first)
        self._loop = search_turns(request, rules, self._sources)
        self._began = monotonic()
        self._searches = self._pages = self._page_tokens = 0
        self._turn: Replying

    async def begin(self) -> Searching:
        """Makes the search that was demanded, and has the model begin. Raises Fault."""
        asked = next(self._loop)
        if isinstance(asked, AskSearch):
            if not await self._hold.take_on(0, len(asked.queries)):
                raise _unaffordable(self._hold)
            found = await self._searched(asked.queries)
            for each in found:
                self._told(each, *self._reply.searching(each.query))  # It waits for the reply to begin.
            asked = self._loop.send(Brought(found))
        assert isinstance(asked, AskModel)
        more = input_bound(asked.request) - input_bound(self._request)
        if more > 0 and not await self._hold.take_on(more):
            raise _unaffordable(self._hold)
        self._turn = await self._open_turn(asked.request, self._held_open)
        return self

    @property
    def served_by(self) -> ServedBy | None:
        """What really answers, if an engine knows."""
        return self._turn.served_by

    @property
    def sampling(self) -> Sampling:
        """What the upstream was asked for."""
        return self._turn.sampling

    @property
    def prompt_estimate(self) -> int:
        """About how many tokens the prompt of the present turn is."""
        return self._ticket.prompt_estimate

    def note(self, drops: Iterable[Drop]) -> None:
        """What the caller could not be told of the reply goes on the record."""
        self._ticket.drops.extend(drops)

    async def elsewhere(self, fault: Fault) -> Replying:
        """Raises `fault`: each turn has tried other targets by itself, where it could."""
        raise fault

    async def frames(self) -> AsyncGenerator[Frame]:
        """The reply's frames. Raises the Fault of a turn that breaks off, after what was held back."""
        try:
            async with aclosing(self._turns()) as turns:
                async for events in turns:
                    if events:
                        yield Frame(tuple(events))
            yield Frame(tuple(self._reply.end(self._ticket.usage)))
        except Fault:
            if held := self._reply.release():
                yield Frame(tuple(held))
            raise
        finally:
            self._note_searches()

    async def _turns(self) -> AsyncGenerator[list[Event]]:
        while True:
            async with aclosing(self._events()) as turn:
                async for events in turn:
                    yield events
            asked = self._after(self._reply.said())
            if asked is None:
                return
            self._ticket.next_turn(self._request)
            if isinstance(asked, AskSearch):
                found: tuple[Found, ...] = ()
                if monotonic() - self._began < PATIENCE and await self._hold.take_on(0, len(asked.queries)):
                    begun, events = self._reply.searching(asked.queries[0])
                    yield events
                    found = await self._searched(asked.queries)
                    for each in found:
                        if each is not found[0]:
                            begun, events = self._reply.searching(each.query)
                            yield events
                        yield self._told(each, begun, [])
                asked = self._after(Brought(found))
            assert isinstance(asked, AskModel)
            if not await self._ask_again(asked.request):
                return

    def _after(self, answer: Said | Brought) -> AskSearch | AskModel | None:
        try:
            return self._loop.send(answer)
        except StopIteration:
            return None

    async def _ask_again(self, request: Request) -> bool:
        """Has the model go on; False where nobody pays for it, which ends the reply."""
        left = None if request.max_output is None else request.max_output - self._ticket.output
        affordable = left is None or left > 0
        if not affordable or not await self._hold.take_on(input_bound(request)):
            if affordable:
                self._ticket.drops.append(Drop("max_tokens", UNPAID))
            self._ticket.watch(UsageSeen(Usage()))
            self._ticket.watch(self._reply.cut())
            return False
        self._ticket.next_turn(request)
        await self._held_open.aclose()
        self._turn = await self._open_turn(msgspec.structs.replace(request, max_output=left), self._held_open)
        return True

    async def _searched(self, queries: Sequence[str]) -> tuple[Found, ...]:
        """What the searches bring, a few at a time; those that take too long have failed."""
        places = asyncio.Semaphore(AT_ONCE)

        async def search(query: str) -> Found:
            rules = self._rules
            asked = SearchAsked(
                query=query,
                limit=rules.limit,
                country=rules.country,
                place=rules.place,
                only=rules.only,
                never=rules.never,
            )
            async with places:
                return await self._finder.search(asked)

        tasks = [asyncio.create_task(search(query)) for query in queries]
        try:
            await asyncio.wait(tasks, timeout=ROUND_SECONDS)
            found = tuple(
                task.result() if task.done() else Found(query=query, error=_TOO_LONG)
                for task, query in zip(tasks, queries, strict=True)
            )
        finally:
            for task in tasks:
                task.cancel()
        answered = [each for each in found if each.error is None]
        pages = sum(each.pages for each in answered)
        self._ticket.searched(len(answered), pages)  # Also where moderation withholds what was found.
        if (moderating := self._ticket.moderating) is not None:
            found = tuple([await moderating.of_search(each) for each in found])
        self._searches += len(answered)
        self._pages += pages
        self._page_tokens += sum(tokens_of_text(source.text) for each in found for source in each.sources)
        return found

    def _told(self, found: Found, id_: str, begun: list[Event]) -> list[Event]:
        cited = [new for source in found.sources if (new := self._sources.take(source)) is not None]
        return [*begun, *self._reply.found(id_, cited, found.error)]

    def _note_searches(self) -> None:
        if self._searches:
            told = (
                f"searches: {self._searches}; pages read: {self._pages}, about {self._page_tokens:,} tokens"
            )
            self._ticket.drops.append(Drop("web_search", told))

    async def _events(self) -> AsyncGenerator[list[Event]]:
        """What the caller gets of the turn; one that is not streamed may be had from another target."""
        self._reply.begin_turn()
        if not self._request.stream:
            yield self._reply.take(await self._whole())
            return
        async with aclosing(self._turn.frames()) as frames:
            async for frame in frames:
                yield self._reply.take(frame.events)

    async def _whole(self) -> list[Event]:
        while True:
            try:
                async with aclosing(self._turn.frames()) as frames:
                    events = [event async for frame in frames for event in frame.events]
                fold(events)
                return events
            except Fault as fault:
                self._turn = await self._turn.elsewhere(fault)


def _unaffordable(hold: Hold) -> Fault:
    if hold.terms.unit == "credits":
        return Fault(
            Code.PLAN_USED_UP,
            "The credits of this Token Plan do not cover a web search and the pages that it finds.",
        )
    return Fault(
        Code.NO_FUNDS,
        f"The balance of this account does not cover a web search and the pages that it finds, in "
        f"{hold.terms.unit}. Top it up in the console (Wallet).",
    )
