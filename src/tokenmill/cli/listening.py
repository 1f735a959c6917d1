"""Serves a platform's application on a socket, until the process is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import structlog
import uvicorn

from tokenmill.api.protocol import BoundedHttpProtocol
from tokenmill.compose import Platform
from tokenmill.settings import Settings

log = structlog.get_logger()

KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than the 60 s after which most balancers close theirs."""

SETTLE = 5
"""Seconds that replies which were cut get to say so and to be written down."""

CYCLES = 20_000
"""Objects more than were freed, after which garbage is looked for: requests leave next to no cycles."""


class Server(uvicorn.Server):
    """uvicorn, stopping on signals without handing them on: what was opened has to be closed in order."""

    def __init__(self, platform: Platform, settings: Settings, on_started: Callable[[], Any]) -> None:
        super().__init__(_config(platform, settings))
        self._on_started = on_started
        self._announcing: asyncio.Task[None] | None = None

    async def run_on(self, listener: socket.socket) -> None:
        """Serves until it is told to stop; what runs then has been settled when this returns."""
        await self.serve(sockets=[listener])
        # What outlived its grace was told to end; it still has to be settled.
        if cut := self.server_state.tasks:
            await asyncio.wait(cut, timeout=SETTLE)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with on_signals(self.stop):
            yield

    def stop(self) -> None:
        """Lets streams finish; the second time, it cuts them."""
        if self.should_exit:
            log.info("stopping at once")
            self.force_exit = True
            for task in self.server_state.tasks:
                task.cancel()
            return
        log.info("stopping; streams may finish, a second signal cuts them")
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # What is there now stays; searching it again and again took an eighth of each request.
        gc.set_threshold(CYCLES)
        self._announcing = asyncio.create_task(self._on_started())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
        await super().shutdown(sockets)


@contextlib.contextmanager
def on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` at each SIGINT and SIGTERM, in place of what they do else."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _config(platform: Platform, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        platform.app,
        http=BoundedHttpProtocol,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.server.trusted_proxies),
        forwarded_allow_ips=list(settings.server.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(settings.server.stop_grace),
    )
