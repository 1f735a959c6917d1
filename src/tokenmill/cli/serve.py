"""Runs the platform: sets up what is missing, fetches the embedded model, listens until told to stop."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from tokenmill.cli.listening import Server
from tokenmill.cli.setup import Initialised, initialise
from tokenmill.cli.worker import orders
from tokenmill.cli.workers import Workers
from tokenmill.compose import open_platform, plan_url, public_url
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.store import ModelStore
from tokenmill.engines.embedded.supervisor import EmbeddedServer
from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import Settings
from tokenmill.store.postgres import on_postgres

log = structlog.get_logger()

EXAMPLE = (
    """curl {url}/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" """
    """-d '{{"model": "mimo-v2.5-pro", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
)


async def serve(settings: Settings, data: Path) -> None:
    """Runs until SIGINT or SIGTERM; `data` is absolute.

    Raises Fault(MISCONFIGURED) for whatever keeps it from listening.
    """
    workers = settings.server.workers
    if workers > 1 and not on_postgres(settings.database.url):
        raise Fault(
            Code.MISCONFIGURED,
            "More than one worker needs PostgreSQL: SQLite has one writer. "
            "Leave --workers out, or set [database] url to postgresql://….",
        )
    with _listening_sockets(settings.server.host, settings.server.port, workers) as listeners:
        port = {"port": listeners[0].getsockname()[1]}
        settings = settings.model_copy(update={"server": settings.server.model_copy(update=port)})
        made = await initialise(settings, data)
        model = await _model(settings)
        if workers > 1:
            await _serve_by_workers(settings, data, listeners, model, made)
            return
        async with open_platform(settings, data, model=model) as platform:
            server = Server(platform, settings, lambda: _announce(settings, platform.embedded, made))
            await server.run_on(listeners[0])


async def _serve_by_workers(
    settings: Settings,
    data: Path,
    listeners: Sequence[socket.socket],
    model: ModelFile | None,
    made: Initialised,
) -> None:
    """The embedded model is this process's, however many workers there are."""
    as_json = settings.logs.as_json
    json_logs = not sys.stderr.isatty() if as_json is None else as_json
    async with contextlib.AsyncExitStack() as held:
        embedded = None if model is None else await held.enter_async_context(EmbeddedServer(model))
        await Workers(listeners, embedded).run(
            lambda listener: orders(settings, data, listener, model, json_logs=json_logs),
            lambda: _announce(settings, embedded, made),
        )


@contextlib.contextmanager
def _listening_sockets(host: str, port: int, count: int) -> Iterator[list[socket.socket]]:
    """`count` sockets of one address, among which the kernel shares connections out.

    Taken before anything slow happens, so that a taken port is said at once.
    """
    with contextlib.ExitStack() as held:
        first = held.enter_context(_bound(host, port, shared=False))
        if count == 1:
            yield [first]
            return
        port = first.getsockname()[1]
        first.close()  # It has shown that nobody else is there, which sockets that share would not notice.
        yield [held.enter_context(_bound(host, port, shared=True)) for _ in range(count)]


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        advice = "Is TokenMill running already? Choose another port with --port."
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            advice = "That is no address of this machine. Choose one with --host, or 0.0.0.0 for all."
        elif error.errno == errno.EACCES:
            advice = "Ports below 1024 are not for everybody. Choose another with --port."
        raise Fault(
            Code.MISCONFIGURED, f"Cannot listen on {host}:{port} ({error.strerror}). {advice}"
        ) from None
    return listener


async def _model(settings: Settings) -> ModelFile | None:
    if not settings.embedded.enabled:
        return None
    return await ModelStore.of_environment().fetch(settings.embedded.model)


async def _announce(settings: Settings, embedded: EmbeddedServer | None, made: Initialised) -> None:
    """Tells the newcomer where everything is, once it works."""
    if embedded is not None:
        log.info("loading the embedded model", model=embedded.served_by().name)
        try:
            await embedded.ready(within=120)
        except Fault as fault:
            log.error("the embedded model does not run", reason=fault.message)
    sys.stdout.write("\n".join(_banner(settings, embedded, made)) + "\n")
    sys.stdout.flush()


def _banner(settings: Settings, embedded: EmbeddedServer | None, made: Initialised) -> Iterator[str]:
    url, plan = public_url(settings), plan_url(settings)
    yield ""
    yield f"TokenMill is running at {url}"
    yield f"  console          {url}/console/"
    yield f"  OpenAI base URL  {url}/v1"
    yield f"  Anthropic        {url}/anthropic"
    yield f"  Token Plan       {plan}/v1 and {plan}/anthropic"
    if embedded is not None:
        real = embedded.served_by()
        yield f"  embedded model   {real.name}, {real.context_window} tokens of context"
        yield "                   Small, for trying things out. Until you add a target, it answers for every"
        yield "                   MiMo name."
    if made.key is not None:
        yield f"  sign-in          {made.email}  password {made.password}"
        yield f"  key              {made.key}"
        yield "  Password and key are shown this once; only their hashes are kept. Try:"
        yield ""
        if embedded is not None:
            yield EXAMPLE.format(url=url, key=made.key)
        else:
            yield "No model runs on this machine. Write a server and its models into a file, as"
            yield "`tokenmill catalog presets` shows, and run: tokenmill catalog apply FILE"
    else:
        yield f"  sign-in          {made.email} (forgotten? tokenmill accounts password {made.email})"
        yield f"  new key          tokenmill keys create --account {made.email} --name NAME"
    yield ""
