"""What the commands of money print and do."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tokenmill.billing.codes import looks_like_code
from tokenmill.cli.main import app
from tokenmill.cli.setup import initialise
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import looks_like_key
from tokenmill.settings import load_settings

DEV = ("--account", "dev@example.com")
LITE = ("plans", "subscribe", *DEV, "--plan", "lite")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh platform with an account, in a directory."""
    asyncio.run(initialise(load_settings(tmp_path, None, {}), tmp_path))
    answer("accounts", "create", "dev@example.com", data=tmp_path)
    return tmp_path


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)])


def answer(*arguments: str, data: Path) -> dict[str, Any]:
    """The one JSON object that the command prints."""
    done = run(*arguments, "--json", data=data)
    assert (done.exit_code, done.stderr) == (0, ""), done.exception
    printed = json.loads(done.stdout)
    assert isinstance(printed, dict)
    return printed


def fault(*arguments: str, data: Path) -> Fault:
    done = run(*arguments, data=data)
    assert isinstance(done.exception, Fault)
    assert done.stdout == ""
    return done.exception


def test_a_subscription_comes_with_its_key_and_shows_in_the_usage(data: Path) -> None:
    made = answer(*LITE, data=data)
    assert set(made) == {"key", "subscription"}
    assert set(made["subscription"]) == {"id", "plan", "ends_at"}
    assert made["key"].startswith("tp-")
    assert looks_like_key(made["key"])
    assert made["subscription"]["plan"] == "lite"
    assert made["subscription"]["ends_at"].endswith("T23:59:59Z")
    used = answer("usage", *DEV, data=data)
    assert used["credits"] == {"used": 0, "left": 4_100_000_000}


def test_a_second_plan_and_an_unknown_one_are_refused(data: Path) -> None:
    assert (
        "There are: lite, standard, pro, max."
        in fault("plans", "subscribe", *DEV, "--plan", "gold", data=data).message
    )
    answer(*LITE, "--period", "year", data=data)
    assert fault(*LITE, data=data).code is Code.CONFLICT


def test_the_plans_key_is_reset(data: Path) -> None:
    first = answer(*LITE, data=data)["key"]
    second = answer("keys", "reset", *DEV, "--plan", data=data)
    assert second["key"].startswith("tp-")
    assert second["key"] != first
    (listed,) = answer("keys", "list", *DEV, data=data)["keys"]
    assert (listed["id"], listed["kind"]) == (second["id"], "tp")
    assert run("keys", "reset", *DEV, data=data).exit_code == 2


def test_there_is_no_plan_key_without_a_plan(data: Path) -> None:
    assert fault("keys", "reset", *DEV, "--plan", data=data).code is Code.NOT_FOUND


def test_plans_are_listed_with_exact_prices(data: Path) -> None:
    plans = answer("plans", "list", data=data)["plans"]
    assert [(plan["id"], plan["credits"]) for plan in plans] == [
        ("lite", 4_100_000_000),
        ("standard", 11_000_000_000),
        ("pro", 38_000_000_000),
        ("max", 82_000_000_000),
    ]
    lite = answer("plans", "show", "lite", data=data)["plan"]
    assert lite == plans[0]
    assert lite["price"] == {
        "USD": {"month": "6.00", "year": "63.36"},
        "CNY": {"month": "39.00", "year": "411.84"},
    }
    printed = run("plans", "list", data=data).stdout
    assert "6.00 USD, 39.00 CNY" in printed
    presets = CliRunner().invoke(app, ["plans", "presets"]).stdout
    assert [plan["id"] for plan in tomllib.loads(presets)["plans"]] == [plan["id"] for plan in plans]


def test_money_is_given_and_taken_back(data: Path) -> None:
    given = answer("wallet", "grant", *DEV, "--amount", "25.00", "--currency", "USD", data=data)
    assert given == {"balance": {"USD": "25.00"}}
    taken = answer("wallet", "take-back", *DEV, "--amount", "5.5", data=data)
    assert taken == {"balance": {"USD": "19.50"}}
    assert answer("usage", *DEV, data=data)["balance"] == {"USD": "19.50"}
    assert fault("wallet", "take-back", *DEV, "--amount", "20", data=data).code is Code.NO_FUNDS
    assert (
        fault("wallet", "grant", *DEV, "--amount", "1", "--currency", "CNY", data=data).code is Code.BAD_VALUE
    )


@pytest.mark.parametrize("amount", ["0", "-1", "x", "0.0000000001", "nan"])
def test_an_amount_that_cannot_be_is_refused(data: Path, amount: str) -> None:
    done = run("wallet", "grant", *DEV, f"--amount={amount}", data=data)
    assert done.exit_code == 2


