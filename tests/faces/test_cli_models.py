"""`tokenmill models fetch` as a process."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.processes import COMMAND


def fetch(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "models", "fetch", name], capture_output=True, text=True, timeout=60)


def test_a_file_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(b"GGUF" + b"\0" * 100)

    assert f"{file}\n" == fetch(str(file)).stdout


def test_what_is_neither_a_name_nor_a_file_is_said_with_what_there_is(tmp_path: Path) -> None:
    done = fetch("qwen-72b")

    assert done.returncode == 1
    assert "qwen2.5-coder-1.5b" in done.stderr
