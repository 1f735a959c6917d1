"""What `tokenmill connect` does and prints."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tokenmill.cli.setup import initialise
from tokenmill.kit.secrets import new_key
from tokenmill.settings import load_settings

SK, TP = new_key("sk"), new_key("tp")
ELSEWHERE = ("--base-url", "https://api.example.com")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's home directory, with nothing in it."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh platform that users reach from outside."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "tokenmill.toml").write_text('[server]\npublic_url = "https://mill.example.com"\n')
    asyncio.run(initialise(load_settings(folder, None, {}), folder))
    return folder


def run(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, for the home directory is the process's."""
    inside = {"PATH": os.environ["PATH"], "HOME": str(home), **environ}
    command = [sys.executable, "-m", "tokenmill", "connect", *arguments]
    return subprocess.run(command, env=inside, cwd=home, capture_output=True, text=True, check=False)


def answer(home: Path, *arguments: str, **environ: str) -> dict[str, Any]:
    done = run(home, *arguments, "--json", **environ)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said


def test_a_tool_is_set_up_for_the_platform_of_the_data_directory(home: Path, data: Path) -> None:
    """Address, default model and figures are the platform's; a second time says that nothing changed."""
    said = answer(home, "opencode", "--key", SK, "--data", str(data))
    file = home / ".config" / "opencode" / "opencode.json"
    assert said["files"] == [{"path": str(file), "outcome": "created", "backup": None}]
    assert (said["base_url"], said["model"], said["wire"]) == (
        "https://mill.example.com/v1",
        "mimo-v2.5-pro",
        "chat",
    )
    small = answer(home, "opencode", "--key", TP, "--model", "tokenmill-embedded", "--data", str(data))
    assert small["base_url"] == "https://mill.example.com/token-plan/v1"
    provider = json.loads(file.read_text())["provider"]["tokenmill"]
    assert provider["models"]["tokenmill-embedded"]["limit"] == {"context": 16384, "output": 8192}
    assert provider["options"] == {"baseURL": "https://mill.example.com/token-plan/v1", "apiKey": TP}
    again = run(home, "opencode", "--key", TP, "--model", "tokenmill-embedded", "--data", str(data))
    assert "OpenCode is set up like this already; nothing was changed." in again.stdout


def test_a_model_that_is_not_offered_is_refused_by_name(home: Path, data: Path) -> None:
    """The catalogue of the data directory knows better; nothing is written."""
    done = run(home, "codex", "--key", SK, "--model", "mimo-v2.5-prp", "--data", str(data))
    assert done.returncode == 1
    assert "mimo-v2.5-pro" in done.stderr
    assert list(home.iterdir()) == []


def test_a_platform_elsewhere_needs_no_data(home: Path) -> None:
    """The usual figures are written, and the person is told so; the key may come from the environment."""
    done = run(home, "claude-code", *ELSEWHERE, "--model", "mine[1m]", TOKENMILL_API_KEY=TP)
    assert (done.returncode, done.stderr) == (0, "")
    assert "figures of mine[1m] are the usual ones" in done.stdout
    assert TP not in done.stdout
    env = json.loads((home / ".claude" / "settings.json").read_text())["env"]
    assert (env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_AUTH_TOKEN"], env["ANTHROPIC_MODEL"]) == (
        "https://api.example.com/token-plan/anthropic",
        TP,
        "mine[1m]",
    )
    bare = answer(home, "qwen-code", *ELSEWHERE, "--key", SK, "--model", "mine[1m]")
    assert bare["model"] == "mine"


def test_print_shows_everything_and_touches_nothing(home: Path) -> None:
    """The paths and contents of all files, for people and as JSON."""
    done = run(home, "codex", "--key", SK, *ELSEWHERE, "--print")
    assert f"# {home}/.codex/config.toml\nmodel = " in done.stdout
    assert f"TOKENMILL_API_KEY={SK}" in done.stdout
    said = answer(home, "codex", "--key", SK, *ELSEWHERE, "--print")
    assert [file["format"] for file in said["files"]] == ["toml", "env"]
    assert list(home.iterdir()) == []


def test_undo_takes_back_what_was_done(home: Path) -> None:
    """What was changed is restored, what was made is removed; then there is nothing left to undo."""
    settings = home / ".hermes" / "config.yaml"
    settings.parent.mkdir()
    settings.write_text("model: old\n")
    done = run(home, "hermes", "--key", SK, *ELSEWHERE, "--wire", "messages")
    assert f"  changed    {settings}; it was config.yaml.tokenmill-backup-" in done.stdout
    assert 'base_url: "https://api.example.com/anthropic"' in settings.read_text()
    said = answer(home, "hermes", "--undo")
    assert [file["outcome"] for file in said["files"]] == ["restored"]
    assert settings.read_text() == "model: old\n"
    assert run(home, "hermes", "--undo").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("emacs", "--key", SK), "there are claude-code, openclaw"),
        (("codex", *ELSEWHERE), "Give the key with --key"),
        (("codex", "--key", SK[:-1], *ELSEWHERE), "not a whole key"),
        (("codex", "--key", SK, "--wire", "chat", *ELSEWHERE), "only responses (OpenAI Responses)"),
        (("codex", "--key", SK, "--base-url", "example.com"), "--base-url must be"),
        (("codex", "--key", SK, "--check", *ELSEWHERE), "npm install -g @openai/codex"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], complaint: str, home: Path) -> None:
    """One line on standard error that says what to do, without the key, and no file."""
    done = run(home, *arguments, PATH=str(home))
    assert (done.returncode, done.stdout) == (1, "")
    assert complaint in done.stderr
    assert SK[:-1] not in done.stderr
    assert list(home.iterdir()) == []


def test_a_broken_file_is_left_alone(home: Path) -> None:
    """The message says where it is broken."""
    file = home / ".codex" / "config.toml"
    file.parent.mkdir()
    file.write_text("model = \n")
    done = run(home, "codex", "--key", SK, *ELSEWHERE)
    assert done.returncode == 1
    assert f"{file} was left as it is" in done.stderr
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_check_runs_the_installed_tool(home: Path) -> None:
    """What it said is shown, and the status tells whether it was an OK."""
    folder = home / "bin"
    folder.mkdir()
    program = folder / "aider"
    program.write_text('#!/bin/sh\ngrep -q "^model: \\"openai/m\\"" ~/.aider.conf.yml && echo OK\n')
    program.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    said = answer(home, "aider", "--key", SK, *ELSEWHERE, "--model", "m", "--check", PATH=path)
    assert (said["ok"], said["exit"], said["said"], said["program"]) == (True, 0, "OK", str(program))
    program.write_text("#!/bin/sh\necho no key >&2\nexit 2\n")
    done = run(home, "aider", "--key", SK, *ELSEWHERE, "--check", PATH=path)
    assert done.returncode == 1
    assert "aider did not say OK" in done.stdout
    assert "no key" in done.stdout
    assert [each.name for each in home.iterdir()] == ["bin"]


def test_a_variable_that_would_win_is_named(home: Path) -> None:
    """Settings that never come into force are worse than none."""
    said = answer(home, "aider", "--key", SK, *ELSEWHERE, OPENAI_API_KEY="sk-other")
    assert any("OPENAI_API_KEY is set here and would win" in note for note in said["notes"])
