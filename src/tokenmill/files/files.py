"""Keeps the files of accounts: each is found by its own account only, and until it expires."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from mimetypes import guess_extension
from typing import Final

import structlog
from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from tokenmill.conversation.files import FileRecord
from tokenmill.conversation.parts import Value
from tokenmill.files.blobs import Blobs
from tokenmill.files.kinds import HEAD, type_of
from tokenmill.files.record import Purpose, cleaned_name, edge_id, inner_id, missing, record_of
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.store.database import Database, UnitOfWork
from tokenmill.store.files_tables import FileRow
from tokenmill.store.rows import Change
from tokenmill.store.tables import Account

MOST_FILES: Final = 10_000
"""Files of one account: each is a row and an entry of a directory, however small."""
SWEEP_EVERY: Final = 3600.0
LINGERS: Final = timedelta(hours=1)
"""Bytes that no row names may belong to an upload that is about to end; none takes so long between writes."""
_AT_ONCE: Final = 500

log = structlog.get_logger()


class Staged(Value, frozen=True):
    """Bytes that are kept and belong to no file yet."""

    id: str
    account_id: AccountId
    size: int
    head: bytes


class Bounds(Value, frozen=True, kw_only=True):
    """What one file and all files of an account may take, in bytes; `days` they are kept, 0 until deleted."""

    max_bytes: int
    quota_bytes: int
    days: int


class Files:
    """The files of all accounts."""

    def __init__(self, database: Database, clock: Clock, blobs: Blobs, bounds: Bounds) -> None:
        self._database = database
        self._clock = clock
        self._blobs = blobs
        self.bounds = bounds

    async def check_room(self, account: AccountId, size: int | None) -> int:
        """Bytes that a file of `size` (None: not known) may take. Raises Fault(TOO_LARGE | FORBIDDEN)."""
        async with self._database.read() as view:
            room = await self._room(view.session, account)
        self._check_size(size or 0, room)
        return min(room, self.bounds.max_bytes)

    async def stage(self, account: AccountId, pieces: AsyncIterator[bytes]) -> Staged:
        """Keeps the bytes as they come. Raises as `check_room`, and Fault(UNAVAILABLE) without storage."""
        room = await self.check_room(account, None)
        head = bytearray()
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in pieces:
                size += len(piece)
                self._check_size(size, room)
                head.extend(piece[: HEAD - len(head)])
                yield piece

        id_ = sortable("file")
        await self._blobs.put(_path(account, id_), counted())
        return Staged(id_, account, size, bytes(head))

    async def keep(self, staged: Staged, *, name: str, purpose: Purpose, seconds: int | None) -> FileRecord:
        """The staged bytes become a file, which expires after so many seconds, or never by the caller's will.

        Raises Fault: BAD_VALUE for an empty file or a bad name, FORBIDDEN when others took the room
        meanwhile. What it raises for leaves the bytes; see `discard`.
        """
        if not staged.size:
            raise Fault(Code.BAD_VALUE, "The file is empty.", field="file")
        media_type = type_of(staged.head, name)
        name = cleaned_name(name) or f"unnamed{guess_extension(media_type) or ''}"
        now = self._clock.now()
        longest = timedelta(days=self.bounds.days) if self.bounds.days else None
        lasts = timedelta(seconds=seconds) if seconds is not None else longest
        if lasts is not None and longest is not None:
            lasts = min(lasts, longest)
        row = FileRow(
            id=staged.id,
            account_id=staged.account_id,
            name=name,
            purpose=purpose,
            media_type=media_type,
            size=staged.size,
            created_at=now,
            expires_at=None if lasts is None else now + lasts,
        )
        async with self._database.write() as work:
            self._check_size(staged.size, await self._room(work.session, staged.account_id))
            account = await work.session.get(Account, staged.account_id)
            if account is None or account.deleted_at is not None:  # It was closed during the upload.
                raise Fault(Code.FORBIDDEN, "This account is closed.")
            work.session.add(row)
        return record_of(row)

    async def discard(self, staged: Staged) -> None:
        """Forgets staged bytes; where that fails, the sweep does it."""
        await self._drop(staged.account_id, (staged.id,))

    async def find(self, account: AccountId, file_id: str) -> FileRecord:
        """The file. Raises Fault(NOT_FOUND), the same for one that is another account's."""
        return (await self.find_all(account, (file_id,)))[file_id]

    async def find_all(self, account: AccountId, file_ids: tuple[str, ...]) -> dict[str, FileRecord]:
        """The files, by the ids as given. Raises Fault(NOT_FOUND) for the first that is not there."""
        found = await self.find_some(account, file_ids)
        for file_id in file_ids:
            if file_id not in found:
                raise missing(file_id)
        return found

    async def find_some(self, account: AccountId, file_ids: tuple[str, ...]) -> dict[str, FileRecord]:
        """Those of the files that are there, by the ids as given."""
        inner = {file_id: inner_id(file_id) for file_id in file_ids}
        async with self._database.read() as view:
            rows = await view.session.scalars(
                select(FileRow).where(self._alive(account), FileRow.id.in_(set(inner.values())))
            )
            found = {row.id: record_of(row) for row in rows}
        return {file_id: found[id_] for file_id, id_ in inner.items() if id_ in found}

    async def page(
        self,
        account: AccountId,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        purpose: str | None = None,
    ) -> tuple[tuple[FileRecord, ...], bool]:
        """Up to `limit` files and whether there are more; `after` and `before` are ids, in the list's order.

        They need not be there any more. Raises Fault(BAD_VALUE) for what was never one.
        """
        query = select(FileRow).where(self._alive(account))
        if purpose is not None:
            query = query.where(FileRow.purpose == purpose)
        for edge, forward in ((after, True), (before, False)):
            if edge is not None:
                id_ = edge_id(edge)
                query = query.where(FileRow.id < id_ if forward is newest_first else FileRow.id > id_)
        # What comes before an id is read from that id backwards, and then turned round.
        backwards = before is not None and after is None
        descending = newest_first is not backwards
        query = query.order_by(FileRow.id.desc() if descending else FileRow.id).limit(limit + 1)
        async with self._database.read() as view:
            rows = [record_of(row) for row in await view.session.scalars(query)]
        kept = rows[:limit]
        return tuple(reversed(kept) if backwards else kept), len(rows) > limit

    async def used(self, account: AccountId) -> int:
        """Bytes that the account's files take."""
        async with self._database.read() as view:
            return await self._taken(view.session, account)

    def content(self, record: FileRecord) -> AsyncGenerator[bytes]:
        """The bytes of a file. Raises Fault(NOT_FOUND | UNAVAILABLE) before the first."""
        return self._blobs.read(_path(record.account_id, record.id))

    async def delete(self, account: AccountId, file_id: str) -> None:
        """The file is gone. Raises Fault(NOT_FOUND)."""
        async with self._database.write() as work:
            await self.delete_in(work, account, file_id)
        await self._drop(account, (inner_id(file_id),))

    async def delete_in(self, work: UnitOfWork, account: AccountId, file_id: str) -> FileRecord:
        """Deletes the row alone; `forget_bytes` has to follow the commit. Raises Fault(NOT_FOUND)."""
        row = await work.session.scalar(
            select(FileRow).where(self._alive(account), FileRow.id == inner_id(file_id))
        )
        if row is None:
            raise missing(file_id)
        await work.session.delete(row)
        await work.session.flush()
        return record_of(row)

    async def forget_bytes(self, record: FileRecord) -> None:
        """The bytes of a file whose row is deleted; where that fails, the sweep does it."""
        await self._drop(AccountId(record.account_id), (record.id,))

    async def take(self, change: Change) -> None:
        """An account was closed: the bytes of its files go."""
        if change.kind != "files":
            return
        try:
            await self._sweep_bytes(below=change.key, lingers=timedelta(0))
        except Fault as fault:  # The hourly sweep finds them.
            log.warning("files of a closed account are left for the sweep", fault=fault.code.value)

    async def sweep(self) -> None:
        """Takes away files that have expired, and bytes that belong to none."""
        while True:
            async with self._database.write() as work:
                old = select(FileRow.id).where(FileRow.expires_at <= self._clock.now()).limit(_AT_ONCE)
                gone = await work.session.execute(
                    delete(FileRow)
                    .where(FileRow.id.in_(old))
                    .returning(FileRow.account_id, FileRow.id)
                    .execution_options(synchronize_session=False)
                )
                expired = gone.all()
            for account, id_ in expired:
                await self._drop(AccountId(account), (id_,))
            if len(expired) < _AT_ONCE:
                break
        await self._blobs.tidy(self._clock.now() - LINGERS)
        await self._sweep_bytes(below="", lingers=LINGERS)

    async def _sweep_bytes(self, *, below: str, lingers: timedelta) -> None:
        before = self._clock.now() - lingers
        suspects: list[tuple[str, str]] = []
        async for stored in self._blobs.listing(below):
            account, _, id_ = stored.path.rpartition("/")
            if lingers and stored.modified >= before:
                continue
            suspects.append((account, id_))
            if len(suspects) == _AT_ONCE:
                await self._drop_unnamed(suspects)
                suspects = []
        await self._drop_unnamed(suspects)

    async def _drop_unnamed(self, suspects: list[tuple[str, str]]) -> None:
        if not suspects:
            return
        async with self._database.read() as view:
            named = set(
                await view.session.scalars(
                    select(FileRow.id).where(FileRow.id.in_([id_ for _, id_ in suspects]))
                )
            )
        for account, id_ in suspects:
            if id_ not in named:
                await self._drop(AccountId(account), (id_,))

    async def _drop(self, account: AccountId, ids: tuple[str, ...]) -> None:
        for id_ in ids:
            try:
                await self._blobs.delete(_path(account, id_))
            except Fault as fault:
                log.warning("the bytes of a file are left for the sweep", file=id_, fault=fault.code.value)

    def _alive(self, account: AccountId) -> ColumnElement[bool]:
        lives = or_(FileRow.expires_at.is_(None), FileRow.expires_at > self._clock.now())
        return (FileRow.account_id == account) & lives

    async def _room(self, session: AsyncSession, account: AccountId) -> int:
        """Bytes that the account may still store. Raises Fault(FORBIDDEN) at its most files."""
        count = await session.scalar(
            select(func.count()).select_from(FileRow).where(FileRow.account_id == account)
        )
        if (count or 0) >= MOST_FILES:
            raise Fault(
                Code.FORBIDDEN,
                f"This account has {MOST_FILES:,} files, which is the most. Delete some that are not needed.",
            )
        return self.bounds.quota_bytes - await self._taken(session, account)

    async def _taken(self, session: AsyncSession, account: AccountId) -> int:
        total = await session.scalar(
            select(func.coalesce(func.sum(FileRow.size), 0)).where(FileRow.account_id == account)
        )
        return int(total or 0)  # PostgreSQL sums 64-bit integers as decimals.

    def _check_size(self, size: int, room: int) -> None:
        if size > self.bounds.max_bytes:
            raise Fault(
                Code.TOO_LARGE,
                f"The file is larger than {self.bounds.max_bytes:,} bytes, which is the most for one.",
                field="file",
            )
        if size > room or room <= 0:
            raise Fault(
                Code.FORBIDDEN,
                f"The files of this account may take {self.bounds.quota_bytes:,} bytes, and there is not "
                "enough room left for this one. Delete some that are not needed.",
                field="file",
            )


def _path(account: str, file_id: str) -> str:
    return f"{account}/{file_id}"
