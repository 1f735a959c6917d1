"""Says how this project opens PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.sqlite import BUSY_SECONDS

if TYPE_CHECKING:
    import asyncpg

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
WRITER_LOCK = 0x746D_0001
"""The advisory lock that one unit of work holds at a time, over all nodes."""
MIGRATION_LOCK = 0x746D_0002
"""The advisory lock of whoever migrates."""

_RETRY_AFTER = 1.0
_SETTINGS = {
    "application_name": "tokenmill",
    "lock_timeout": f"{BUSY_SECONDS:.0f}s",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    # A node that hangs, or whose machine is gone, must not keep its locks.
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",  # It compiles for longer than our statements run.
}
_FOR_MIGRATIONS = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
_LOST = "the connection was lost"
_REASONS = {
    "25P03": "a transaction stood still for too long",
    "25006": "it takes no writes; is it a standby?",
    "0A000": "its schema was changed meanwhile",
    "40001": "others changed the same rows",
    "40P01": "others changed the same rows",
    "42P01": "a table is missing; `tokenmill migrate` may help",
    "42703": "a column is missing; `tokenmill migrate` may help",
    "53100": "its disk is full",
    "53200": "it is out of memory",
    "53300": "too many connections; raise max_connections of PostgreSQL, or run fewer workers",
    "55P03": "somebody else keeps it locked",
    "57014": "a statement took too long",
    "57P01": "it is shutting down",
    "57P02": "it has crashed",
    "57P03": "it is starting",
    "57P05": "the connection was idle for too long",
}
T = TypeVar("T")


def on_postgres(url: str) -> bool:
    """Is this the URL of a PostgreSQL database? All others are SQLite's."""
    return url.startswith("postgresql://")


async def connect(url: str, *, to_migrate: bool = False) -> asyncpg.Connection:
    """A connection with our time-outs, which parameters in `url` may replace (`?statement_timeout=5s`).

    `url` is libpq's, as far as asyncpg knows it: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`.
    Raises Fault: MISCONFIGURED for what an operator has to mend, UNAVAILABLE for what may pass.
    """
    import asyncpg

    try:
        given = dict(parse_qsl(urlsplit(url).query))
        ours = {**_SETTINGS, **(_FOR_MIGRATIONS if to_migrate else {})}
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=None if to_migrate else 2 * STATEMENT_SECONDS,
            server_settings={key: value for key, value in ours.items() if key not in given},
        )
    except (ValueError, asyncpg.ClientConfigurationError):
        raise _wrong_url() from None  # Its text may hold a piece of the password.
    except ConnectionError as error:
        if "SSL" in str(error):
            raise Fault(
                Code.MISCONFIGURED,
                "PostgreSQL does not speak TLS, but sslmode in [database] url asks for it.",
                field="database.url",
            ) from error
        raise unavailable("it does not accept connections") from error
    except Exception as error:
        fault = fault_of(error, database_name(url))
        if fault is None:
            raise Fault(
                Code.MISCONFIGURED,
                f"PostgreSQL refuses the connection of [database] url: {error}.",
                field="database.url",
            ) from error
        raise fault from error


def fault_of(error: BaseException, database: str = "") -> Fault | None:
    """What an error of asyncpg, its own or in SQLAlchemy's wrapping, means; None for a bug of ours.

    `database` is the database's name. The text never quotes the driver, whose own may hold values.
    """
    origin = getattr(error, "orig", None) or error
    state = str(getattr(origin, "sqlstate", None) or "")
    if fault := _misconfigured(state, database):
        return fault
    if state == "22021":  # It keeps no U+0000, which may stand in JSON, and in a path as %00.
        return Fault(Code.BAD_VALUE, "The character U+0000 cannot be kept. Leave it out.")
    if state.startswith("08") or _closed(error):
        return unavailable(_LOST)
    if state:
        reason = _REASONS.get(state)
        return unavailable(reason) if reason else None
    if isinstance(origin, TimeoutError):
        return unavailable("it does not answer in time")
    if isinstance(origin, OSError):
        return unavailable("it cannot be reached")
    return None


def unavailable(reason: str) -> Fault:
    """The fault of a database that may work again in a moment."""
    return Fault(
        Code.UNAVAILABLE,
        f"The database cannot be used right now ({reason}). Try again.",
        retry_after=_RETRY_AFTER,
    )


def database_name(url: str) -> str:
    """`postgresql://user@host/tokenmill` → `tokenmill`."""
    try:
        return unquote(urlsplit(url).path.removeprefix("/"))
    except ValueError:
        raise _wrong_url() from None


async def current_revision(url: str) -> str | None:
    """The revision of the schema at `url`; None when there is none yet."""
    revision = await _ask(url, "alembic_version", "SELECT version_num FROM alembic_version")
    return None if revision is None else str(revision)


async def has_keys(url: str) -> bool:
    """Has the database at `url`, of whatever revision, any key in it?"""
    return await _ask(url, "keys", "SELECT 1 FROM keys LIMIT 1") is not None


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end in an event loop of its own, whether or not this thread runs one already."""
    with ThreadPoolExecutor(1, thread_name_prefix="tokenmill-postgres") as thread:
        return thread.submit(asyncio.run, work).result()


async def _ask(url: str, table: str, sql: str) -> Any:
    """The first value of what `sql` finds in `table`; None if that is not there."""
    connection = await connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return None
        return await connection.fetchval(sql)
    except Exception as error:
        if fault := fault_of(error, database_name(url)):
            raise fault from error
        raise
    finally:
        await connection.close()


def _closed(error: BaseException) -> bool:
    return bool(getattr(error, "connection_invalidated", False)) or "connection is closed" in str(error)


def _misconfigured(state: str, database: str) -> Fault | None:
    match state:
        case "28P01" | "28000":
            message = "PostgreSQL refuses the user or the password in [database] url. Correct them there."
        case "3D000":
            message = (
                f"PostgreSQL has no database named {database}. Make it (CREATE DATABASE {database}), "
                "or correct [database] url."
            )
        case "42501" | "3F000":
            message = (
                "The user in [database] url may not do this in PostgreSQL. Make it the owner of the "
                f"database: ALTER DATABASE {database} OWNER TO USER."
            )
        case "42704" | "22023":
            message = "A parameter in [database] url is not one that PostgreSQL knows, or its value is wrong."
        case _:
            return None
    return Fault(Code.MISCONFIGURED, message, field="database.url")


def _wrong_url() -> Fault:
    return Fault(
        Code.MISCONFIGURED,
        "[database] url is not postgresql://USER:PASSWORD@HOST:PORT/DATABASE. "
        "Write special characters of the password as %XX, as in %40 for @.",
        field="database.url",
    )
