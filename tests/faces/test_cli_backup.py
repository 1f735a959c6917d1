"""What `tokenmill backup` and `tokenmill restore` do, on both databases, beside a platform that serves."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.books import fill, hold, read_books, settlement, usage
from tests.flow.asgi import status_of
from tests.servers import ESCAPED_PASSWORD, PASSWORD, PostgresServer
from tokenmill.cli.main import app
from tokenmill.cli.setup import initialise
from tokenmill.compose import open_platform
from tokenmill.exchange.hold import Draft, encode_draft
from tokenmill.jobs.nodes import node_lease
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_secret
from tokenmill.settings import load_settings
from tokenmill.store.database import open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.migrate import newest_revision

WALLET = "wallet/acc_1"


class Place:
    """A data directory with its settings; on PostgreSQL, a database of its own."""

    def __init__(self, data: Path, url: str | None) -> None:
        self.data = data
        self._url = url
        data.mkdir(mode=0o700)

    def write_settings(self) -> None:
        lines = ["[embedded]", "enabled = false"]
        if self._url is not None:
            lines += ["[database]", f"url = '{self._url}'", "[security]", "secret = 'file:secret'"]
        (self.data / "tokenmill.toml").write_text("\n".join(lines) + "\n")

    @property
    def environ(self) -> dict[str, str]:
        """Where a restore is to go: the backup's own settings still name the first database."""
        return {} if self._url is None else {"TOKENMILL__DATABASE__URL": self._url}

    @property
    def url(self) -> str:
        return load_settings(self.data, None, self.environ).database.url

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--data", str(self.data)], env=self.environ)

    def answer(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, ""), done.exception
        said = json.loads(done.stdout)
        assert isinstance(said, dict)
        return said

    def fault(self, *arguments: str) -> Fault:
        done = self.run(*arguments)
        assert isinstance(done.exception, Fault)
        assert done.stdout == ""
        return done.exception