def test_codes_are_made_listed_and_disabled(data: Path) -> None:
    made = answer("codes", "create", "--amount", "10.00", "--currency", "USD", "--count", "5", data=data)
    assert len(set(made["codes"])) == 5
    assert all(map(looks_like_code, made["codes"]))
    listed = answer("codes", "list", "--batch", made["batch"], data=data)["codes"]
    assert [code["amount"] for code in listed] == ["10.00"] * 5
    printed = run("codes", "list", data=data).stdout
    assert all(code not in printed for code in made["codes"])
    assert answer("codes", "disable", made["batch"], data=data)["disabled"] == 5


def test_codes_for_people_are_one_a_line(data: Path) -> None:
    done = run("codes", "create", "--amount", "1", "--count", "3", data=data)
    assert [looks_like_code(line) for line in done.stdout.splitlines()] == [True] * 3


def test_the_books_of_a_fresh_platform_are_right(data: Path) -> None:
    answer("wallet", "grant", *DEV, "--amount", "25", data=data)
    answer(*LITE, data=data)
    assert answer("ledger", "verify", data=data) == {
        "ok": True,
        "transfers": 2,
        "orphan_holds": 0,
        "differences": [],
    }


def test_wrong_books_are_told_and_end_with_a_failure(data: Path) -> None:
    answer("wallet", "grant", *DEV, "--amount", "25", data=data)
    with closing(sqlite3.connect(data / "tokenmill.db", isolation_level=None)) as connection:
        connection.execute("UPDATE purses SET balance = balance + 1 WHERE balance > 0")
    done = run("ledger", "verify", "--json", data=data)
    assert done.exit_code == 1
    verified = json.loads(done.stdout)
    assert (verified["ok"], len(verified["differences"])) == (False, 1)
    assert "it holds 25000000001, and 25000000000 was posted to it" in verified["differences"][0]
    assert "1 differences" in run("ledger", "verify", data=data).stdout


def test_a_platform_of_before_gets_plans_and_keeps_what_was_changed(data: Path) -> None:
    with closing(sqlite3.connect(data / "tokenmill.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM plans WHERE id = 'max'")
        connection.execute("UPDATE plans SET retired_at = '2026-01-01 00:00:00.000000' WHERE id = 'lite'")
    for _ in range(2):
        asyncio.run(initialise(load_settings(data, None, {}), data))
    plans = answer("plans", "list", data=data)["plans"]
    assert [(plan["id"], plan["retired_at"] is None) for plan in plans] == [
        ("lite", False),
        ("standard", True),
        ("pro", True),
        ("max", True),
    ]


def test_every_act_of_the_command_line_is_in_the_audit_log(data: Path, tmp_path: Path) -> None:
    """By the names that the admin API gives them, with the account they concern, and without a secret."""
    account = answer("accounts", "list", data=data)["accounts"][-1]["id"]
    file = tmp_path / "catalogue.toml"
    file.write_text('[[models]]\nid = "m"\ntargets = [{ target = "embedded", model = "m" }]\n')
    answer("catalog", "apply", str(file), data=data)
    keys = [answer("keys", "create", *DEV, "--name", "ci", data=data)["id"] for _ in range(2)]
    answer("keys", "disable", keys[0], data=data)
    answer("keys", "delete", keys[1], data=data)
    plan = answer(*LITE, data=data)
    reset = answer("keys", "reset", *DEV, "--plan", data=data)
    answer("wallet", "grant", *DEV, "--amount", "2.00", data=data)
    answer("wallet", "take-back", *DEV, "--amount", "0.50", "--note", "a mistake", data=data)
    codes = answer("codes", "create", "--amount", "1.00", "--count", "2", data=data)
    answer("codes", "disable", codes["batch"], data=data)
    with closing(sqlite3.connect(data / "tokenmill.db")) as connection:
        rows = connection.execute("SELECT actor, action, subject, account_id, details FROM audit ORDER BY id")
        log = [
            (actor, action, subject, whose, json.loads(rest)) for actor, action, subject, whose, rest in rows
        ]
    assert [entry[:4] for entry in log[1:]] == [
        ("cli", "catalogue.apply", "catalogue", None),
        ("cli", "key.create", keys[0], account),
        ("cli", "key.create", keys[1], account),
        ("cli", "key.disable", keys[0], account),
        ("cli", "key.delete", keys[1], account),
        ("cli", "plan.grant", plan["subscription"]["id"], account),
        ("cli", "plan.key_reset", reset["id"], account),
        ("cli", "wallet.grant", account, account),
        ("cli", "wallet.grant", account, account),
        ("cli", "codes.create", codes["batch"], None),
        ("cli", "codes.disable", codes["batch"], None),
    ]
    details = {(entry[1], entry[2]): entry[4] for entry in log}
    assert details["catalogue.apply", "catalogue"] == {"changed": "model m"}
    assert details["wallet.grant", account] == {
        "amount": -500_000_000,
        "currency": "USD",
        "note": "a mistake",
    }
    for secret in (plan["key"], reset["key"], *codes["codes"]):
        assert secret not in str(log)
