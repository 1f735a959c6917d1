"""What `tokenmill secrets rotate` does and says."""

from __future__ import annotations

import asyncio
import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tokenmill.cli.main import app
from tokenmill.cli.setup import initialise
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_secret
from tokenmill.settings import load_settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*options: str) -> Result:
        return CliRunner().invoke(app, ["secrets", "rotate", "--data", str(tmp_path), *options])

    return run


def printed(done: Result) -> dict[str, Any]:
    assert (done.exit_code, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_the_generated_secret_is_replaced_and_the_old_one_kept(run: Run, tmp_path: Path) -> None:
    asyncio.run(initialise(load_settings(tmp_path, None, {}), tmp_path))
    secret = tmp_path / "secret"
    first = secret.read_text()

    answer = printed(run("--json"))
    assert answer == {"rotated": True, "secret": str(secret), "kept": f"{secret}.old-1"}
    second = secret.read_text()
    assert f"{secret}.old-2" in run().stdout

    assert [first, second] == [Path(f"{secret}.old-{number}").read_text() for number in (1, 2)]
    assert len({first, second, secret.read_text()}) == 3
    assert 0o600 == stat.S_IMODE(secret.stat().st_mode)
    files = [f"file:{secret}.old-2", f"file:{secret}.old-1"]
    assert files == list(load_settings(tmp_path, None, {}).security.secrets_old)
    assert first not in run().stdout


def test_old_secrets_are_found_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Beside those of the settings; other files are none of them."""
    for name in ("secret.old-2", "secret.old-10", "secret.old-", "secret.old-x", "secret.older-3"):
        (tmp_path / name).write_text(new_secret())
    (tmp_path / "tokenmill.toml").write_text("[security]\nsecrets_old = ['file:mine', 'file:secret.old-2']")
    old = load_settings(tmp_path, None, {}).security.secrets_old
    assert [f"file:{tmp_path}/{name}" for name in ("mine", "secret.old-2", "secret.old-10")] == list(old)


@pytest.mark.parametrize(
    ("reference", "new"),
    [
        ("env:MILL", "env:MILL_2"),
        ("env:MILL_9", "env:MILL_10"),
        ("file:/run/secrets/mill", "file:/run/secrets/mill-2"),
        ("file:/run/secrets/mill-2", "file:/run/secrets/mill-3"),
    ],
)
def test_a_secret_kept_elsewhere_is_its_keepers_to_change(
    run: Run, tmp_path: Path, reference: str, new: str
) -> None:
    """The two lines are told, and they are TOML; nothing is written."""
    toml = f"[security]\nsecret = '{reference}'\nsecrets_old = ['env:OLDER']\n"
    (tmp_path / "tokenmill.toml").write_text(toml)

    change = {"secret": new, "secrets_old": [reference, "env:OLDER"]}
    assert printed(run("--json")) == {"rotated": False, "change": change}
    text = run().stdout
    said = [line for line in text.splitlines() if line.startswith("  ")]
    assert tomllib.loads("\n".join(said[:3])) == {"security": change}
    assert tomllib.loads(said[3]) == {"secrets_next": [new]}

    assert ["tokenmill.toml"] == [path.name for path in tmp_path.iterdir()]


def test_there_is_nothing_to_replace_before_init(run: Run, tmp_path: Path) -> None:
    done = run()
    assert isinstance(done.exception, Fault)
    assert done.exception.code is Code.MISCONFIGURED
    assert "tokenmill init" in done.exception.message
    assert [] == list(tmp_path.iterdir())
