"""What a hurried newcomer's machine has in the place of an agent's settings, and what is done about it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # It ships no types.

from tests.unit.test_connect import KEY, NOW, connection, tree
from tokenmill.connect.connection import root_of
from tokenmill.connect.tools import TOOLS, find
from tokenmill.connect.writing import undo, write
from tokenmill.kit.faults import Code, Fault

SETTINGS = ".claude/settings.json"


def put(tool: str, home: Path) -> None:
    chosen = find(tool)
    write(chosen.files(connection(chosen.wires[0])), {"HOME": str(home)}, NOW)


def refused(tool: str, home: Path) -> str:
    with pytest.raises(Fault) as caught:
        put(tool, home)
    assert caught.value.code is Code.CONFLICT
    return caught.value.message


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop"])
def test_what_is_no_file_is_left_alone(kind: str, tmp_path: Path) -> None:
    """A pipe is not read from, and a link that leads nowhere but to itself is not replaced."""
    place = tmp_path / SETTINGS
    place.parent.mkdir()
    match kind:
        case "directory":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case _:
            place.symlink_to(place.name)
    before = sorted(tmp_path.rglob("*"))

    assert f"{place} is no file" in refused("claude-code", tmp_path)
    assert before == sorted(tmp_path.rglob("*"))
    assert place.is_symlink() == (kind == "loop")


def test_a_link_to_what_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    """Somebody has linked the settings into a repository that is not checked out yet."""
    place = tmp_path / SETTINGS
    place.parent.mkdir()
    place.symlink_to(tmp_path / "dotfiles" / "claude.json")
    put("claude-code", tmp_path)

    assert place.is_symlink()
    assert KEY in (tmp_path / "dotfiles" / "claude.json").read_text()


def test_a_file_where_a_directory_belongs_is_named(tmp_path: Path) -> None:
    """And nothing else has been written by then."""
    (tmp_path / ".claude").write_text("mine")

    assert str(tmp_path / ".claude") in refused("claude-code", tmp_path)
    assert tree(tmp_path) == {".claude": "mine"}


@pytest.mark.parametrize("before", [None, "model: mine\n"])
def test_a_second_file_that_cannot_be_written_takes_the_first_back(
    before: str | None, tmp_path: Path
) -> None:
    """Half a set-up would be one that nobody asked for."""
    if before is not None:
        (tmp_path / ".aider.conf.yml").write_text(before)
    tool = find("aider")
    way = connection("chat")
    settings, figures = tool.files(way)
    nowhere = {"HOME": str(tmp_path), "FIGURES": "/proc/nowhere/figures.json"}
    elsewhere = replace(figures, place=replace(figures.place, overrides=(("FIGURES", ""),)))
    with pytest.raises(Fault, match="nothing was changed"):
        write((settings, elsewhere), nowhere, NOW)

    assert tree(tmp_path) == ({} if before is None else {".aider.conf.yml": before})
    with pytest.raises(Fault, match="nothing to undo"):
        undo((settings,), nowhere, NOW)


@pytest.mark.parametrize(
    ("tool", "file", "text"),
    [
        ("hermes", ".hermes/config.yaml", "\ufeffmodel:\r\n  default: x\r\nother: 1\r\n"),
        ("codex", ".codex/config.toml", '\ufeffmodel = "x"\r\n'),
        ("claude-code", SETTINGS, '\ufeff{\r\n  // mine\r\n  "model": "x",\r\n}\r\n'),
    ],
)
def test_files_of_windows_editors_keep_their_mark_and_line_ends(
    tool: str, file: str, text: str, tmp_path: Path
) -> None:
    """The mark is no part of the first key, and no line ends otherwise than the others."""
    place = tmp_path / file
    place.parent.mkdir()
    place.write_bytes(text.encode())
    put(tool, tmp_path)

    written = place.read_bytes().decode()
    assert written.startswith("\ufeff")
    assert "\n" not in written.replace("\r\n", "")
    assert 1 == written.count("model:") + written.count("\ufeffmodel =") + written.count('"model"')
    if tool == "hermes":
        assert yaml.safe_load(written)["model"]["default"] == "mimo-v2.5-pro"


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("claude", "claude-code"),
        ("Claude Code", "claude-code"),
        ("ClaudeCode", "claude-code"),
        ("kilo", "kilo-code"),
        ("QWEN", "qwen-code"),
        ("codebuddy-headless", "codebuddy"),
        ("hermes agent", "hermes"),
    ],
)
def test_a_tool_is_found_by_what_people_call_it(name: str, tool: str) -> None:
    """Its name or its program, in capitals or not."""
    assert find(name).id == tool


def test_every_tool_is_found_by_names_of_its_own_alone() -> None:
    """No two share one, and nothing is no name."""
    for tool in TOOLS.values():
        assert {tool.id} == {find(each).id for each in (tool.id, tool.name, *tool.programs)}
    for stranger in ("", "-", "vim"):
        with pytest.raises(Fault, match="there are claude-code, openclaw"):
            find(stranger)


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("https://h/v1/chat/completions", "https://h"),
        ("https://h/anthropic/v1/messages", "https://h"),
        ("https://h/token-plan/v1/responses", "https://h/token-plan"),
        ("https://h/anthropic/v1", "https://h"),
        (" https://h/console/ ", "https://h"),
    ],
)
def test_an_address_that_was_copied_whole_is_understood(address: str, root: str) -> None:
    """From a curl command, another tool's settings or the browser."""
    assert root_of(address, "sk") == root


@pytest.mark.parametrize("address", ["http://u:p@h", "http://h:x", "http://[h", "http://h /v1", "h:8080"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """A password in it would be written where others may read it."""
    with pytest.raises(Fault, match="must be the platform's address"):
        root_of(address, "sk")


def test_what_is_written_is_json_for_the_strictest_reader(tmp_path: Path) -> None:
    """Even where there was an empty file."""
    place = tmp_path / SETTINGS
    place.parent.mkdir()
    place.write_text("")
    put("claude-code", tmp_path)

    assert json.loads(place.read_text())["env"]["ANTHROPIC_AUTH_TOKEN"] == KEY
