"""What the `tokenmill` command prints and does, mostly as processes of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tokenmill.accounts.key_check import KeyCheck
from tokenmill.cli.main import app
from tokenmill.cli.setup import Initialised, initialise
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import looks_like_key, new_secret
from tokenmill.settings import load_settings, read_secret
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.hot import HotStore
from tokenmill.store.migrate import newest_revision

OPERATOR = "operator@localhost"
LITERAL = "hunter2-hunter2-hunter2-hunter2-hunter2"


def tokenmill(
    *arguments: str, data: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tokenmill", *arguments, "--data", str(data)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **(environ or {})}
    )


def answer(*arguments: str, data: Path) -> dict[str, Any]:
    """The one JSON object that the command prints; run in this process, since starting one takes a second."""
    done = CliRunner().invoke(app, [*arguments, "--json", "--data", str(data)], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert isinstance(printed, dict)
    return printed


def fault(*arguments: str, data: Path) -> Fault:
    """The fault that ends the command, which has printed nothing."""
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    assert isinstance(done.exception, Fault)
    assert done.stdout == ""
    return done.exception


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def made(data: Path) -> Initialised:
    return asyncio.run(initialise(load_settings(data, None, {}), data))


def test_init_makes_all_that_is_needed_and_a_second_run_shows_no_secret(data: Path) -> None:
    first = tokenmill("init", "--json", data=data)
    assert (first.returncode, first.stderr) == (0, "")
    made = json.loads(first.stdout)
    assert set(made) == {"operator", "account", "key"}
    assert set(made["operator"]) == {"email", "password"}
    assert made["operator"]["email"] == made["account"]["email"] == OPERATOR
    assert looks_like_key(made["key"])
    second = tokenmill("init", "--json", data=data)
    assert second.returncode == 0
    assert json.loads(second.stdout) == {"operator": {"email": OPERATOR}, "account": made["account"]}
    for secret in (made["key"], made["operator"]["password"], (data / "secret").read_text().strip()):
        assert secret not in second.stdout + second.stderr


def test_init_keeps_the_directory_to_its_owner(data: Path, made: Initialised) -> None:
    modes = {
        each.name: each.stat().st_mode & 0o777 for each in (data, data / "secret", data / "tokenmill.db")
    }
    assert modes == {"data": 0o700, "secret": 0o600, "tokenmill.db": 0o600}


def test_init_puts_models_on_offer(data: Path, made: Initialised) -> None:
    with closing(sqlite3.connect(data / "tokenmill.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM catalog_models").fetchone()[0] > 0


def test_two_inits_at_once_make_one_operator(data: Path) -> None:
    command = [sys.executable, "-m", "tokenmill", "init", "--json", "--data", str(data)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    printed = [each.communicate(timeout=60) for each in running]
    assert [each.returncode for each in running] == [0, 0], printed
    answers = [json.loads(stdout) for stdout, _ in printed]
    assert sorted("key" in each for each in answers) == [False, True]
    with closing(sqlite3.connect(data / "tokenmill.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM users").fetchone() == (1,)
        assert connection.execute("SELECT COUNT(*) FROM keys").fetchone() == (1,)
    assert [each.name for each in data.glob(".secret*")] == []


def test_a_secret_that_is_not_the_platforms_is_refused_before_anything_listens(
    data: Path, made: Initialised
) -> None:
    """Else every key would be refused by a server that says it is well."""
    ours = (data / "secret").read_text()
    (data / "secret").write_text(new_secret())

    done = tokenmill("init", data=data)

    assert 1 == done.returncode
    assert "not the one that this platform's keys were made with" in done.stderr
    (data / "secret.old-1").write_text(ours)
    assert 0 == tokenmill("init", data=data).returncode
    (data / "secret.old-1").unlink()
    assert 0 == tokenmill("init", data=data).returncode  # The new one is the platform's now.


def test_init_does_not_replace_a_lost_secret(data: Path, made: Initialised) -> None:
    """A new one would silently turn every key into a stranger."""
    (data / "secret").unlink()
    with closing(sqlite3.connect(data / "tokenmill.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")  # Nor when upgrading.
    assert "Put it back from a backup" in fault("init", data=data).message
    assert not (data / "secret").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["accounts", "list"],
        ["accounts", "create", "a@b"],
        ["accounts", "password", "a@b"],
        ["keys", "list"],
        ["keys", "create", "--account", "a@b", "--name", "x"],
        ["keys", "disable", "key_1"],
        ["usage", "--account", "a@b"],
    ],
)
def test_every_command_asks_for_init_first(data: Path, command: list[str]) -> None:
    assert f"Run `tokenmill init --data {data}` first" in fault(*command, data=data).message
    assert not data.exists()


def test_a_fault_goes_to_standard_error_with_status_1(data: Path) -> None:
    done = tokenmill("keys", "list", "--json", data=data)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tokenmill: There is no TokenMill database at ")
    assert "Traceback" not in done.stderr


def test_wrong_usage_ends_with_status_2(data: Path) -> None:
    for arguments in (
        ["keys", "create"],
        ["nonsense"],
        ["usage", "--account", OPERATOR, "--since", "yesterday"],
    ):
        assert CliRunner().invoke(app, [*arguments, "--data", str(data)]).exit_code == 2


def test_accounts_are_created_listed_and_given_new_passwords(data: Path, made: Initialised) -> None:
    created = answer("accounts", "create", "Dev@Example.com", "--currency", "CNY", data=data)
    assert set(created) == {"account", "password"}
    assert created["account"]["email"] == "dev@example.com"
    renewed = answer("accounts", "password", "dev@example.com", data=data)
    assert renewed["account"] == created["account"]
    assert renewed["password"] != created["password"]
    listed = answer("accounts", "list", data=data)["accounts"]
    assert [(each["email"], each["role"], each["currency"]) for each in listed] == [
        (OPERATOR, "operator", "USD"),
        ("dev@example.com", "developer", "CNY"),
    ]
    assert created["password"] not in json.dumps(listed)


def test_keys_are_created_listed_disabled_and_deleted(data: Path, made: Initialised) -> None:
    created = answer("keys", "create", "--account", OPERATOR, "--name", "second", data=data)
    assert set(created) == {"key", "id"}
    listed = answer("keys", "list", "--account", OPERATOR, data=data)["keys"]
    assert [each["name"] for each in listed] == ["first", "second"]
    assert created["key"] not in json.dumps(listed)
    assert answer("keys", "disable", created["id"], data=data)["disabled_at"] is not None
    assert answer("keys", "enable", created["id"], data=data)["disabled_at"] is None
    assert answer("keys", "delete", created["id"], data=data)["deleted_at"] is not None
    assert [each["name"] for each in answer("keys", "list", data=data)["keys"]] == ["first"]


def test_a_key_is_created_with_what_limits_it(data: Path, made: Initialised) -> None:
    """Cap, models, networks and rates are the key's from its first moment, and the log says who made it."""
    created = answer(
        *("keys", "create", "--account", OPERATOR, "--name", "ci", "--cap", "25.00"),
        *(
            "--model",
            "mimo-v2.5-pro[1m]",
            "--model",
            "mimo-v2-flash",
            "--address",
            "10.1.2.3/8",
            "--rpm",
            "5",
        ),
        data=data,
    )
    listed = {each["id"]: each for each in answer("keys", "list", data=data)["keys"]}[created["id"]]
    assert (listed["cap"], listed["models"], listed["addresses"], listed["limits"]) == (
        25_000_000_000,
        ["mimo-v2.5-pro", "mimo-v2-flash"],
        ["10.0.0.0/8"],
        {"rpm": 5},
    )
    with closing(sqlite3.connect(data / "tokenmill.db")) as connection:
        (balance,) = connection.execute(
            "SELECT balance FROM purses WHERE id = ?", (f"cap/{created['id']}",)
        ).fetchone()
        (entry,) = connection.execute("SELECT actor, action FROM audit WHERE subject = ?", (created["id"],))
    assert (balance, entry) == (25_000_000_000, ("cli", "key.create"))


