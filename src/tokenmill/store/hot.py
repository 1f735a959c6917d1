"""Serves the database operations that every request needs, many in one transaction."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec
import structlog

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId
from tokenmill.store.rows import Change, KeyRow, UsageRow
from tokenmill.store.sqlite import BUSY_SECONDS, PRAGMAS, missing_database, sqlite_file

_RETRY_AFTER = 1.0
_USAGE_FIELDS = UsageRow.__struct_fields__
_STARTED_AT = _USAGE_FIELDS.index("started_at")

# The lists below are made of our own field names; no value is ever put into the text.
_ADD_USAGE = (
    f"INSERT INTO usage ({', '.join(_USAGE_FIELDS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_USAGE_FIELDS))}) ON CONFLICT (id) DO NOTHING"
)
_KEY_BY_HASH = (
    "SELECT k.id, k.account_id, k.kind, k.name, k.models, k.expires_at, k.disabled_at, k.deleted_at,"
    " a.disabled_at FROM keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = ?"
)
_CHANGES_SINCE = "SELECT id, kind, key FROM changes WHERE id > ? ORDER BY id LIMIT ?"
_LATEST_CHANGE = "SELECT COALESCE(MAX(id), 0) FROM changes"
_PROBE_WRITE = "UPDATE alembic_version SET version_num = version_num"  # Goes to the disk, changes nothing.

_log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Operation(Generic[T]):
    """One statement, what to make of its cursor, and who waits for that."""

    sql: str
    parameters: Sequence[Any]
    answer: Callable[[sqlite3.Cursor], T]
    writes: bool
    waiting: asyncio.Future[T]


_Batch = list[_Operation[Any]]
_Outcome = tuple[_Operation[Any], Any, BaseException | None]


class HotStore:
    """Runs short operations on a thread of its own, in groups.

    What is asked for in one turn of the event loop, and what has queued up behind
    a running transaction, shares the next transaction; every caller waits until
    its own is committed. An operation whose caller is cancelled is carried out
    all the same. Each one is total (it cannot fail for the data it meets), so
    none rolls back its neighbours; should one do so all the same, the group is
    tried once more and then one by one.

    All methods raise Fault(UNAVAILABLE), with `retry_after`, when the database is
    away or locked, and Fault(STOPPING) after closing.
    """

    def __init__(self, url: str) -> None:
        """`url` is `sqlite:///FILE` of a migrated database; nothing is opened before `async with`."""
        self._file = sqlite_file(url)
        self._handed: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._collected: _Batch = []
        self._open = False

    async def __aenter__(self) -> Self:
        if not self._file.exists():
            raise missing_database(self._file)
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._open = True
        self._thread = threading.Thread(target=self._work, name="tokenmill-hot-store", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Carries out what waits, then closes."""
        self._open = False
        self._hand_over()
        self._handed.put(None)
        await self._ended
        self._thread.join()

    async def add_usage(self, row: UsageRow) -> None:
        """Writes the row, durable on return; a row with this id that is there already stays as it is."""
        values = list(msgspec.structs.astuple(row))
        values[_STARTED_AT] = _time_text(row.started_at)
        await self._submit(_ADD_USAGE, values, _nothing, writes=True)

    async def key_by_hash(self, digest: bytes) -> KeyRow | None:
        """The key whose keyed hash this is, whatever its state; deleted ones are found too."""
        return await self._submit(_KEY_BY_HASH, (digest,), _one_key)

    async def changes_since(self, last_id: int, limit: int = 1000) -> list[Change]:
        """The oldest `limit` changes after `last_id`, in order."""
        return await self._submit(_CHANGES_SINCE, (last_id, limit), _all_changes)

    async def latest_change(self) -> int:
        """The id of the newest change; 0 when there is none."""
        return await self._submit(_LATEST_CHANGE, (), _number)

    async def probe_write(self) -> None:
        """Writes without changing anything, to learn whether the database takes writes."""
        await self._submit(_PROBE_WRITE, (), _nothing, writes=True)

    async def _submit(
        self,
        sql: str,
        parameters: Sequence[Any],
        answer: Callable[[sqlite3.Cursor], T],
        *,
        writes: bool = False,
    ) -> T:
        if not self._open:
            raise Fault(
                Code.STOPPING, "The server is stopping. Try again in a moment.", retry_after=_RETRY_AFTER
            )
        waiting: asyncio.Future[T] = self._loop.create_future()
        if not self._collected:
            self._loop.call_soon(self._hand_over)
        self._collected.append(_Operation(sql, parameters, answer, writes, waiting))
        return await waiting

    def _hand_over(self) -> None:
        if self._collected:
            self._handed.put(self._collected)
            self._collected = []

    # Below: the thread.

    def _work(self) -> None:
        connection = _Connection(self._file)
        ending = False
        while not ending:
            batch = self._handed.get()
            operations: _Batch = []
            while batch is not None:
                operations += batch
                try:
                    batch = self._handed.get_nowait()
                except queue.Empty:
                    break
            else:
                ending = True
            if operations:
                outcomes = connection.run(operations)
                self._loop.call_soon_threadsafe(_tell, outcomes)
        connection.close()
        self._loop.call_soon_threadsafe(self._ended.set_result, None)


