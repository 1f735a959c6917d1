"""Settings for all tests, and the databases and servers that they ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.servers import PostgresServer, ValkeyServer, own_directory

# A landing is judged by cases that the author could have seen; new ones are looked for at the desk.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A command run inside a test sets up logs that go to its captured output, which is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database of this test alone, on each kind in turn; migrated, and empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """A migrated, empty SQLite file, `tokenmill.db` in `tmp_path`."""
    shutil.copy(_sqlite_template, tmp_path / "tokenmill.db")
    return f"sqlite:///{tmp_path}/tokenmill.db"


@pytest.fixture
def postgres_url(postgres: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """A migrated, empty database on the running PostgreSQL server."""
    with postgres.database(_postgres_template) as name:
        yield postgres.url(name)


@pytest.fixture(params=["sqlite", "postgres"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database can be migrated to: a path with no file, or a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/tokenmill.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name)


@pytest.fixture
def bare_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A database without tables on the running PostgreSQL server."""
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.fixture
def postgres(_postgres_server: PostgresServer) -> PostgresServer:
    """A PostgreSQL server that runs; the test may kill it and start it again."""
    if not _postgres_server.running:
        _postgres_server.start()
    return _postgres_server


@pytest.fixture
def valkey(_valkey_server: ValkeyServer) -> ValkeyServer:
    """A Valkey server that runs and is empty; the test may kill it and start it again."""
    if not _valkey_server.running:
        _valkey_server.start()
    _valkey_server.flush()
    return _valkey_server


@pytest.fixture
def valkey_url(valkey: ValkeyServer) -> str:
    """The URL of a Valkey server that runs and is empty."""
    return valkey.url


# Servers start when a test first asks: one each for every process that runs tests.


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[PostgresServer]:
    with own_directory("postgres") as directory:
        server = PostgresServer(directory)
        yield server
        server.close()


@pytest.fixture(scope="session")
def _valkey_server() -> Iterator[ValkeyServer]:
    with own_directory("valkey") as directory:
        server = ValkeyServer(directory)
        yield server
        server.close()


@pytest.fixture(scope="session")
def _postgres_template(_postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    from tokenmill.store.migrate import migrate

    _postgres_server.psql("CREATE DATABASE migrated TEMPLATE template0 OWNER tokenmill")
    migrate(_postgres_server.url("migrated"), tmp_path_factory.mktemp("migrated") / "lock")
    return "migrated"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenmill.store.migrate import migrate

    directory = tmp_path_factory.mktemp("migrated")
    migrate(f"sqlite:///{directory}/tokenmill.db", directory / "lock")
    return directory / "tokenmill.db"
