"""What `tokenmill catalog` prints and does, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tokenmill.store.migrate import migrate

EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.toml"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path}/tokenmill.db", tmp_path / "migrate.lock")
    return tmp_path


def catalog(*arguments: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tokenmill", "catalog", *map(str, arguments), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def answer(*arguments: str | Path, data: Path) -> dict[str, Any]:
    """The one JSON object that the command prints."""
    done = catalog(*arguments, "--json", data=data)
    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert isinstance(printed, dict)
    return printed


def test_apply_counts_what_it_did_and_names_what_has_no_effect_yet(data: Path) -> None:
    first = answer("apply", EXAMPLE, data=data)
    assert first == {
        "targets": {"created": 1, "updated": 0, "unchanged": 0},
        "models": {"created": 1, "updated": 0, "unchanged": 0},
        "without_effect": [],
    }
    second = answer("apply", EXAMPLE, data=data)
    assert second["targets"] == second["models"] == {"created": 0, "updated": 0, "unchanged": 1}


def test_apply_tells_people_the_same_in_words(data: Path) -> None:
    file = data / "catalog.toml"
    text = EXAMPLE.read_text("utf-8").replace("[[models]]", "concurrency = 4\n\n[[models]]", 1)
    file.write_text(text, "utf-8")
    done = catalog("apply", file, data=data)
    assert done.stdout.splitlines() == [
        "targets  1 created, 0 updated, 0 unchanged",
        "models   1 created, 0 updated, 0 unchanged",
        "Kept, but without effect in this version: concurrency.",
    ]


def test_a_wrong_file_changes_nothing_and_names_the_field(data: Path) -> None:
    """Standard output stays empty, so a script never reads half an answer."""
    wrong = data / "wrong.toml"
    wrong.write_text(EXAMPLE.read_text("utf-8") + 'context_windw = 5\napi_key = "x"\n', "utf-8")
    done = catalog("apply", wrong, "--json", data=data)
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        "models[0] (qwen3-8b): there is no field 'context_windw'. Did you mean 'context_window'?"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert answer("list", data=data) == {"models": [], "targets": []}


def test_what_show_prints_can_be_applied_and_changes_nothing(data: Path) -> None:
    answer("apply", EXAMPLE, data=data)
    shown = catalog("show", "default-chat", data=data).stdout
    assert "price = { USD = { input = 0.05, output = 0.20, cached_input = 0.005 } }\n" in shown
    assert '# family = "qwen"  # guessed from the id' in shown
    copy = data / "copy.toml"
    copy.write_text(shown, "utf-8")
    again = answer("apply", copy, data=data)
    assert again["targets"] == again["models"] == {"created": 0, "updated": 0, "unchanged": 1}


def test_show_in_json_gives_amounts_as_exact_decimals(data: Path) -> None:
    answer("apply", EXAMPLE, data=data)
    shown = answer("show", "qwen3-8b", data=data)
    assert shown["model"]["price"]["USD"]["cached_input"] == "0.005"
    assert shown["model"]["successor"] is None
    assert [target["id"] for target in shown["targets"]] == ["gpu-1"]


def test_an_unknown_model_is_answered_with_the_near_names(data: Path) -> None:
    answer("apply", EXAMPLE, data=data)
    done = catalog("show", "qwen3-9b", data=data)
    assert done.returncode == 1
    assert "There is no model 'qwen3-9b'. Did you mean 'qwen3-8b'?" in done.stderr


def test_list_shows_what_serves_a_model(data: Path) -> None:
    answer("apply", EXAMPLE, data=data)
    line = next(line for line in catalog("list", data=data).stdout.splitlines() if "qwen3-8b" in line)
    assert line.split() == ["qwen3-8b", "default-chat", "gpu-1", "(Qwen/Qwen3-8B)", "40,960", "16,384"]


def test_the_presets_are_printed_as_a_file_that_can_be_applied(data: Path) -> None:
    printed = catalog("presets", data=data).stdout
    assert len(tomllib.loads(printed)["models"]) == 9
    file = data / "presets.toml"
    file.write_text(printed, "utf-8")
    assert answer("apply", file, data=data)["models"]["created"] == 9


def test_a_command_before_init_says_what_to_run(tmp_path: Path) -> None:
    done = catalog("list", data=tmp_path)
    assert done.returncode == 1
    assert "Run `tokenmill init" in done.stderr
