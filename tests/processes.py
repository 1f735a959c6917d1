"""Runs `tokenmill` as a process, the way people do."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

COMMAND = [sys.executable, "-m", "tokenmill"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if what():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def _environment() -> dict[str, str]:
    """Ours, without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOKENMILL__")}


class Server:
    """A running `tokenmill serve`, on a free port."""

    def __init__(self, data: Path, *options: str, environ: Mapping[str, str] | None = None) -> None:
        self.data = data
        command = [*COMMAND, "serve", "--port", "0", "--data", str(data), *options]
        with (data.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**_environment(), **(environ or {})},
            )
        self.banner = self._read_banner()
        found = re.search(r"http://127\.0\.0\.1:\d+", self.banner)
        assert found, self.banner
        self.url = found.group()
        key = re.search(r"sk-[A-Za-z0-9]{46}", self.banner)
        self.key = key.group() if key else ""

    def _read_banner(self) -> str:
        assert self.process.stdout is not None
        lines = ""
        for line in self.process.stdout:
            lines += line
            if line.startswith("curl") or "new key" in line or "catalog apply" in line:
                return lines
        raise AssertionError(self.logs)

    @property
    def logs(self) -> str:
        return (self.data.parent / "serve.log").read_text()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        return self.process.returncode


def tokenmill(data: Path, *arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments, "--data", str(data)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
