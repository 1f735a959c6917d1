"""Keeps the workers of `tokenmill serve --workers` running, and tells them how the embedded model is."""

from __future__ import annotations

import asyncio
import signal
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import structlog

from tokenmill.cli.listening import on_signals
from tokenmill.cli.worker import COMMAND, STARTED, Orders
from tokenmill.engines.embedded.mirror import News
from tokenmill.engines.embedded.supervisor import EmbeddedServer
from tokenmill.kit.faults import Code, Fault

log = structlog.get_logger()

TELL_EVERY = 0.2
"""Seconds between two looks at the embedded server."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # Seconds before a worker that ended is started again.


class Workers:
    """One process for each listening socket, replaced when it ends, until the parent is told to stop."""

    def __init__(self, sockets: Sequence[socket.socket], embedded: EmbeddedServer | None) -> None:
        self._sockets = sockets
        self._embedded = embedded
        self._running: set[Process] = set()
        self._stopping = asyncio.Event()
        self._started = 0
        self._all_started = asyncio.Event()

    async def run(
        self,
        order: Callable[[socket.socket], Orders],
        on_started: Callable[[], Awaitable[None]],
    ) -> None:
        """Returns when all have ended, after a signal to stop; a second one cuts what they do.

        `on_started` is called when all of them listen. Raises Fault when one cannot start at all.
        """
        with on_signals(self._stop):
            kept = [asyncio.create_task(self._keep(order(each), each)) for each in self._sockets]
            announcing = asyncio.create_task(self._announce(on_started))
            try:
                await asyncio.gather(*kept)
            finally:
                announcing.cancel()
                self._stopping.set()
                self._signal_all()
                await asyncio.gather(*kept, return_exceptions=True)

    async def _announce(self, on_started: Callable[[], Awaitable[None]]) -> None:
        await self._all_started.wait()
        await on_started()

    def _stop(self) -> None:
        self._stopping.set()
        for each in self._sockets:
            each.close()  # Connections go to a socket as long as any process has it open.
        self._signal_all()

    def _signal_all(self) -> None:
        for worker in self._running:
            with suppress(ProcessLookupError):
                worker.send_signal(signal.SIGTERM)

    async def _keep(self, orders: Orders, listener: socket.socket) -> None:
        pause, first = _FIRST_PAUSE, True
        while not self._stopping.is_set():
            served = await self._live_once(orders, listener)
            if self._stopping.is_set():
                return
            if first and not served:
                raise Fault(Code.MISCONFIGURED, "A worker could not start; it has said why above.")
            first, pause = False, _FIRST_PAUSE if served else min(2 * pause, _LONGEST_PAUSE)
            log.error("a worker has ended and is started again", pause_seconds=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _live_once(self, orders: Orders, listener: socket.socket) -> bool:
        """One worker's life; did it ever serve?"""
        worker = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # Ctrl-C is for the parent, which then tells the workers.
        )
        self._running.add(worker)
        if self._stopping.is_set():  # Too late to be told with the others.
            worker.terminate()
        telling = asyncio.create_task(self._tell(worker, orders))
        try:
            assert worker.stdout is not None
            served = await worker.stdout.readline() == STARTED
            self._started += served
            if self._started >= len(self._sockets):
                self._all_started.set()
            await worker.wait()
            return served
        finally:
            telling.cancel()
            self._running.discard(worker)

    async def _tell(self, worker: Process, orders: Orders) -> None:
        """Its orders, then each change of the embedded server."""
        assert worker.stdin is not None
        lines, last = [msgspec.json.encode(orders)], None
        with suppress(ConnectionError):
            while True:
                if self._embedded is not None and self._embedded.status != last:
                    last = self._embedded.status
                    lines.append(msgspec.json.encode(News.of(last)))
                for line in lines:
                    worker.stdin.write(line + b"\n")
                lines.clear()
                await worker.stdin.drain()
                await asyncio.sleep(TELL_EVERY)