class _Connection:
    """A SQLite connection that is opened anew after the database has been away."""

    def __init__(self, file: Path) -> None:
        self._address = f"{file.absolute().as_uri()}?mode=rw"  # Never makes an empty file where one was lost.
        self._sqlite: sqlite3.Connection | None = None

    def run(self, operations: _Batch) -> list[_Outcome]:
        """Reads first, each by itself, since they need no lock; then all writes in one transaction."""
        reads = [operation for operation in operations if not operation.writes]
        writes = [operation for operation in operations if operation.writes]
        outcomes: list[_Outcome] = []
        for read in reads:
            outcomes += self._twice([read], self._read)
        if writes:
            outcomes += self._write(writes)
        return outcomes

    def close(self) -> None:
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None

    def _write(self, operations: _Batch) -> list[_Outcome]:
        outcomes = self._twice(operations, self._commit)
        failure = outcomes[0][2]
        if len(operations) == 1 or failure is None or isinstance(failure, sqlite3.OperationalError):
            return outcomes  # Operational: locked, full or gone; alone, each would fail for the same reason.
        _log.warning(
            "a group of operations failed and is done one by one", size=len(operations), error=str(failure)
        )
        return [outcome for operation in operations for outcome in self._twice([operation], self._commit)]

    def _twice(self, operations: _Batch, run: Callable[[_Batch], list[Any]]) -> list[_Outcome]:
        failure: BaseException
        for _ in range(2):
            try:
                return [(*pair, None) for pair in zip(operations, run(operations), strict=True)]
            except Exception as error:
                failure = error
                if isinstance(error, sqlite3.OperationalError):
                    self.close()
        return [(operation, None, failure) for operation in operations]

    def _opened(self) -> sqlite3.Connection:
        if self._sqlite is None:
            self._sqlite = sqlite3.connect(
                self._address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=64
            )
            for pragma in PRAGMAS:
                self._sqlite.execute(pragma)
        return self._sqlite

    def _read(self, operations: _Batch) -> list[Any]:
        connection = self._opened()
        return [read.answer(connection.execute(read.sql, read.parameters)) for read in operations]

    def _commit(self, operations: _Batch) -> list[Any]:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [write.answer(connection.execute(write.sql, write.parameters)) for write in operations]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return answers


def _tell(outcomes: list[_Outcome]) -> None:
    for operation, answer, error in outcomes:
        if operation.waiting.done():
            continue  # Its caller was cancelled.
        if error is None:
            operation.waiting.set_result(answer)
        else:
            operation.waiting.set_exception(_fault(error))


def _fault(error: BaseException) -> Fault:
    if isinstance(error, sqlite3.OperationalError):
        fault = Fault(
            Code.UNAVAILABLE, f"The database cannot be used right now ({error}).", retry_after=_RETRY_AFTER
        )
    else:
        fault = Fault(Code.INTERNAL, f"The database refused an operation ({type(error).__name__}).")
    fault.__cause__ = error
    return fault


def _nothing(_: sqlite3.Cursor) -> None:
    return None


def _number(cursor: sqlite3.Cursor) -> int:
    return int(cursor.fetchone()[0])


def _all_changes(cursor: sqlite3.Cursor) -> list[Change]:
    return [Change(*row) for row in cursor]


def _one_key(cursor: sqlite3.Cursor) -> KeyRow | None:
    row = cursor.fetchone()
    if row is None:
        return None
    key_id, account_id, kind, name, models, *times = row
    expires, disabled, deleted, account_disabled = (_time(text) for text in times)
    return KeyRow(
        id=KeyId(key_id),
        account_id=AccountId(account_id),
        kind=kind,
        name=name,
        models=None
        if models is None
        else frozenset(map(ModelId, msgspec.json.decode(models, type=list[str]))),
        expires_at=expires,
        disabled_at=disabled,
        deleted_at=deleted,
        account_disabled_at=account_disabled,
    )


def _time_text(moment: datetime) -> str:
    """As SQLAlchemy keeps times in SQLite, so that both sides compare them as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
