"""Runs a tool in a clean home, headless and without a way out, and ends whatever it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.agents.installing import BIN
from tests.agents.tools import Agent
from tokenmill.connect.connection import Connection
from tokenmill.connect.writing import write

PROMPT = (
    "Read the files note-1.txt, note-2.txt and note-3.txt in this directory. Each holds a word. "
    "Answer with FOUND and the three words."
)
MARK = "TOKENMILL_AGENT_RUN"
NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody keeps: what does not go to this machine goes nowhere."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended; `status` None: not by itself, within the time it was given."""

    status: int | None
    output: str


async def run(agent: Agent, program: Path, connection: Connection, directory: Path, seconds: float) -> Ran:
    """Writes the tool's settings and lets it work in `directory/work`, for `seconds` at most."""
    mark = uuid.uuid4().hex
    home = directory / "home"
    quiet = agent.settings.trial(connection, PROMPT).environment
    environ = {**_clean(home), **quiet, MARK: mark}
    write(agent.settings.files(connection), environ, connection.made_at)
    try:
        command = agent.command(program, connection, PROMPT)
        return await _run(command, directory / "work", environ, seconds)
    finally:
        end_marked(mark)


def _clean(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "XDG_STATE_HOME": f"{home}/.local/state",
        "XDG_CACHE_HOME": f"{home}/.cache",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "CI": "1",
        "DO_NOT_TRACK": "1",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    }


async def _run(command: Sequence[str], directory: Path, environ: Mapping[str, str], seconds: float) -> Ran:
    output = Path(environ["TMPDIR"]) / "output"
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None = None
        with suppress(TimeoutError):
            status = await asyncio.wait_for(process.wait(), seconds)
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Ran(status, output.read_text(errors="replace"))


def end_marked(mark: str) -> None:
    """Ends every process that has this run's mark in its environment: some tools leave a daemon running."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
