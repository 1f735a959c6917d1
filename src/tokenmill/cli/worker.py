"""Runs one worker of `tokenmill serve --workers`, as its parent tells it to."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from tokenmill.cli.listening import Server
from tokenmill.compose import open_platform
from tokenmill.engines.embedded.mirror import EmbeddedMirror, News
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.kit.faults import Fault
from tokenmill.kit.telemetry import configure_logs
from tokenmill.settings import Settings

COMMAND = (sys.executable, "-m", "tokenmill.cli.worker")
STARTED = b"started\n"


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """The first line a worker reads; those after it are `News` of the embedded server.

    `settings` are those in force, `listener` is the number of an inherited socket that is bound.
    """

    settings: dict[str, Any]
    data: str
    listener: int
    json_logs: bool
    model: dict[str, Any] | None


def orders(
    settings: Settings, data: Path, listener: socket.socket, model: ModelFile | None, *, json_logs: bool
) -> Orders:
    """What a worker has to know."""
    return Orders(
        settings=settings.model_dump(mode="json", by_alias=True),
        data=str(data),
        listener=listener.fileno(),
        json_logs=json_logs,
        model=None if model is None else {**vars(model), "path": str(model.path)},
    )


async def _work() -> None:
    told = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(told)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin.buffer)
    orders = msgspec.json.decode(await told.readline(), type=Orders)
    configure_logs(json=orders.json_logs)
    settings = Settings(**orders.settings)
    mirror = None
    if orders.model is not None:
        mirror = EmbeddedMirror(ModelFile(**{**orders.model, "path": Path(orders.model["path"])}))
    with socket.socket(fileno=orders.listener) as listener:
        async with open_platform(settings, Path(orders.data), embedded=mirror) as platform:
            server = Server(platform, settings, _say_started)
            heeding = asyncio.create_task(_heed(told, mirror, server))
            await server.run_on(listener)
            heeding.cancel()


async def _heed(told: asyncio.StreamReader, mirror: EmbeddedMirror | None, server: Server) -> None:
    """Takes news until the parent is gone, then stops."""
    while line := await told.readline():
        if mirror is not None:
            mirror.take(msgspec.json.decode(line, type=News))
    server.stop()


async def _say_started() -> None:
    os.write(sys.stdout.fileno(), STARTED)


def main() -> None:
    """Runs until SIGTERM, or until the parent is gone; a fault ends it with status 1."""
    try:
        uvloop.run(_work())
    except Fault as fault:
        sys.stderr.write(f"tokenmill: {fault.message}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
