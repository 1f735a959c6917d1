"""Puts the tools at their pinned versions into the cache directory, each once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
"""Where this environment keeps node, npm and uv."""


@dataclass(frozen=True, slots=True)
class FromNpm:
    """A package of the npm registry, with its version; install scripts are not run."""

    packages: tuple[str, ...]

    def bring(self, into: Path) -> None:
        """Fills `into/node_modules`."""
        npm = [str(BIN / "npm"), "install", "--prefix", str(into), "--no-audit", "--no-fund"]
        _run([*npm, "--ignore-scripts", "--loglevel", "error", *self.packages], into)


@dataclass(frozen=True, slots=True)
class FromPyPI:
    """Distributions of the Python index, with their versions; `alone`: without what they depend on."""

    packages: tuple[str, ...]
    alone: bool = False

    def bring(self, into: Path) -> None:
        """Makes `into` an environment of their own."""
        _run([sys.executable, "-m", "venv", "--without-pip", str(into)], into)
        uv = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(into / "bin" / "python")]
        _run([*uv, *(["--no-deps"] if self.alone else []), *self.packages], into)


Source = FromNpm | FromPyPI


def cache() -> Path:
    """`$XDG_CACHE_HOME/tokenmill/agents`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokenmill" / "agents"


def installed(name: str, source: Source) -> Path:
    """The tool's own directory, filled first unless these very versions are there already."""
    place = cache() / name
    mark = place / ".installed"
    wanted = "\n".join(source.packages)
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        source.bring(place)
        mark.write_text(wanted)
    return place


def _run(command: list[str], into: Path) -> None:
    done = subprocess.run(command, cwd=into, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
