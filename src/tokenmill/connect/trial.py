"""Runs an installed agent once, without a terminal, in a home of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tokenmill.connect.connection import Connection
from tokenmill.connect.template import Tool
from tokenmill.connect.writing import write
from tokenmill.kit.faults import Code, Fault

PROMPT: Final = "Say OK and nothing else."
PATIENCE: Final = 180.0  # Seconds; the slowest of the agents needs 40 on a busy machine.
_LONGEST: Final = 2000  # Characters of the output that are reported.
_PASSED: Final = (
    *("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_COLOUR: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it; `exit` None means that the time was up. `ok` is whether an OK came back."""

    program: str
    ok: bool
    exit: int | None
    seconds: float
    said: str


def program_of(tool: Tool, environ: Mapping[str, str]) -> str:
    """The agent's program. Raises Fault(NOT_FOUND) that says how to install it."""
    for name in tool.programs:
        if (found := shutil.which(name, path=environ.get("PATH"))) is not None:
            return found
    raise Fault(
        Code.NOT_FOUND,
        f"{tool.name} is not installed: there is no {' or '.join(tool.programs)} on the PATH. "
        f"Install it with `{tool.install}`.",
    )


def run_once(
    tool: Tool, connection: Connection, environ: Mapping[str, str], now: datetime, patience: float = PATIENCE
) -> Report:
    """Asks the agent to say OK, with our settings and no others. Raises Fault(NOT_FOUND): not installed."""
    program = program_of(tool, environ)
    with tempfile.TemporaryDirectory(prefix="tokenmill-connect-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        trial = tool.trial(connection, PROMPT)
        inside = {name: environ[name] for name in _PASSED if name in environ}
        inside |= {"HOME": folder, "TMPDIR": folder, "TERM": "dumb", "NO_COLOR": "1", **trial.environment}
        write(tool.files(connection), inside, now)
        (home / "work").mkdir()
        began = time.monotonic()
        try:
            exit_code, output = _run([program, *trial.arguments], inside, home / "work", patience)
        finally:
            _end_leftovers(folder)
    told, complained = (_readable(each, connection.key) for each in output)
    answer = told.replace(PROMPT, "")  # Some agents repeat what they were asked.
    ok = exit_code == 0 and re.search(r"\bok\b", answer, re.IGNORECASE) is not None
    said = told if ok else f"{told}\n{complained}".strip()
    return Report(program, ok, exit_code, round(time.monotonic() - began, 1), said[-_LONGEST:])


def _readable(output: bytes, key: str) -> str:
    return _COLOUR.sub("", output.decode(errors="replace")).replace(key, f"{key[:3]}…").strip()


def _run(
    command: list[str], environment: dict[str, str], folder: Path, patience: float
) -> tuple[int | None, tuple[bytes, bytes]]:
    """Its exit status, None when it had to be stopped, and what it wrote to both of its outputs."""
    with (
        tempfile.TemporaryFile() as told,  # A daemon that holds a pipe open would keep us waiting.
        tempfile.TemporaryFile() as complained,
        subprocess.Popen(  # noqa: S603  (the user's own agent)
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=complained,
            start_new_session=True,
        ) as process,
    ):
        exit_code: int | None
        try:
            exit_code = process.wait(patience)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        told.seek(0)
        complained.seek(0)
        return exit_code, (told.read(), complained.read())


def _end_leftovers(folder: str) -> None:
    """Some agents leave a daemon in a session of its own; it is known by the home that it was given."""
    mark = f"HOME={folder}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
