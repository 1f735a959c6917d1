"""The `tokenmill` commands on a real PostgreSQL server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.servers import ESCAPED_PASSWORD, PASSWORD, PostgresServer
from tokenmill.cli.main import app
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_secret
from tokenmill.store.migrate import newest_revision

OPERATOR = "operator@localhost"
CATALOGUE = """
[[targets]]
id = "upstream"
engine = "openai"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "mimo-v2.5-pro"
targets = [{ target = "upstream", model = "upstream-name" }]
"""


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database without tables."""
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.fixture
def config(tmp_path: Path, url: str) -> Path:
    """A settings file for that database; the secret lies beside it."""
    (tmp_path / "secret").write_text(new_secret())
    file = tmp_path / "settings.toml"
    file.write_text(f"[database]\nurl = '{url}'\n[security]\nsecret = 'file:{tmp_path}/secret'\n")
    return file


def answer(*arguments: str, config: Path) -> dict[str, Any]:
    """The one JSON object that the command prints."""
    place = ["--json", "--data", str(config.parent / "data"), "--config", str(config)]
    done = CliRunner().invoke(app, [*arguments, *place], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert isinstance(printed, dict)
    return printed


def process(*arguments: str, config: Path) -> subprocess.CompletedProcess[str]:
    place = ["--data", str(config.parent / "data"), "--config", str(config)]
    command = [sys.executable, "-m", "tokenmill", *arguments, *place]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_every_command_works_from_init_on(config: Path) -> None:
    made = answer("init", config=config)
    assert set(made) == {"operator", "account", "key"}
    assert set(answer("init", config=config)) == {"operator", "account"}

    created = answer("accounts", "create", "Dev@Example.com", "--currency", "CNY", config=config)
    listed = answer("accounts", "list", config=config)["accounts"]
    assert [(each["email"], each["currency"]) for each in listed] == [
        (OPERATOR, "USD"),
        ("dev@example.com", "CNY"),
    ]
    assert answer("accounts", "password", "dev@example.com", config=config)["account"] == created["account"]

    key = answer("keys", "create", "--account", OPERATOR, "--name", "second", config=config)
    assert answer("keys", "disable", key["id"], config=config)["disabled_at"] is not None
    assert answer("keys", "delete", key["id"], config=config)["deleted_at"] is not None
    assert [each["name"] for each in answer("keys", "list", config=config)["keys"]] == ["first"]

    assert answer("usage", "--account", OPERATOR, config=config)["requests"] == 0

    file = config.with_name("catalogue.toml")
    file.write_text(CATALOGUE)
    answer("catalog", "apply", str(file), config=config)
    assert "mimo-v2.5-pro" in json.dumps(answer("catalog", "list", config=config))
    said = answer("explain", "mimo-v2.5-pro", "--account", "dev@example.com", config=config)
    assert (["upstream"], "CNY") == ([way["target"] for way in said["routes"]], said["account"]["currency"])
    assert not answer("secrets", "rotate", config=config)["rotated"]


def test_migrate_says_whether_there_was_anything_to_do(config: Path) -> None:
    assert answer("migrate", config=config) == {"migrated": True, "revision": newest_revision()}
    assert answer("migrate", config=config) == {"migrated": False, "revision": newest_revision()}
    assert not (config.parent / "data").exists()


@pytest.mark.parametrize("command", [["accounts", "list"], ["keys", "list"], ["usage", "--account", "a@b"]])
def test_every_command_asks_for_init_first(config: Path, command: list[str]) -> None:
    place = ["--data", str(config.parent / "data"), "--config", str(config)]
    done = CliRunner().invoke(app, [*command, *place])
    assert isinstance(done.exception, Fault)
    assert "Run `tokenmill init` first" in done.exception.message


def test_the_settings_are_shown_without_the_databases_password(config: Path) -> None:
    shown = answer("config", "show", config=config)["database"]["url"]
    assert shown.startswith("postgresql://…@127.0.0.1:")
    assert ESCAPED_PASSWORD not in shown


def test_what_is_wrong_goes_to_standard_error_without_the_password(
    config: Path, url: str, postgres: PostgresServer
) -> None:
    config.write_text(config.read_text().replace(ESCAPED_PASSWORD, "hunter2"))
    refused = process("init", config=config)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "PostgreSQL refuses the user or the password" in refused.stderr
    config.write_text(config.read_text().replace("hunter2", ESCAPED_PASSWORD))
    postgres.kill()
    away = process("accounts", "list", config=config)
    assert (away.returncode, away.stdout) == (1, "")
    assert "cannot be used right now" in away.stderr
    for text in (refused.stderr, away.stderr):
        assert len(text.splitlines()) == 1
        assert not any(secret in text for secret in ("hunter2", PASSWORD, ESCAPED_PASSWORD))


def test_the_secret_is_required_with_postgresql(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[database]\nurl = 'postgresql://h/db'\n")
    done = CliRunner().invoke(app, ["init", "--data", str(tmp_path / "data"), "--config", str(file)])
    assert isinstance(done.exception, Fault)
    assert done.exception.code is Code.MISCONFIGURED
    assert "[security] secret is required with PostgreSQL" in done.exception.message
