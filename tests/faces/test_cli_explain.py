"""What `tokenmill explain` prints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tokenmill.cli.main import app
from tokenmill.cli.setup import initialise
from tokenmill.settings import load_settings

DEV = ("--account", "dev@example.com")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh platform with an account, which has a plan."""
    asyncio.run(initialise(load_settings(tmp_path, None, {}), tmp_path))
    run("accounts", "create", "dev@example.com", data=tmp_path)
    run("plans", "subscribe", *DEV, "--plan", "lite", data=tmp_path)
    return tmp_path


def run(*arguments: str, data: Path) -> str:
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def answer(*arguments: str, data: Path) -> dict[str, Any]:
    said = json.loads(run(*arguments, "--json", data=data))
    assert isinstance(said, dict)
    return said


def test_a_fresh_install_says_where_a_request_would_go(data: Path) -> None:
    said = answer("explain", "mimo-v2.5-pro", *DEV, data=data)
    (way,) = said["routes"]
    assert ("embedded", True) == (way["engine"], way["free"])
    assert "0.435" == said["price"]["USD"]["input"]
    assert ["lite", "standard", "pro", "max"] == [plan["plan"] for plan in said["plans"]]
    assert ("USD", "lite") == (said["account"]["currency"], said["account"]["plan"]["plan"])
    assert answer("explain", "mimo-v2.5-pro", data=data)["account"] is None

    text = run("explain", "mimo-v2.5-pro", *DEV, data=data)
    assert f"  1. {way['target']} (embedded): {way['upstream_model']}; priority 0, weight 1, free" in text
    assert "For dev@example.com:" in text
    assert "Token Plan lite: included; credits × " in text


def test_an_engine_that_is_switched_off_is_named(data: Path) -> None:
    (data / "tokenmill.toml").write_text("[embedded]\nenabled = false")
    said = answer("explain", "mimo-v2.5-pro", data=data)
    assert ([], 1) == (said["routes"], len(said["left_out"]))
    assert "tokenmill catalog" in said["refused"]
    text = run("explain", "mimo-v2.5-pro", data=data)
    assert "No target serves it." in text
    assert "left out: the embedded engine is switched off" in text
