from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.processes import free_port
from tests.servers import ESCAPED_PASSWORD, PASSWORD, PostgresServer
from tokenmill.cli.setup import initialise
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_secret
from tokenmill.settings import load_settings
from tokenmill.store.database import Database, open_database
from tokenmill.store.migrate import migrate, pending, require_migrated
from tokenmill.store.postgres import connect


async def fault_at(url: str) -> Fault:
    """What opening the database says; it never holds the password."""
    with pytest.raises(Fault) as caught:
        async with open_database(url):
            pass
    for secret in (PASSWORD, ESCAPED_PASSWORD, "hunter2"):
        assert secret not in caught.value.message
    return caught.value


async def test_a_wrong_password_is_the_operators_to_mend(postgres: PostgresServer, postgres_url: str) -> None:
    fault = await fault_at(postgres_url.replace(ESCAPED_PASSWORD, "hunter2"))
    assert fault.code is Code.MISCONFIGURED
    assert "user or the password in [database] url" in fault.message
    unknown = await fault_at(postgres.url("postgres", user="nobody_here", password="hunter2"))
    assert unknown.code is Code.MISCONFIGURED


async def test_a_missing_database_is_named_with_what_makes_it(postgres: PostgresServer) -> None:
    fault = await fault_at(postgres.url("absent"))
    assert fault.code is Code.MISCONFIGURED
    assert "CREATE DATABASE absent" in fault.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2/@127.0.0.1:5432/db",
        "postgresql://user:hunter2@127.0.0.1:port/db",
        "postgresql://user:hunter2@[::1/db",
    ],
)
async def test_a_url_that_makes_no_sense_is_not_quoted(url: str) -> None:
    assert (await fault_at(url)).code is Code.MISCONFIGURED


async def test_a_parameter_that_nobody_knows_is_the_operators_to_mend(postgres_url: str) -> None:
    assert (await fault_at(f"{postgres_url}?no_such=1")).code is Code.MISCONFIGURED
    assert (await fault_at(f"{postgres_url}?sslmode=require")).code is Code.MISCONFIGURED


async def test_nobody_at_the_address_is_a_reason_to_try_again() -> None:
    fault = await fault_at(f"postgresql://user:hunter2@127.0.0.1:{free_port()}/db")
    assert (fault.code, fault.retry_after) == (Code.UNAVAILABLE, 1.0)
    assert "127.0.0.1" not in fault.message


async def test_a_server_that_says_nothing_is_given_up_after_five_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        fault = await asyncio.wait_for(fault_at(f"postgresql://user@127.0.0.1:{port}/db"), timeout=50)
    assert fault.code is Code.UNAVAILABLE