def test_an_accounts_web_search_is_switched(data: Path, made: Initialised) -> None:
    """The command answers what is the case now, and an unknown word is refused."""
    for word in ("on", "off"):
        done = answer("accounts", "plugins", OPERATOR, "--web-search", word, data=data)
        assert done["web_search"] == word
        with closing(sqlite3.connect(data / "tokenmill.db")) as connection:
            (row,) = connection.execute("SELECT web_search FROM accounts").fetchall()
        assert row == (word == "on",)
    assert tokenmill("accounts", "plugins", OPERATOR, "--web-search", "maybe", data=data).returncode == 2


def test_people_read_lists_whose_ids_are_whole(data: Path, made: Initialised) -> None:
    listed = answer("keys", "list", data=data)["keys"]
    printed = CliRunner().invoke(app, ["keys", "list", "--data", str(data)]).stdout
    assert all(each["id"] in printed and each["shown"] in printed for each in listed)
    printed = CliRunner().invoke(app, ["accounts", "list", "--data", str(data)]).stdout
    assert made.account_id in printed


def test_a_key_given_where_its_id_belongs_is_not_repeated(data: Path, made: Initialised) -> None:
    assert made.key is not None
    done = tokenmill("keys", "disable", made.key, data=data)
    assert done.returncode == 1
    assert made.key not in done.stdout + done.stderr


