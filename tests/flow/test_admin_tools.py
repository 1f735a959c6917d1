"""Claims about the guides of coding agents that the console shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flow.admin_client import browser
from tokenmill.connect.tools import TOOLS
from tokenmill.testing import ScriptedEngine, open_test_platform


async def ask(tmp_path: Path, *paths: str) -> list[Any]:
    async with (
        open_test_platform(tmp_path, {"scripted": ScriptedEngine()}, operator=True) as platform,
        browser(platform) as operator,
    ):
        return [await operator.ask("GET", path) | {"status": operator.status} for path in paths]


async def test_every_tool_of_connect_has_a_guide(tmp_path: Path) -> None:
    """Those who use the command and those who use the console read of the same tools."""
    listed, *guides = await ask(tmp_path, "/tools", *(f"/tools/{name}" for name in TOOLS))
    assert [tool["id"] for tool in listed["data"]] == list(TOOLS)
    for guide in guides:
        assert guide["status"] == 200
        assert guide["files"], guide["id"]
        assert guide["placeholder"] in guide["connect"]


@pytest.mark.parametrize(("purse", "path"), [("sk", "/anthropic"), ("tp", "/token-plan/anthropic")])
async def test_a_guide_is_filled_in_for_the_purse(tmp_path: Path, purse: str, path: str) -> None:
    """Each kind of key comes with its own Base URL, and never with a real key."""
    (guide,) = await ask(tmp_path, f"/tools/claude-code?purse={purse}")
    settings = json.loads(guide["files"][0]["text"])["env"]
    assert settings["ANTHROPIC_BASE_URL"].endswith(path)
    assert settings["ANTHROPIC_AUTH_TOKEN"] == f"{purse}-YOUR-KEY" == guide["placeholder"]
    assert settings["ANTHROPIC_MODEL"] == guide["model"]


async def test_what_no_guide_can_show_is_refused(tmp_path: Path) -> None:
    """An unknown tool, a protocol that it does not speak, a model that is not offered."""
    replies = await ask(
        tmp_path, "/tools/nope", "/tools/claude-code?wire=chat", "/tools/claude-code?model=nope"
    )
    assert [(reply["status"], reply["error"]["code"]) for reply in replies] == [
        (404, "not_found"),
        (400, "bad_value"),
        (404, "unknown_model"),
    ]
