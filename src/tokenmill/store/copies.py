"""Copies a whole database out of the platform, and back into it, while others use it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.sqlite import missing_database

Told = Callable[[int, int], None]
"""Is told how much is done, and of how much, in bytes; 0 of 0 where nobody knows."""

_PAGES: Final = 2_000
_LOOK_EVERY: Final = 0.2  # Seconds between two looks at how much a program has written.

# What libpq knows of a URL beside its path; the rest is asyncpg's, or a setting of the session.
_LIBPQ: Final = frozenset(
    {"host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"}
    | {"target_session_attrs", "connect_timeout", "passfile", "service", "channel_binding"}
)


def copy_sqlite(file: Path, target: Path, told: Told) -> None:
    """Writes the database as it is at this moment to `target`, whatever is written to it meanwhile.

    Raises Fault: MISCONFIGURED when there is none, UNAVAILABLE when it cannot be read.
    """
    if not file.exists():
        raise missing_database(file)
    address = f"{file.absolute().as_uri()}?mode=rw"  # Never makes an empty file where one was lost.
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            size: int = source.execute("PRAGMA page_size").fetchone()[0]
            # A reader's view stands still in WAL mode; without it, each write of others would start us anew.
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            source.backup(
                copy,
                pages=_PAGES,
                progress=lambda _, left, total: told((total - left) * size, total * size),
            )
    except sqlite3.OperationalError as error:
        raise Fault(Code.UNAVAILABLE, f"The database at {file} cannot be copied: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise Fault(Code.MISCONFIGURED, f"The database at {file} is damaged: {error}.") from error


def dump_postgres(url: str, target: Path, told: Told) -> None:
    """Writes the database as it is at this moment to `target`, in pg_dump's own format.

    Raises Fault(MISCONFIGURED) with the command to run where pg_dump is not to be had, or does not work.
    """
    place, _ = _apart(url)
    ours = ("--format=custom", "--no-owner", "--no-privileges")
    _run(("pg_dump", *ours, f"--file={target}", f"--dbname={place}"), url, target, told)


def load_postgres(url: str, source: Path, told: Told, *, clean: bool) -> None:
    """Brings back all that `dump_postgres` wrote, or nothing; `clean` replaces what is there.

    Raises Fault(MISCONFIGURED) as `dump_postgres` does.
    """
    place, _ = _apart(url)
    ours = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    ours += ["--clean", "--if-exists"] if clean else []
    _run(("pg_restore", *ours, f"--dbname={place}", str(source)), url, None, told)


def _run(command: tuple[str, ...], url: str, growing: Path | None, told: Told) -> None:
    program = command[0]
    by_hand = " ".join(f"'{word}'" if "?" in word or "&" in word else word for word in command)
    found = shutil.which(program)
    if found is None:
        raise Fault(
            Code.MISCONFIGURED,
            f"{program} is not on PATH. Install PostgreSQL's client programs, at least as new as the server, "
            f"or run this where they are, and keep the platform's secret with it:\n  {by_hand}",
        )
    _, password = _apart(url)
    environ = dict(os.environ)
    if password is not None:
        environ["PGPASSWORD"] = password  # Arguments are for everybody to see.
    told(0, 0)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603  (our own words and the settings', and no shell)
            [found, *command[1:]], env=environ, stdout=subprocess.DEVNULL, stderr=errors
        ) as running,
    ):
        try:
            while running.poll() is None:
                time.sleep(_LOOK_EVERY)
                if growing is not None and growing.exists():
                    told(growing.stat().st_size, 0)
        except BaseException:
            running.terminate()
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if running.returncode:
        why = _first(said.splitlines() or ["it did not say why"], password)
        raise Fault(Code.MISCONFIGURED, f"{program} failed: {why}. It was run as:\n  {by_hand}")


def _first(lines: list[str], password: str | None) -> str:
    line = " ".join(lines[:2]).removeprefix("pg_dump: error: ").removeprefix("pg_restore: error: ")
    return line.replace(password, "…") if password else line


def _apart(url: str) -> tuple[str, str | None]:
    """The URL as libpq reads it, without its password; and that."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    given = dict(parse_qsl(parts.query))
    kept = urlencode({name: value for name, value in given.items() if name in _LIBPQ})
    place = f"{parts.scheme}://{user}{at}{hosts}{parts.path}{'?' if kept else ''}{kept}"
    return place, given.get("password") or unquote(password) or None


def wait_until_written(path: Path) -> None:
    """What is in the file is on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