def test_usage_has_exactly_the_promised_fields(data: Path, made: Initialised) -> None:
    kinds = ("input_fresh", "input_cached", "input_written", "output", "output_reasoning")
    assert answer("usage", "--account", OPERATOR, "--since", "2026-01-01T00:00:00Z", data=data) == {
        "requests": 0,
        "tokens": dict.fromkeys(kinds, 0),
        "cost": {"USD": "0.00"},
        "credits": {"used": 0, "left": 0},
        "balance": {"USD": "0.00"},
        "holds_open": 0,
    }


def test_migrate_says_whether_there_was_anything_to_do(data: Path) -> None:
    assert answer("migrate", data=data) == {"migrated": True, "revision": newest_revision()}
    assert answer("migrate", data=data) == {"migrated": False, "revision": newest_revision()}


def test_config_check_names_an_unknown_setting_of_the_file_and_of_the_environment(data: Path) -> None:
    data.mkdir()
    (data / "tokenmill.toml").write_text("[server]\nprot = 8080\n")
    done = tokenmill("config", "check", data=data)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[server] prot" in done.stderr
    (data / "tokenmill.toml").unlink()
    done = tokenmill("config", "check", data=data, environ={"TOKENMILL__SERVER__PROT": "1"})
    assert done.returncode == 1
    assert "TOKENMILL__SERVER__PROT is not a setting; did you mean TOKENMILL__SERVER__PORT" in done.stderr


def test_config_check_says_what_nothing_acts_on_and_reads_lists(data: Path) -> None:
    data.mkdir()
    (data / "tokenmill.toml").write_text("[moderation]\ninput = 'block'\nlists = []\n")
    assert answer("config", "check", data=data) == {"ok": True, "without_effect": ["[moderation] input"]}
    (data / "tokenmill.toml").write_text("[moderation]\ninput = 'block'\nlists = ['mine.txt']\n")
    done = tokenmill("config", "check", data=data)
    assert done.returncode == 1
    assert "mine.txt cannot be read" in done.stderr


def test_no_command_ever_shows_the_secret_of_the_settings(data: Path) -> None:
    """By reference it is named, never read out; a literal one is refused, never repeated."""
    data.mkdir()
    (data / "tokenmill.toml").write_text(
        "[security]\nsecret = 'env:MILL_SECRET'\n[cache]\nurl = 'redis://:hunter2@h'"
    )
    environ = {"MILL_SECRET": LITERAL}
    outputs = [
        tokenmill(*command, data=data, environ=environ)
        for command in (["config", "show", "--json"], ["config", "check"], ["init"])
    ]
    assert [each.returncode for each in outputs] == [0, 0, 0]
    assert json.loads(outputs[0].stdout)["security"]["secret"] == "env:MILL_SECRET"
    assert not (data / "secret").exists()
    (data / "tokenmill.toml").write_text(f"[security]\nsecret = '{LITERAL}'")
    outputs.append(tokenmill("config", "show", data=data))
    assert outputs[-1].returncode == 1
    for each in outputs:
        assert "hunter2" not in each.stdout + each.stderr


def test_a_key_for_a_model_that_is_not_there_is_not_made(data: Path, made: Initialised) -> None:
    """It would refuse every request; a slip of the pen is answered with the name that was meant."""
    asked = ("keys", "create", "--account", OPERATOR, "--name", "slip", "--model", "mimo-v2.5-prp")
    said = fault(*asked, data=data)
    assert ("bad_value", "models") == (said.code, said.field)
    assert "There is no model 'mimo-v2.5-prp'." in said.message
    assert "mimo-v2.5-pro" in said.message.partition("'. ")[2]
    assert ["first"] == [each["name"] for each in answer("keys", "list", data=data)["keys"]]


async def test_a_running_node_refuses_a_key_soon_after_the_command_has_disabled_it(data: Path) -> None:
    """Promised within 1 s; asserted within 10, counted from the end of the command."""
    settings = load_settings(data, None, {})
    whole = (await initialise(settings, data)).key
    secret = read_secret(settings.security.secret, {})
    async with HotStore(settings.database.url) as hot, ChangeFeed(hot) as feed:
        check = KeyCheck(hot, SystemClock(), secret)
        feed.subscribe(check.forget)
        caller = await check.check(whole, "sk")
        done = await asyncio.to_thread(tokenmill, "keys", "disable", caller.key_id, data=data)
        ended = time.monotonic()
        assert done.returncode == 0
        refusals: list[Fault] = []
        while not refusals:
            assert time.monotonic() - ended < 10
            await asyncio.sleep(0.02)
            try:
                await check.check(whole, "sk")
            except Fault as refusal:
                refusals.append(refusal)
    assert refusals[0].code is Code.KEY_ENDED
