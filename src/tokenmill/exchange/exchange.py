"""Tells one request's whole life: model, route, upstream, reply, settlement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Protocol

import msgspec
import structlog

from tokenmill.accounts.key_check import Caller
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model
from tokenmill.conversation.events import Finished, UsageSeen
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import Request
from tokenmill.exchange.defaults import with_defaults
from tokenmill.exchange.routing import routes
from tokenmill.exchange.steps.chain import Chain
from tokenmill.exchange.ticket import Asked, Ticket
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import ModelId
from tokenmill.ports import Engine, Route, ServedBy
from tokenmill.store.rows import UsageRow

log = structlog.get_logger()

ELSEWHERE = frozenset(
    {
        Code.UPSTREAM_AWAY,
        Code.UPSTREAM_BUSY,
        Code.UPSTREAM_TIMEOUT,
        Code.UPSTREAM_BROKE,
        Code.ENGINE_LOADING,
        Code.MISCONFIGURED,
    }
)
"""Faults that another target may not have; all others would meet the same request there."""


KeyReader = Callable[[str], str]
"""Reads the key that `env:NAME` or `file:PATH` names. Raises Fault(MISCONFIGURED) when there is none."""


class Meter(Protocol):
    """Where usage rows go."""

    async def add_usage(self, row: UsageRow) -> None:
        """Keeps `row`; returns once it is safe."""
        ...


class Running:
    """A reply on its way to the caller."""

    def __init__(
        self,
        ticket: Ticket,
        chain: Chain,
        first: Frame,
        rest: AsyncGenerator[Frame],
        served_by: ServedBy | None,
    ) -> None:
        self.served_by = served_by
        self._ticket = ticket
        self._chain = chain
        self._first = first
        self._rest = rest

    async def frames(self) -> AsyncGenerator[Frame]:
        """The reply's frames as they leave the steps; usage is in them before the end, reported or counted.

        Raises the Fault of a reply that breaks off; what the steps held back comes before it.
        """
        try:
            yield self._watched(self._chain.take(self._first))
            async for frame in self._rest:
                yield self._watched(self._chain.take(frame))
                if self._chain.cut:
                    break
        except Fault:
            if held := self._chain.close():
                yield self._watched(Frame(held))
            raise
        finally:
            self._ticket.drops.extend(self._chain.notes())
        if held := self._chain.close():
            yield self._watched(Frame(held))

    def _watched(self, frame: Frame) -> Frame:
        ticket = self._ticket
        for event in frame.events:
            if type(event) is Finished and not ticket.reported:
                return self._with_counted_usage(frame)
            ticket.watch(event)
        return frame

    def _with_counted_usage(self, frame: Frame) -> Frame:
        """The caller is told the same counts that the row keeps."""
        counted = UsageSeen(self._ticket.usage)
        at = next(i for i, event in enumerate(frame.events) if type(event) is Finished)
        for event in frame.events[at:]:
            self._ticket.watch(event)
        return Frame((*frame.events[:at], counted, *frame.events[at:]))


class Exchanges:
    """Runs exchanges; all it needs is passed in."""

    def __init__(
        self,
        *,
        catalogue: Callable[[], Catalogue],
        engines: Mapping[str, Engine],
        meter: Meter,
        clock: Clock,
        read_key: KeyReader,
    ) -> None:
        self._catalogue = catalogue
        self._engines = engines
        self._meter = meter
        self._clock = clock
        self._read_key = read_key

    @asynccontextmanager
    async def begin(self, request: Request, asked: Asked) -> AsyncIterator[Running]:
        """Opens the reply; leaving the block ends it upstream and settles it, exactly once.

        Raises Fault for whatever keeps the reply from beginning; a fault after that comes
        as a Failed event or out of `Running.frames`.
        """
        catalogue = self._catalogue()
        model = catalogue.find(request.model)
        _must_be_allowed(asked.caller, model)
        ways = routes(catalogue, model, frozenset(self._engines))
        ticket = Ticket(asked, request, ModelId(model.id), self._clock)
        try:
            async with AsyncExitStack() as upstream:
                yield await self._open_first(request, model, ways, ticket, upstream)
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
            await self._settle(ticket)

    def served_by(self, model: Model) -> ServedBy | None:
        """What really answers for `model` on its best route, if an engine here knows."""
        best = routes(self._catalogue(), model, frozenset(self._engines))[0]
        return self._engines[best.engine].served_by(best)

    async def _open_first(
        self,
        request: Request,
        model: Model,
        ways: tuple[Route, ...],
        ticket: Ticket,
        upstream: AsyncExitStack,
    ) -> Running:
        """Tries the routes in turn until one has said its first frame."""
        *others, last = ways
        for route in others:
            try:
                return await self._open(request, model, route, ticket, upstream)
            except Fault as fault:
                if fault.code not in ELSEWHERE:
                    raise
                log.warning("target failed, trying the next", target=route.target, fault=fault.message)
        return await self._open(request, model, last, ticket, upstream)

    async def _open(
        self, request: Request, model: Model, route: Route, ticket: Ticket, upstream: AsyncExitStack
    ) -> Running:
        engine = self._engines[route.engine]
        served_by = engine.served_by(route)
        ticket.send_by(route)
        if route.key_from is not None:
            route = msgspec.structs.replace(route, api_key=self._read_key(route.key_from))
        ready, drops = with_defaults(request, model, route, served_by)
        async with AsyncExitStack() as attempt:
            opened = await attempt.enter_async_context(engine.open(ready, route))
            frames = await attempt.enter_async_context(aclosing(opened.frames()))
            try:
                first = await anext(frames)
            except StopAsyncIteration:
                raise Fault(
                    Code.UPSTREAM_BROKE, "The model ended its reply before it began. Please try again."
                ) from None
            ticket.drops.extend((*drops, *opened.drops))
            upstream.push_async_exit(attempt.pop_all())
            return Running(ticket, Chain(model.markup, request), first, frames, served_by)

    async def _settle(self, ticket: Ticket) -> None:
        row = ticket.row()
        try:
            await asyncio.shield(self._meter.add_usage(row))
        except Fault as fault:
            log.error("usage row could not be kept", exchange=row.id, fault=fault.code.value, row=row)


def _must_be_allowed(caller: Caller, model: Model) -> None:
    if caller.models is not None and model.id not in caller.models:
        raise Fault(
            Code.MODEL_NOT_SOLD,
            f"This key may not use the model '{model.id}'. Use a key that may, or one of: "
            f"{', '.join(sorted(caller.models)) or 'none'}.",
            field="model",
        )
