"""Tells one request's whole life: model, route, upstream, reply, settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial

import msgspec
import structlog

from tokenmill.accounts.key_check import Caller
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model
from tokenmill.conversation.events import Failed, Heartbeat, Started, UsageSeen
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.admission import Admission
from tokenmill.exchange.attachments import Attachments
from tokenmill.exchange.attempts import PATIENCE, WAITS, passes_elsewhere, wait_of
from tokenmill.exchange.defaults import with_defaults
from tokenmill.exchange.discretion import discreet_frames, discretion
from tokenmill.exchange.estimate import Calibration
from tokenmill.exchange.hold import Hold
from tokenmill.exchange.modalities import without_media
from tokenmill.exchange.moderating import Moderators
from tokenmill.exchange.naming import named, naming
from tokenmill.exchange.prefix import with_stable_prefix
from tokenmill.exchange.recall import Recall
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.routing import routes
from tokenmill.exchange.running import Running, tried
from tokenmill.exchange.seals import AccountSeals
from tokenmill.exchange.searching.gate import Plan, planned_search
from tokenmill.exchange.searching.rules import prepared, searching_tool
from tokenmill.exchange.searching.turns import Finder, Searching
from tokenmill.exchange.settlement import Settlements
from tokenmill.exchange.steps.chain import Chain
from tokenmill.exchange.ticket import Asked, Ticket
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, ModelId
from tokenmill.kit.sealing import Sealer
from tokenmill.ports import Engine, Route, ServedBy

log = structlog.get_logger()

KeyReader = Callable[[str], str]
"""Reads the key that `env:NAME` or `file:PATH` names. Raises Fault(MISCONFIGURED) when there is none."""


class Exchanges:
    """Runs exchanges; all it needs is passed in."""

    def __init__(
        self,
        *,
        catalogue: Callable[[], Catalogue],
        engines: Mapping[str, Engine],
        admission: Admission,
        settlements: Settlements,
        clock: Clock,
        read_key: KeyReader,
        sealer: Sealer,
        recall: Recall,
        moderators: Moderators | None = None,
        attachments: Attachments,
        finder: Finder | None = None,
        waits: tuple[float, ...] = WAITS,
    ) -> None:
        """`finder` searches the web; None: nobody does.

        `waits` are the seconds before each further round over the targets.
        """
        self._catalogue = catalogue
        self._engines = engines
        self._admission = admission
        self._settlements = settlements
        self._clock = clock
        self._read_key = read_key
        self._sealer = sealer
        self._recall = recall
        self._moderators = moderators
        self._attachments = attachments
        self._finder = finder
        self._waits = waits
        self._calibration = Calibration()

    @asynccontextmanager
    async def begin(self, request: Request, asked: Asked) -> AsyncIterator[Replying]:
        """Opens the reply; leaving the block ends it upstream and settles it, exactly once.

        Raises Fault for whatever keeps the reply from beginning; a fault after that comes
        as a Failed event or out of `Running.frames`.
        """
        with naming(request, asked.protocol):
            model, ways, planned, drops = await self._prepare(request, asked.caller)
        search = None
        if searching_tool(planned) is not None:
            search = await self._plan_search(planned, model, ways, asked)
            planned, ways = search.request, search.ways
        ticket = Ticket(asked, planned, ModelId(model.id), self._clock, self._calibration)
        ticket.drops.extend(named(drops, request, asked.protocol))
        if search is not None:
            ticket.drops.extend(search.drops)
        ticket.harvest = self._recall.listen(planned, asked.caller, asked.protocol)
        moderating = None if self._moderators is None else self._moderators.of(asked.whose(model.id))
        ticket.moderating = moderating
        check = None if moderating is None else moderating.check
        async with self._admission.admit(asked.caller, planned, model, ways, ticket, check) as hold:
            try:
                request, recalled = await self._recall.restored(planned, asked.caller, ways)
                ticket.drops.extend(recalled)
                async with AsyncExitStack() as upstream:
                    if search is None or search.rules is None:
                        yield await self._open_first(request, model, ways, ticket, hold, upstream)
                    else:
                        yield await self._search(request, search, model, ticket, hold, upstream)
            except Fault as fault:
                ticket.failed(fault)
                raise
            except (asyncio.CancelledError, GeneratorExit):
                ticket.cancelled()
                raise
            except Exception:
                ticket.failed(Fault(Code.INTERNAL, "The platform failed."))
                raise
            finally:
                self._recall.keep(ticket.harvest)
                if moderating is not None:
                    ticket.drops[:0] = moderating.notes()
                await self._settlements.end(ticket, hold)

    async def count(self, request: Request, caller: Caller, protocol: Vendor) -> tuple[int, bool]:
        """The tokens of the prompt, and whether a target counted them itself; else it is an estimate.

        Raises Fault as `begin` does, but for faults of the upstream. It costs nothing and leaves no row.
        """
        with naming(request, protocol):
            model, ways, request, _ = await self._prepare(request, caller)
            if searching_tool(request) is not None and not ways[0].native_search:
                request, _ = prepared(request, protocol, model.context_window)
        await self._admission.terms(caller, model, ways)
        route = ways[0]
        engine = self._engines[route.engine]
        ready, _ = with_defaults(request, model, route, engine.served_by(route))
        with naming(ready, protocol):
            counted = await engine.count(ready, self._with_key(route))
        if counted is not None:
            return counted, True
        return self._calibration.input_tokens(f"{caller.account_id}/{model.id}", request), False

    async def must_be_sold(self, model: Model, caller: Caller) -> None:
        """Raises Fault(MODEL_NOT_SOLD | KEY_ENDED | NO_TARGET) unless the caller may use the model."""
        _must_be_allowed(caller, model)
        ways = routes(self._catalogue(), model, frozenset(self._engines))
        await self._admission.terms(caller, model, ways)

    def seals(self, account: AccountId) -> AccountSeals:
        """What seals reasoning for callers of this account."""
        return AccountSeals(self._sealer, account)

    def served_by(self, model: Model) -> ServedBy | None:
        """What really answers for `model` on its best route, if an engine here knows."""
        best = routes(self._catalogue(), model, frozenset(self._engines))[0]
        return self._engines[best.engine].served_by(best)

    async def _prepare(
        self, request: Request, caller: Caller
    ) -> tuple[Model, tuple[Route, ...], Request, tuple[Drop, ...]]:
        """What `_plan` says, with the files of the request in it."""
        request, files = await self._attachments.known(request, caller.account_id)
        model, ways, request, drops = self._plan(request, caller)
        request, left = await self._attachments.loaded(request, files, ways)
        return model, ways, request, (*drops, *left)

    def _plan(
        self, request: Request, caller: Caller
    ) -> tuple[Model, tuple[Route, ...], Request, tuple[Drop, ...]]:
        """Who may answer what; the request is as the model is to have it, whatever the route."""
        catalogue = self._catalogue()
        model = catalogue.find(request.model, self._clock.now())
        _must_be_allowed(caller, model)
        ways = routes(catalogue, model, frozenset(self._engines))
        request, unsealed = self.seals(caller.account_id).open(request)
        request, unseen = without_media(request, model)
        request, unsaid = with_stable_prefix(request)
        return model, ways, request, (*unsealed, *unseen, *unsaid)

    async def _plan_search(
        self, request: Request, model: Model, ways: tuple[Route, ...], asked: Asked
    ) -> Plan:
        """How a request that offers a web search goes on. Raises Fault(UNSUPPORTED)."""
        terms = await self._admission.terms(asked.caller, model, ways)
        provided = self._finder is not None
        with naming(request, asked.protocol):
            plan = planned_search(
                request, model, ways, asked.caller, terms, asked.protocol, provided=provided
            )
        return msgspec.structs.replace(plan, drops=named(plan.drops, request, asked.protocol))

    async def _search(
        self, request: Request, plan: Plan, model: Model, ticket: Ticket, hold: Hold, upstream: AsyncExitStack
    ) -> Replying:
        """The reply of a model for which we search; whoever answered its first turn is asked first again."""
        assert self._finder is not None
        assert plan.rules is not None

        async def open_turn(asked: Request, held_open: AsyncExitStack) -> Replying:
            ways = tuple(sorted(plan.ways, key=lambda way: way.target != ticket.target))
            return await self._open_first(asked, model, ways, ticket, hold, held_open)

        searching = Searching(
            request,
            plan.rules,
            finder=self._finder,
            ticket=ticket,
            hold=hold,
            open_turn=open_turn,
            held_open=await upstream.enter_async_context(AsyncExitStack()),
            sources_first=request.stream and ticket.protocol == "openai_chat",
        )
        return await searching.begin()

    async def _open_first(
        self,
        request: Request,
        model: Model,
        ways: tuple[Route, ...],
        ticket: Ticket,
        hold: Hold,
        upstream: AsyncExitStack,
    ) -> Running:
        """Tries the routes in turn, and those that may recover again, until one has said its first frame."""
        began = self._clock.monotonic()
        for usual in (*self._waits, None):
            recovering: list[Route] = []
            pause = 0.0
            for at, route in enumerate(ways):
                again = partial(self._open_first, request, model, ways[at + 1 :], ticket, hold, upstream)
                try:
                    return await self._open(
                        request, model, route, ticket, hold, upstream, again if ways[at + 1 :] else None
                    )
                except Fault as fault:
                    if not passes_elsewhere(fault):
                        raise
                    last = fault
                    ticket.drops.append(tried(route.target, fault))
                    log.warning("target failed", target=route.target, fault=fault.message)
                wait = None if usual is None else wait_of(last, usual)
                if wait is not None:
                    recovering.append(route)
                    pause = max(pause, wait)
            if not recovering or self._clock.monotonic() - began + pause > PATIENCE:
                break
            await asyncio.sleep(pause)
            ways = tuple(recovering)
        raise last

    async def _open(
        self,
        request: Request,
        model: Model,
        route: Route,
        ticket: Ticket,
        hold: Hold,
        upstream: AsyncExitStack,
        again: Callable[[], Awaitable[Running]] | None,
    ) -> Running:
        engine = self._engines[route.engine]
        served_by = engine.served_by(route)
        ticket.send_by(route)
        ready, drops = with_defaults(request, model, route, served_by)
        async with AsyncExitStack() as attempt:
            route = self._with_key(route)
            with naming(ready, ticket.protocol), discretion(route):
                opened = await attempt.enter_async_context(engine.open(ready, route))
            frames = await attempt.enter_async_context(aclosing(discreet_frames(opened.frames(), route)))
            opening = await _opening(frames)
            ticket.drops.extend(named((*drops, *opened.drops), ready, ticket.protocol))
            upstream.push_async_exit(attempt.pop_all())
            family = model.markup if model.markup != "none" else route.dialect
            chain = Chain(family, request)
            screen = None if ticket.moderating is None else await ticket.moderating.screen(request)
            return Running(
                ticket, hold, chain, opening, frames, served_by, opened.wire, ready.sampling, again, screen
            )

    def _with_key(self, route: Route) -> Route:
        if route.key_from is None:
            return route
        return msgspec.structs.replace(route, api_key=self._read_key(route.key_from))


async def _opening(frames: AsyncGenerator[Frame]) -> list[Frame]:
    """The frames up to the first that says more than that the upstream is there.

    Until then another target may still be asked: some upstreams greet first and find out afterwards that they
    are overloaded. Raises the Fault of a reply that fails or ends before it said anything.
    """
    opening: list[Frame] = []
    async for frame in frames:
        said = [event for event in frame.events if not isinstance(event, Heartbeat)]
        if said:
            opening.append(frame)
        for event in said:
            if isinstance(event, Failed):
                raise event.fault
            if not isinstance(event, Started | UsageSeen):
                return opening
    raise Fault(Code.UPSTREAM_BROKE, "The model ended its reply before it began. Please try again.")


def _must_be_allowed(caller: Caller, model: Model) -> None:
    if caller.models is not None and model.id not in caller.models:
        raise Fault(
            Code.MODEL_NOT_SOLD,
            f"This key may not use the model '{model.id}'. Use a key that may, or one of: "
            f"{', '.join(sorted(caller.models)) or 'none'}.",
            field="model",
        )
