"""Runs what has to be done again and again while the platform is up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from tokenmill.kit.faults import Fault

_GRACE = 0.5
"""Seconds that a sweep gets to end by itself when the platform stops."""

log = structlog.get_logger()


@asynccontextmanager
async def sweeping(name: str, every: float, sweep: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Runs `sweep` at once and then each `every` seconds, until the block is left.

    A sweep that fails is logged; the next will find whatever it has missed.
    """
    stop = asyncio.Event()
    task = asyncio.create_task(_run(name, every, sweep, stop), name=f"sweep {name}")
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait([task], timeout=_GRACE)  # Most sweeps are one short transaction.
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _run(name: str, every: float, sweep: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    failing = False
    while not stop.is_set():
        try:
            await sweep()
            failing = False
        except Fault as fault:
            if not failing:  # One line for a database that is away for an hour.
                log.warning("a sweep fails; it is tried again", sweep=name, fault=fault.code.value)
            failing = True
        except Exception:
            log.exception("a sweep failed", sweep=name)
        with suppress(TimeoutError):
            async with asyncio.timeout(every):
                await stop.wait()