async def test_too_many_connections_are_a_reason_to_try_again(
    postgres: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.psql(f"ALTER DATABASE {name} CONNECTION LIMIT 2")
    async with AsyncExitStack() as held:
        for _ in range(2):
            connection = await connect(postgres_url)
            held.push_async_callback(connection.close)
        fault = await fault_at(postgres_url)
    assert (fault.code, fault.retry_after) == (Code.UNAVAILABLE, 1.0)
    assert "too many connections" in fault.message


async def test_units_of_work_fail_while_the_server_is_away_and_work_when_it_is_back(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with open_database(postgres_url) as database:
        async with database.read() as view:
            assert await view.session.scalar(text("SELECT 1")) == 1
        postgres.kill()
        for unit in (database.read, database.write):
            with pytest.raises(Fault) as caught:
                async with unit() as work:
                    await work.session.execute(text("SELECT 1"))
            assert (caught.value.code, caught.value.retry_after) == (Code.UNAVAILABLE, 1.0)
            assert PASSWORD not in caught.value.message
        postgres.start()
        async with database.write() as work:
            assert await work.session.scalar(text("SELECT 1")) == 1


async def _interrupted(database: Database, interrupt: Callable[[], Awaitable[None]]) -> Fault:
    """How a unit of work fails when that happens in the middle of it."""

    async def work_on() -> None:
        async with database.write() as work:
            await work.changed("key", "lost")
            await interrupt()
            await work.changed("key", "lost")

    with pytest.raises(Fault) as caught:
        await work_on()
    return caught.value


async def test_a_server_that_dies_within_a_unit_of_work_takes_all_of_it_along(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with open_database(postgres_url) as database:
        killed = _interrupted(database, lambda: asyncio.to_thread(postgres.kill))
        assert (await killed).code is Code.UNAVAILABLE
        postgres.start()
        async with database.read() as view:
            assert await view.session.scalar(text("SELECT count(*) FROM changes")) == 0


async def test_a_statement_has_an_end(postgres_url: str) -> None:
    async with open_database(f"{postgres_url}?statement_timeout=50ms") as database:
        with pytest.raises(Fault, match="took too long"):
            async with database.read() as view:
                await view.session.execute(text("SELECT pg_sleep(60)"))


async def test_whoever_waits_too_long_for_another_writer_is_told_to_come_again(postgres_url: str) -> None:
    impatient = f"{postgres_url}?lock_timeout=100ms"
    async with open_database(postgres_url) as database, open_database(impatient) as other, database.write():
        with pytest.raises(Fault, match="keeps it locked") as caught:
            async with other.write():
                raise AssertionError("two at a time")
    assert (caught.value.code, caught.value.retry_after) == (Code.UNAVAILABLE, 1.0)


async def test_a_node_that_hangs_within_a_unit_of_work_loses_it(postgres_url: str) -> None:
    hanging = f"{postgres_url}?idle_in_transaction_session_timeout=50ms"
    async with open_database(hanging) as database:
        assert (await _interrupted(database, lambda: asyncio.sleep(0.5))).code is Code.UNAVAILABLE
        async with database.write() as work:
            assert await work.session.scalar(text("SELECT count(*) FROM changes")) == 0


def test_a_user_without_rights_is_told_what_to_grant(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.psql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        with postgres.database() as name:
            url = postgres.url(name, user="guest", password="guest")
            with pytest.raises(Fault, match=f"ALTER DATABASE {name} OWNER TO") as caught:
                migrate(url, tmp_path / "lock")
            assert caught.value.code is Code.MISCONFIGURED
            assert pending(url)
    finally:
        postgres.psql("DROP ROLE guest")


async def test_a_migration_that_fails_leaves_nothing_behind(postgres: PostgresServer, tmp_path: Path) -> None:
    """The last revision's tables are in the way of it."""
    with postgres.database() as name:
        postgres.psql("CREATE TABLE postings (id int)", name)
        with pytest.raises(Exception, match="already exists"):
            migrate(postgres.url(name), tmp_path / "lock")
        tables = postgres.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
        assert tables == "postings"


async def test_init_makes_the_operator_once_however_many_nodes_run_it(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as name:
        (tmp_path / "shared").write_text(new_secret())
        environ = {"TOKENMILL__DATABASE__URL": postgres.url(name)}
        environ["TOKENMILL__SECURITY__SECRET"] = f"file:{tmp_path}/shared"
        nodes = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
        made = await asyncio.gather(
            *(initialise(load_settings(data, None, environ), data, {}) for data in nodes)
        )
        assert sum(each.key is not None for each in made) == 1
        assert len({each.account_id for each in made}) == 1
        require_migrated(postgres.url(name))


async def test_a_lost_secret_is_not_made_anew_while_the_database_has_keys(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with postgres.database() as name:
        environ = {"TOKENMILL__DATABASE__URL": postgres.url(name)}
        environ["TOKENMILL__SECURITY__SECRET"] = "file:secret"
        settings = load_settings(tmp_path, None, environ)
        assert (await initialise(settings, tmp_path, {})).key is not None
        (tmp_path / "secret").unlink()
        with pytest.raises(Fault, match=r"secret .* is missing"):
            await initialise(settings, tmp_path, {})
