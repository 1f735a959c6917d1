"""Asks a target one tiny question, to see whether it answers."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from tokenmill.admin.services import Services
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, Target, TargetRef
from tokenmill.conversation.events import Failed, TextDelta
from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.routing import routes
from tokenmill.kit.faults import Code, Fault

PATIENCE: Final = 15.0
"""Seconds for the whole trial."""
_QUESTION: Final = "Answer with the word: ready"
_MOST_OUTPUT: Final = 16


async def try_target(desk: Services, target: Target, model: str) -> tuple[int, str]:
    """Milliseconds to the first frame, and the beginning of the answer. Raises the Fault of what is wrong."""
    trial = Model(id="trial", targets=(TargetRef(target.id, model),))
    (route,) = routes(Catalogue((target,), (trial,)), trial, frozenset(desk.engines))
    if route.key_from is not None:
        route = msgspec.structs.replace(route, api_key=desk.read_key(route.key_from))
    request = Request(
        model=model, turns=(Turn("user", (Text(_QUESTION),)),), max_output=_MOST_OUTPUT, stream=True
    )
    began = desk.clock.monotonic()
    first: float | None = None
    said: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE), desk.engines[route.engine].open(request, route) as reply:
            async for frame in reply.frames():
                first = desk.clock.monotonic() if first is None else first
                for event in frame.events:
                    if isinstance(event, Failed):
                        raise event.fault
                    if isinstance(event, TextDelta):
                        said.append(event.text)
    except TimeoutError:
        if first is None:
            raise Fault(
                Code.UPSTREAM_TIMEOUT, f"The target did not answer within {PATIENCE:.0f} seconds."
            ) from None
    if first is None:
        raise Fault(Code.UPSTREAM_BROKE, "The target ended its reply before it began.")
    return round((first - began) * 1000), "".join(said)[:500]
