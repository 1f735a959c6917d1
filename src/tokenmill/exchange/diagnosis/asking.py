"""Asks a target one question, outside of any account, and hears the whole reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from tokenmill.catalog.entries import Model
from tokenmill.conversation.events import ArgumentsDelta, Event, Failed, PartOpened, TextDelta
from tokenmill.conversation.fold import Reply, fold
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall
from tokenmill.conversation.request import Request
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.attempts import WAITS, wait_of
from tokenmill.exchange.defaults import with_defaults
from tokenmill.exchange.discretion import discreet_frames, discretion
from tokenmill.exchange.steps.chain import Chain
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Engine, Route


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply after the steps: `pieces` is in how many blocks its words came.

    `calls_told`: the target itself said that it calls tools; else its calls were lifted out of text.
    """

    reply: Reply
    pieces: int
    calls_told: bool

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.reply.choices[0].parts if self.reply.choices else ()

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thought(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def usage(self) -> Usage:
        return self.reply.usage or Usage()


@dataclass(frozen=True, slots=True)
class Patient:
    """One target, as one model's requests reach it; `patience` is in seconds for each question.

    `read_key` is asked for the target's key, which it may raise a Fault about.
    """

    model: Model
    route: Route
    engine: Engine
    read_key: Callable[[str], str]
    patience: float

    async def ask(self, request: Request) -> Heard:
        """The reply. Raises the Fault that keeps it from being whole, or that the time was up."""
        route = self.route
        if route.key_from is not None:
            route = msgspec.structs.replace(route, api_key=self.read_key(route.key_from))
        ready, _ = with_defaults(request, self.model, route, self.engine.served_by(route))
        try:
            async with asyncio.timeout(self.patience):
                return await self._persist(ready, route, request)
        except TimeoutError:
            raise Fault(
                Code.UPSTREAM_TIMEOUT, f"It did not answer whole within {self.patience:g} seconds."
            ) from None

    async def _persist(self, ready: Request, route: Route, request: Request) -> Heard:
        """Asks again as often as an exchange would: a kept connection may have gone stale."""
        family = self.model.markup if self.model.markup != "none" else route.dialect
        for usual in (*WAITS, None):
            try:
                with discretion(route):
                    async with (
                        self.engine.open(ready, route) as opened,
                        aclosing(discreet_frames(opened.frames(), route)) as frames,
                    ):
                        return await _heard(frames, Chain(family, request))
            except Fault as fault:
                wait = None if usual is None else wait_of(fault, usual)
                if wait is None:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the last round returns or raises")


async def _heard(frames: AsyncGenerator[Frame], chain: Chain) -> Heard:
    events: list[Event] = []
    pieces = 0
    told = False
    async for frame in frames:
        told |= any(
            isinstance(event, PartOpened) and isinstance(event.part, ToolCall) for event in frame.events
        )
        pieces += any(isinstance(event, TextDelta | ArgumentsDelta) for event in frame.events)
        for ready in chain.take(frame):
            events += ready.events
        if chain.cut:
            break
    events += chain.close()
    if failed := next((event for event in events if isinstance(event, Failed)), None):
        raise failed.fault
    return Heard(fold(events), pieces, told)