@pytest.fixture(params=["sqlite", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    """A platform with a key and money, and an empty place to restore it to."""
    if request.param == "sqlite":
        yield set_up(tmp_path, None, None)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{server.programs}:{path}"
    try:
        with server.database() as one, server.database() as two:
            yield set_up(tmp_path, server.url(one), server.url(two))
    finally:
        os.environ["PATH"] = path


def set_up(folder: Path, one: str | None, two: str | None) -> tuple[Place, Place]:
    first, second = Place(folder / "first", one), Place(folder / "second", two)
    first.write_settings()
    (first.data / "secret").write_text(new_secret())
    asyncio.run(initialise(load_settings(first.data, None, {}), first.data, {}))
    asyncio.run(fill(first.url, {WALLET: 10_000}))
    return first, second


async def serves(place: Place, key: str) -> int:
    settings = load_settings(place.data, None, place.environ)
    async with open_platform(settings, place.data) as platform:
        return await status_of(platform.app, "/v1/models", key)


def test_what_is_restored_serves_as_before(places: tuple[Place, Place]) -> None:
    """Keys, those of an old secret too; the books are proven."""
    first, second = places
    old = first.answer("keys", "create", "--account", "operator@localhost", "--name", "old")["key"]
    if "postgres" not in first.url:
        first.answer("secrets", "rotate")
    key = first.answer("keys", "create", "--account", "operator@localhost", "--name", "new")["key"]
    file = first.data.parent / "mill.backup"

    made = first.answer("backup", str(file))
    assert made["revision"] == newest_revision()
    assert {"database", "data/tokenmill.toml", "data/secret"} <= set(made["files"])
    assert (made["left_out"], made["size"]) == ([], file.stat().st_size)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    first.answer("keys", "create", "--account", "operator@localhost", "--name", "too-late")

    restored = second.answer("restore", str(file))
    assert restored["ledger"] == {"ok": True, "transfers": 1, "orphan_holds": 0, "differences": []}
    assert second.answer("ledger", "verify")["ok"]
    assert {"first", "old", "new"} == {key["name"] for key in second.answer("keys", "list")["keys"]}
    assert [200, 200] == [asyncio.run(serves(second, each)) for each in (old, key)]
    for path in second.data.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.name.endswith(".lock"), path


def test_a_backup_is_one_moment_of_a_database_that_is_written_to(places: tuple[Place, Place]) -> None:
    """Exchanges that run are settled by the copy at their last counts, and its books balance."""
    first, second = places
    file = first.data.parent / "mill.backup"

    async def busy() -> None:
        async with (
            HotStore(first.url) as hot,
            open_database(first.url) as database,
            node_lease(database, SystemClock(), first.data) as node,
        ):
            draft = encode_draft(Draft(usage("ex_running"), "platform/revenue", "platform/shortfall"))
            await hot.hold(hold("ex_running", 500, None, WALLET, node=node, draft=draft))
            copying = asyncio.create_task(asyncio.to_thread(first.answer, "backup", str(file)))
            n = 0
            while not copying.done():
                n += 1
                own = encode_draft(Draft(usage(f"ex_{n}"), "platform/revenue", "platform/shortfall"))
                await hot.hold(hold(f"ex_{n}", 10, None, WALLET, node=node, draft=own))
                await hot.settle(settlement(f"ex_{n}", 1, WALLET))
            await copying
            assert n > 1
            await hot.settle(settlement("ex_running", 400, WALLET))

    asyncio.run(busy())
    restored = second.answer("restore", str(file))

    assert restored["settled"] in (1, 2)  # The second may have been caught between its hold and its end.
    assert restored["ledger"]["ok"]
    books = asyncio.run(read_books(second.url))
    assert ("recovered", 500) == books.holds["ex_running"]
    assert 0 == books.purses[WALLET][1]


def test_nothing_is_overwritten_unless_it_is_asked_for(places: tuple[Place, Place]) -> None:
    first, second = places
    file = first.data.parent / "mill.backup"
    file.write_text("precious")
    assert first.fault("backup", str(file)).code is Code.CONFLICT
    assert "precious" == file.read_text()
    first.answer("backup", str(file), "--force")

    second.answer("restore", str(file))
    second.answer("keys", "create", "--account", "operator@localhost", "--name", "later")
    assert second.fault("restore", str(file)).code is Code.CONFLICT
    assert second.answer("restore", str(file), "--force")["ledger"]["ok"]
    assert ["first"] == [key["name"] for key in second.answer("keys", "list")["keys"]]
    assert sorted(path.name for path in file.parent.iterdir()) == ["first", "mill.backup", "second"]


def test_a_running_server_keeps_its_data(places: tuple[Place, Place]) -> None:
    """By its lock in the directory, or on another machine by its lease in the database."""
    first, second = places
    file = first.data.parent / "mill.backup"
    first.answer("backup", str(file))
    second.answer("restore", str(file))

    async def during_a_lease(data: Path) -> Fault:
        async with open_database(second.url) as database, node_lease(database, SystemClock(), data):
            return await asyncio.to_thread(second.fault, "restore", str(file), "--force")

    assert "A server runs on" in asyncio.run(during_a_lease(second.data)).message
    if "postgres" in second.url:
        elsewhere = first.data.parent / "elsewhere"
        elsewhere.mkdir()
        assert "Servers run on this database" in asyncio.run(during_a_lease(elsewhere)).message
    assert second.answer("restore", str(file), "--force")["ledger"]["ok"]


@contextmanager
def rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> Iterator[Path]:
    """The archive, each member as `change` has it; None leaves it out."""
    target = file.with_name("changed.backup")
    with tarfile.open(file) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            data = change(member.name, content.read())
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    yield target
    target.unlink()


def of_manifest(old: str, new: str) -> Callable[[str, bytes], bytes]:
    return lambda name, data: data.replace(old.encode(), new.encode()) if name == "manifest.json" else data


@pytest.fixture
def backed_up(tmp_path: Path) -> tuple[Place, Path]:
    """An empty place, and a backup of another."""
    first, second = set_up(tmp_path, None, None)
    file = tmp_path / "mill.backup"
    first.answer("backup", str(file))
    return second, file


def test_a_backup_of_a_newer_version_is_refused(backed_up: tuple[Place, Path]) -> None:
    second, file = backed_up
    newer = of_manifest(f'"revision": "{newest_revision()}"', '"revision": "9999"')
    with rewritten(file, newer) as changed:
        assert "newer TokenMill" in second.fault("restore", str(changed)).message
    with rewritten(file, of_manifest('"format": 1', '"format": 2')) as changed:
        assert "format 2" in second.fault("restore", str(changed)).message
    assert not any(path.is_file() and path.suffix != ".lock" for path in second.data.rglob("*"))


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: data[:-1] + bytes([data[-1] ^ 1]) if name == "database" else data,
        lambda name, data: data + b"x" if name == "database" else data,
        lambda name, data: None if name == "database" else data,
        lambda name, data: None if name == "data/secret" else data,
        lambda name, data: None if name == "manifest.json" else data,
        of_manifest("data/secret", "data/../../secret"),
        of_manifest("{", "["),
    ],
)
def test_a_damaged_backup_restores_nothing(
    backed_up: tuple[Place, Path], change: Callable[[str, bytes], bytes | None]
) -> None:
    second, file = backed_up
    with rewritten(file, change) as changed:
        fault = second.fault("restore", str(changed))
    assert fault.code is Code.BAD_VALUE
    assert "not a whole backup" in fault.message
    assert not any(path.is_file() and path.suffix != ".lock" for path in second.data.rglob("*"))


