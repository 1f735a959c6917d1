"""Runs the platform: sets up what is missing, fetches the embedded model, listens until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from tokenmill.api.protocol import BoundedHttpProtocol
from tokenmill.cli.setup import Initialised, initialise
from tokenmill.compose import Platform, open_platform, public_url
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.store import ModelStore
from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import Settings

log = structlog.get_logger()

KEEP_ALIVE = 75
"""Seconds an idle connection stays open: longer than the 60 s after which most balancers close theirs."""

SETTLE = 5
"""Seconds that replies which were cut get to say so and to be written down."""

EXAMPLE = (
    """curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" """
    """-d '{{"model": "mimo-v2.5-pro", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
)


async def serve(settings: Settings, data: Path) -> None:
    """Runs until SIGINT or SIGTERM; `data` is absolute.

    Raises Fault(MISCONFIGURED) for whatever keeps it from listening.
    """
    if settings.server.workers > 1:
        raise Fault(
            Code.MISCONFIGURED,
            "More than one worker needs PostgreSQL, which this version does not run on yet: "
            "SQLite has one writer. Leave --workers out.",
        )
    with _listening_socket(settings.server.host, settings.server.port) as listener:
        port = {"port": listener.getsockname()[1]}
        settings = settings.model_copy(update={"server": settings.server.model_copy(update=port)})
        made = await initialise(settings, data)
        model = await _model(settings)
        async with open_platform(settings, data, model=model) as platform:
            server = _Server(_server_config(platform, settings), lambda: _announce(settings, platform, made))
            await server.serve(sockets=[listener])
            # What outlived its grace was told to end; it still has to be settled.
            if cut := server.server_state.tasks:
                await asyncio.wait(cut, timeout=SETTLE)


class _Server(uvicorn.Server):
    """uvicorn, stopping on signals without handing them on: what was opened has to be closed in order."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], Any]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._announcing: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
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
        self._announcing = asyncio.create_task(self._on_started())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
        await super().shutdown(sockets)


def _server_config(platform: Platform, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        platform.app,
        http=BoundedHttpProtocol,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(settings.server.stop_grace),
    )


@contextlib.contextmanager
def _listening_socket(host: str, port: int) -> Iterator[socket.socket]:
    """Takes the address before anything slow happens, so that a taken port is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            advice = "Is TokenMill running already? Choose another port with --port."
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                advice = "That is no address of this machine. Choose one with --host, or 0.0.0.0 for all."
            elif error.errno == errno.EACCES:
                advice = "Ports below 1024 are not for everybody. Choose another with --port."
            raise Fault(
                Code.MISCONFIGURED, f"Cannot listen on {host}:{port} ({error.strerror}). {advice}"
            ) from None
        yield listener


async def _model(settings: Settings) -> ModelFile | None:
    if not settings.embedded.enabled:
        return None
    return await ModelStore.of_environment().fetch(settings.embedded.model)


async def _announce(settings: Settings, platform: Platform, made: Initialised) -> None:
    """Tells the newcomer where everything is, once it works."""
    if platform.embedded is not None:
        log.info("loading the embedded model", model=platform.embedded.served_by().name)
        try:
            await platform.embedded.ready(within=120)
        except Fault as fault:
            log.error("the embedded model does not run", reason=fault.message)
    sys.stdout.write("\n".join(_banner(settings, platform, made)) + "\n")
    sys.stdout.flush()


def _banner(settings: Settings, platform: Platform, made: Initialised) -> Iterator[str]:
    url = public_url(settings)
    yield ""
    yield f"TokenMill is running at {url}"
    yield f"  console          {url}/console/"
    yield f"  OpenAI base URL  {url}/v1"
    if platform.embedded is not None:
        real = platform.embedded.served_by()
        yield f"  embedded model   {real.name}, {real.context_window} tokens of context"
        yield "                   Small, for trying things out. Until you add a target, it answers for every"
        yield "                   MiMo name."
    if made.key is not None:
        yield f"  sign-in          {made.email}  password {made.password}"
        yield f"  key              {made.key}"
        yield "  Password and key are shown this once; only their hashes are kept. Try:"
        yield ""
        if platform.embedded is not None:
            yield EXAMPLE.format(url=url, key=made.key)
        else:
            yield "No model runs on this machine. Write a server and its models into a file, as"
            yield "`tokenmill catalog presets` shows, and run: tokenmill catalog apply FILE"
    else:
        yield f"  sign-in          {made.email} (forgotten? tokenmill accounts password {made.email})"
        yield f"  new key          tokenmill keys create --account {made.email} --name NAME"
    yield ""
