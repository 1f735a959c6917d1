"""Carries out hot operations on SQLite, on one writing thread."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tokenmill.kit.faults import Fault
from tokenmill.store.hot import sqlite_statements as statements
from tokenmill.store.hot.operations import Read, Waiting, Write, note_split, refused, tell, unavailable
from tokenmill.store.sqlite import PRAGMAS, missing_database

_BUSY_SECONDS = 2.0  # Tried twice, that stays below the five seconds a caller may wait.
_PRAGMAS = (
    *PRAGMAS,
    f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}",
    # Thousands of commits a second fill the default 1,000 pages many times a second, each time with an fsync.
    "PRAGMA wal_autocheckpoint = 10000",
    # Only postings refer to anything here, and to the transfer before them: a look-up for each saved.
    "PRAGMA foreign_keys = OFF",
)

_Handed = Waiting[Read] | list[Waiting[Write]] | None  # None: there will be no more.


class SqliteGroup:
    """One thread with one connection; what has queued up behind a transaction shares the next."""

    def __init__(self, file: Path, synchronous: Literal["normal", "full"] = "normal") -> None:
        self._file = file
        self._synchronous = synchronous
        self._handed: queue.SimpleQueue[_Handed] = queue.SimpleQueue()

    async def open(self) -> None:
        """Starts the thread; raises Fault(MISCONFIGURED) when the file is not there."""
        if not self._file.exists():
            raise missing_database(self._file)
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="tokenmill-hot-store", daemon=True)
        self._thread.start()

    def take_read(self, read: Waiting[Read]) -> None:
        """Hands it to the thread."""
        self._handed.put(read)

    def take_writes(self, batch: list[Waiting[Write]]) -> None:
        """Hands the batch to the thread."""
        self._handed.put(batch)

    async def close(self) -> None:
        """Lets the thread carry out what it was handed, and ends it."""
        self._handed.put(None)
        await self._ended
        self._thread.join()

    # Below: the thread.

    def _work(self) -> None:
        connection = _Connection(self._file, self._synchronous)
        ending = False
        while not ending:
            reads, writes, ending = self._collect(self._handed.get())
            for read in reads:
                self._tell([read], [connection.read(read.asked)])
            if writes:
                self._tell(writes, connection.write(writes))
            if connection.away is not None and not ending:
                # Whoever came meanwhile has waited for as long.
                reads, writes, ending = self._collect([])
                behind: list[Waiting[Any]] = [*reads, *writes]
                self._tell(behind, [unavailable(connection.away) for _ in behind])
        connection.close()
        self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _collect(self, handed: _Handed) -> tuple[list[Waiting[Read]], list[Waiting[Write]], bool]:
        """What was handed over, with all that came after it; and whether the end is among it."""
        reads: list[Waiting[Read]] = []
        writes: list[Waiting[Write]] = []
        while handed is not None:
            if isinstance(handed, Waiting):
                reads.append(handed)
            else:
                writes += handed
            try:
                handed = self._handed.get_nowait()
            except queue.Empty:
                return reads, writes, False
        return reads, writes, True

    def _tell(self, batch: Sequence[Waiting[Any]], outcomes: list[Any]) -> None:
        self._loop.call_soon_threadsafe(tell, batch, outcomes)


class _Connection:
    """A SQLite connection that is opened anew after the database has been away."""

    def __init__(self, file: Path, synchronous: Literal["normal", "full"]) -> None:
        self._address = f"{file.absolute().as_uri()}?mode=rw"  # Never makes an empty file where one was lost.
        self._pragmas = (*_PRAGMAS, f"PRAGMA synchronous = {synchronous}")
        self._cursor: sqlite3.Cursor | None = None
        self.away: str | None = None
        """Why the last operation found no usable database; None if it did."""

    def read(self, asked: Read) -> Any:
        """The outcome of one read, which needs no lock."""
        failure: Exception
        for _ in range(2):
            try:
                answer = statements.read(self._opened(), asked)
                self.away = None
                return answer
            except Exception as error:
                failure = self._note(error)
        return self._fault(failure)

    def write(self, batch: list[Waiting[Write]]) -> list[Any]:
        """The outcomes of all, of one transaction if possible.

        What failed is tried again: had it been committed in spite of the error, each finds that out.
        """
        failure: Exception
        for again in (False, True):
            try:
                outcomes = self._commit(batch, again)
                self.away = None
                return outcomes
            except Exception as error:
                failure = self._note(error)
        if len(batch) == 1 or isinstance(failure, sqlite3.OperationalError):
            # Operational: locked, full or gone; alone, each would fail for the same reason.
            return [self._fault(failure) for _ in batch]
        note_split(len(batch), failure)
        return [outcome for waiting in batch for outcome in self.write([waiting])]

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.connection.close()
            self._cursor = None

    def _note(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.OperationalError):
            self.close()
        return error

    def _opened(self) -> sqlite3.Cursor:
        """The one cursor there is: each operation makes use of it several times."""
        if self._cursor is None:
            connection = sqlite3.connect(
                self._address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=64
            )
            self._cursor = connection.cursor()
            for pragma in self._pragmas:
                self._cursor.execute(pragma)
        return self._cursor

    def _commit(self, batch: list[Waiting[Write]], again: bool) -> list[Any]:
        cursor = self._opened()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            statements.open_purses(cursor, [each.asked for each in batch])
            answers = [statements.write(cursor, each.asked, again) for each in batch]
            cursor.execute("COMMIT")
        except BaseException:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        return answers

    def _fault(self, error: BaseException) -> Fault:
        if not isinstance(error, sqlite3.OperationalError):
            return refused(error)
        self.away = str(error)
        fault = unavailable(self.away)
        fault.__cause__ = error
        return fault