def test_a_backup_that_is_cut_anywhere_restores_nothing(backed_up: tuple[Place, Path]) -> None:
    second, file = backed_up
    whole = file.read_bytes()
    for size in (0, 10, 100, len(whole) // 2, len(whole) - 600):
        file.write_bytes(whole[:size])
        assert second.fault("restore", str(file)).code is Code.BAD_VALUE
    file.write_bytes(b"not an archive at all" * 100)
    assert second.fault("restore", str(file)).code is Code.BAD_VALUE
    file.write_bytes(whole)
    assert second.answer("restore", str(file))["ledger"]["ok"]


def test_leftovers_of_a_database_that_goes_do_not_spoil_the_one_that_comes(
    backed_up: tuple[Place, Path],
) -> None:
    """A server that was killed leaves its log behind, which SQLite would read into any file of that name."""
    second, file = backed_up
    second.answer("restore", str(file))
    database = second.data / "tokenmill.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE left_behind (a)")
        connection.commit()
        log = database.with_name("tokenmill.db-wal").read_bytes()
        assert log
    database.with_name("tokenmill.db-wal").write_bytes(log)
    second.answer("restore", str(file), "--force")
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "left_behind" not in tables
    assert second.answer("ledger", "verify")["ok"]


def test_files_of_keys_go_along_and_what_is_kept_elsewhere_is_named(tmp_path: Path) -> None:
    first, second = set_up(tmp_path, None, None)
    (first.data / "keys").mkdir()
    (first.data / "keys/gpu").write_text("secret of a target")
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_text(
        "".join(
            f'[[targets]]\nid = "{name}"\nengine = "openai"\nbase_url = "http://h/v1"\napi_key = "{key}"\n'
            for name, key in (("a", "file:keys/gpu"), ("b", "env:GPU_KEY"), ("c", "file:/etc/mill/key"))
        )
    )
    first.answer("catalog", "apply", str(catalogue))
    made = first.answer("backup", str(tmp_path / "b"))
    assert ["env:GPU_KEY", "file:/etc/mill/key"] == made["left_out"]
    (first.data / "files/acc_1").mkdir(parents=True)
    (first.data / "files/acc_1/file_1").write_text("uploaded")
    made = first.answer("backup", str(tmp_path / "b"), "--force")
    assert f"uploaded files, which lie in {first.data / 'files'}" == made["left_out"][-1]
    assert not any("acc_1" in name for name in made["files"])
    assert made["left_out"] == second.answer("restore", str(tmp_path / "b"))["left_out"]
    assert "secret of a target" == (second.data / "keys/gpu").read_text()


def test_without_pg_dump_the_command_to_run_is_named(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the password is not, there or when pg_dump fails."""
    with postgres.database() as name:
        first, _ = set_up(tmp_path, postgres.url(name), None)
        monkeypatch.setenv("PATH", str(tmp_path))
        fault = first.fault("backup", str(tmp_path / "b"))
        assert "pg_dump is not on PATH" in fault.message
        assert "pg_dump --format=custom" in fault.message
        assert f"--dbname=postgresql://tokenmill@127.0.0.1:{postgres.port}/{name}" in fault.message
        (tmp_path / "pg_dump").write_text('#!/bin/sh\necho "pg_dump: error: no $PGPASSWORD" >&2; exit 1')
        (tmp_path / "pg_dump").chmod(0o700)
        failed = first.fault("backup", str(tmp_path / "b"))
    assert "pg_dump failed: no …" in failed.message
    for text in (fault.message, failed.message):
        assert PASSWORD not in text
        assert ESCAPED_PASSWORD not in text
    assert not (tmp_path / "b").exists()
