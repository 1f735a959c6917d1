"""Files are kept, found, counted and forgotten, on both kinds of database and of storage."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import resource
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.closing import close_account
from tokenmill.accounts.export import export_account
from tokenmill.files.blobs import Blobs
from tokenmill.files.directory import LEFT_FREE, DirectoryBlobs
from tokenmill.files.files import LINGERS, Bounds, Files, Staged
from tokenmill.files.kinds import type_of, use_of
from tokenmill.files.objects import ObjectBlobs
from tokenmill.files.upload import receive
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import Database, open_database
from tokenmill.store.rows import Change
from tokenmill.testing import NO_PASSWORD

BOUNDS = Bounds(max_bytes=1000, quota_bytes=2500, days=0)


class MovedClock(SystemClock):
    """The real time, moved on by hand: storage has a clock of its own."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


@pytest.fixture
async def account(database: Database) -> AccountId:
    return await another(database, "a@example.com")


async def another(database: Database, email: str) -> AccountId:
    async with database.write() as work:
        return (await create_account(work, SystemClock(), email=email, password_hash=NO_PASSWORD)).id


def in_directory(tmp_path: Path) -> Blobs:
    return DirectoryBlobs(tmp_path / "files")


def in_bucket(tmp_path: Path) -> Blobs:
    return ObjectBlobs(MemoryStore())


Storage = Callable[[Path], Blobs]
STORAGES = pytest.mark.parametrize("storage", [in_directory, in_bucket])


async def put(files: Files, account: AccountId, data: bytes = b"words", *, seconds: int | None = None) -> str:
    staged = await files.stage(account, pieces(data))
    return (await files.keep(staged, name="a.txt", purpose="user_data", seconds=seconds)).id


async def content(files: Files, account: AccountId, id_: str) -> bytes:
    return b"".join([piece async for piece in files.content(await files.find(account, id_))])


async def kept(blobs: Blobs) -> list[str]:
    return sorted([stored.path async for stored in blobs.listing()])


@STORAGES
async def test_what_is_kept_is_found_until_it_is_deleted(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """In one piece or many; by its own account only."""
    blobs = storage(tmp_path)
    files = Files(database, SystemClock(), blobs, BOUNDS)
    other = await another(database, "b@example.com")
    staged = await files.stage(account, pieces(b"", b"wor", b"ds"))
    made = await files.keep(staged, name="a.txt", purpose="user_data", seconds=None)
    assert (made.size, made.media_type, made.expires_at) == (5, "text/plain", None)
    assert await content(files, account, made.id) == b"words"
    assert await kept(blobs) == [f"{account}/{made.id}"]
    for act in (files.find, files.delete):
        with pytest.raises(Fault) as raised:
            await act(other, made.id)
        assert raised.value.code is Code.NOT_FOUND
    await files.delete(account, made.id)
    assert await kept(blobs) == []
    with pytest.raises(Fault):
        await files.find(account, made.id)


@STORAGES
async def test_a_broken_upload_leaves_nothing(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """What the sender raises comes back as it is."""
    blobs = storage(tmp_path)
    files = Files(database, SystemClock(), blobs, BOUNDS)

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise Fault(Code.SLOW_BODY, "Too slow.")

    with pytest.raises(Fault, match=r"Too slow\."):
        await files.stage(account, broken())
    with pytest.raises(Fault) as raised:
        await files.stage(account, pieces(bytes(600), bytes(401)))
    assert raised.value.code is Code.TOO_LARGE
    assert await kept(blobs) == []
    assert [path for path in tmp_path.rglob("files/**/*") if path.is_file()] == []


async def test_a_large_file_is_never_whole_in_memory(
    database: Database, account: AccountId, tmp_path: Path
) -> None:
    """64 MiB go through a form and back in a few; each byte is where it was."""
    size = 64 * 2**20
    files = Files(
        database, SystemClock(), in_directory(tmp_path), Bounds(max_bytes=size, quota_bytes=size, days=0)
    )
    piece = bytes(range(256)) * 256

    async def form() -> AsyncIterator[bytes]:
        yield b'--X\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
        for _ in range(size // len(piece)):
            yield piece
        yield b"\r\n--X--"

    tracemalloc.start()
    try:
        made = await receive(files, account, "multipart/form-data; boundary=X", form())
        digest = hashlib.sha256()
        async for part in files.content(made):
            digest.update(part)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.size == size
    assert digest.digest() == hashlib.sha256(piece * (size // len(piece))).digest()
    assert peak < 8 * 2**20


async def test_the_quota_is_of_what_is_kept(database: Database, account: AccountId, tmp_path: Path) -> None:
    """Two of 1,000 bytes fit in 2,500, a third does not; what is deleted, or swept, makes room."""
    clock = MovedClock()
    files = Files(database, clock, in_directory(tmp_path), BOUNDS)
    first = await put(files, account, bytes(1000))
    await put(files, account, bytes(1000), seconds=3600)
    with pytest.raises(Fault) as raised:
        await put(files, account, bytes(1000))
    assert (raised.value.code, await files.used(account)) == (Code.FORBIDDEN, 2000)
    await files.delete(account, first)
    await put(files, account, bytes(1000))
    clock.ahead = timedelta(hours=2)
    await files.sweep()
    await put(files, account, bytes(1000))
    assert await files.used(await another(database, "b@example.com")) == 0


async def test_uploads_at_once_cannot_share_the_last_room(
    database: Database, account: AccountId, tmp_path: Path
) -> None:
    """Whoever ends second is refused, though there was room when both began; discarded bytes are gone."""
    blobs = in_directory(tmp_path)
    files = Files(database, SystemClock(), blobs, BOUNDS)
    staged = [await files.stage(account, pieces(bytes(1000))) for _ in range(4)]

    async def keep(one: Staged) -> bool:
        try:
            await files.keep(one, name="a", purpose="user_data", seconds=None)
        except Fault:
            await files.discard(one)
            return False
        return True

    assert sum(await asyncio.gather(*map(keep, staged))) == 2
    assert len(await kept(blobs)) == 2


@STORAGES
async def test_expired_files_are_not_there_and_then_gone(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """At once for whoever asks; their bytes with the next sweep."""
    clock = MovedClock()
    blobs = storage(tmp_path)
    files = Files(database, clock, blobs, BOUNDS)
    gone, stays = await put(files, account, seconds=3600), await put(files, account)
    clock.ahead = timedelta(hours=1)
    with pytest.raises(Fault):
        await files.find(account, gone)
    assert [record.id for record in (await files.page(account, limit=10))[0]] == [stays]
    assert len(await kept(blobs)) == 2
    await files.sweep()
    assert await kept(blobs) == [f"{account}/{stays}"]


async def test_the_operators_days_are_the_most(
    database: Database, account: AccountId, tmp_path: Path
) -> None:
    """A caller may want less, not more."""
    files = Files(
        database, SystemClock(), in_directory(tmp_path), Bounds(max_bytes=1000, quota_bytes=9000, days=1)
    )
    for seconds, lasts in ((None, 86_400), (3600, 3600), (2_592_000, 86_400)):
        record = await files.find(account, await put(files, account, seconds=seconds))
        assert record.expires_at is not None
        assert (record.expires_at - record.created_at).total_seconds() == lasts


@STORAGES
async def test_bytes_that_no_file_names_are_swept_once_they_are_old(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """An upload that is about to end is left alone; a kept file is, however old."""
    clock = MovedClock()
    blobs = storage(tmp_path)
    files = Files(database, clock, blobs, BOUNDS)
    named = await put(files, account)
    await files.stage(account, pieces(b"orphan"))
    await files.sweep()
    assert len(await kept(blobs)) == 2
    clock.ahead = LINGERS + timedelta(minutes=1)
    await files.sweep()
    assert await kept(blobs) == [f"{account}/{named}"]


async def test_what_a_killed_process_was_writing_is_swept(
    database: Database, account: AccountId, tmp_path: Path
) -> None:
    """It never had its place."""
    clock = MovedClock()
    files = Files(database, clock, in_directory(tmp_path), BOUNDS)
    await put(files, account)
    half = tmp_path / "files" / ".partial" / "file_half"
    half.write_bytes(b"half")
    await files.sweep()
    assert half.exists()
    clock.ahead = LINGERS + timedelta(minutes=1)
    await files.sweep()
    assert not half.exists()


@STORAGES
async def test_a_closed_accounts_files_go_with_it(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """Its rows in the same transaction, the bytes when nodes hear of it; nobody else's."""
    blobs = storage(tmp_path)
    files = Files(database, SystemClock(), blobs, BOUNDS)
    other = await another(database, "b@example.com")
    await put(files, account)
    theirs = await put(files, other)
    late = await files.stage(account, pieces(b"late"))
    async with database.write() as work:
        await close_account(work, SystemClock(), account)
    with pytest.raises(Fault, match="closed"):
        await files.keep(late, name="a", purpose="user_data", seconds=None)
    await files.take(Change(1, "files", account))
    assert await kept(blobs) == [f"{other}/{theirs}"]
    assert await content(files, other, theirs) == b"words"


async def test_an_export_tells_of_files(database: Database, account: AccountId, tmp_path: Path) -> None:
    """What is known of each, not its bytes."""
    files = Files(database, SystemClock(), in_directory(tmp_path), BOUNDS)
    id_ = await put(files, account)
    exported = b"".join([piece async for piece in export_account(database, account)])
    assert f'"files":[{{"id":"{id_}"'.encode() in exported
    assert b'"name":"a.txt"' in exported


async def test_pages_follow_each_other(database: Database, account: AccountId, tmp_path: Path) -> None:
    """Either way round, from either end, also past a file that is deleted meanwhile."""
    files = Files(database, SystemClock(), in_directory(tmp_path), BOUNDS)
    ids = []
    for _ in range(5):
        ids.append(await put(files, account))
        await asyncio.sleep(0.002)  # Ids sort by the millisecond.

    async def page(**asked: object) -> tuple[list[str], bool]:
        records, more = await files.page(account, **asked)  # type: ignore[arg-type]  # As a query has it.
        return [record.id for record in records], more

    assert await page(limit=2) == (ids[:2:-1], True)
    assert await page(limit=2, after=ids[3]) == ([ids[2], ids[1]], True)
    assert await page(limit=2, after=ids[1]) == ([ids[0]], False)
    assert await page(limit=2, before=ids[1]) == ([ids[3], ids[2]], True)
    assert await page(limit=2, newest_first=False) == (ids[:2], True)
    assert await page(limit=2, newest_first=False, before=ids[2]) == (ids[:2], False)
    await files.delete(account, ids[3])
    assert await page(limit=5, after=ids[3]) == ([ids[2], ids[1], ids[0]], False)
    with pytest.raises(Fault) as raised:
        await page(limit=5, after="nonsense")
    assert raised.value.code is Code.BAD_VALUE


async def test_a_full_disk_is_told_and_leaves_nothing(
    database: Database, account: AccountId, tmp_path: Path
) -> None:
    """503 with words, before the disk is full to its last byte: the database may need them."""
    left = LEFT_FREE + 500
    blobs = DirectoryBlobs(tmp_path / "files", free=lambda _: left)
    files = Files(database, SystemClock(), blobs, BOUNDS)
    await put(files, account, bytes(400))
    with pytest.raises(Fault, match="no room left") as raised:
        await put(files, account, bytes(501))
    assert raised.value.code is Code.UNAVAILABLE
    assert len(await kept(blobs)) == 1


async def test_an_error_of_the_disk_while_writing_is_told(tmp_path: Path) -> None:
    """The operating system refuses to let the file grow: nothing is left, and the fault says why."""
    blobs = in_directory(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(Fault, match="no room left"):
            await blobs.put("acc_1/file_1", pieces(*[bytes(100_000)] * 10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await kept(blobs) == []
    assert list((tmp_path / "files" / ".partial").iterdir()) == []


async def test_storage_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the directory should be: the fault holds no path."""
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(Fault) as raised:
        await in_directory(tmp_path).put("acc_1/file_1", pieces(b"x"))
    assert raised.value.code is Code.UNAVAILABLE
    assert os.strerror(errno.ENOTDIR) in raised.value.message
    assert str(tmp_path) not in raised.value.message


@STORAGES
async def test_bytes_that_are_lost_are_told_before_the_first(
    database: Database, account: AccountId, tmp_path: Path, storage: Storage
) -> None:
    """A restored database may know files whose bytes nobody brought back."""
    blobs = storage(tmp_path)
    files = Files(database, SystemClock(), blobs, BOUNDS)
    id_ = await put(files, account)
    await blobs.delete(f"{account}/{id_}")
    await blobs.delete(f"{account}/{id_}")  # What is not there can be deleted again.
    with pytest.raises(Fault) as raised:
        await content(files, account, id_)
    assert raised.value.code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("head", "name", "type_"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", "a", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "a.webp", "audio/wav"),
        (b"NOPE\0\0\0\0WAVEfmt ", "a.wav", "application/octet-stream"),
        (b"\0\0\0\x20ftypM4A \0", "a", "audio/mp4"),
        (b"\0\0\0\x20ftypisom\0", "a", "video/mp4"),
        (b"\0\0\0\x20ftypqt  \0", "a", "video/quicktime"),
        (b"\xff\xfb\x90\x44" + bytes(20), "a", "audio/mpeg"),
        (b"\xff\xf1\x50\x80" + bytes(20), "a.aac", "application/octet-stream"),
        (b"%PDF-1.7\n", "a.png", "application/pdf"),
        (b"BMW is a maker of cars", "a", "text/plain"),
        (b"MZ\x90\0\x03\0", "a.txt", "application/octet-stream"),
        (b'{"a": 1}', "A.JSON", "application/json"),
        ("你好".encode() * 2000 + b"\xe4", "a.md", "text/markdown"),  # Cut within a character.
        ("你好".encode("gb18030"), "a.csv", "text/csv"),
        ("hi".encode("utf-16"), "a", "text/plain"),
        (b"#!/bin/sh\n\x1b[0m", "a.sh", "text/plain"),
        (b"PK\x03\x04", "a.docx", "application/zip"),
    ],
)
def test_types_are_told_by_content(head: bytes, name: str, type_: str) -> None:
    """The name only tells kinds of text apart."""
    assert type_of(head[:4096], name) == type_


def test_only_what_models_can_be_shown_has_a_use() -> None:
    """Archives and programs are kept, and are of no use in a request."""
    assert [use_of(type_) for type_ in ("image/png", "audio/mp4", "text/csv", "application/pdf")] == [
        "image",
        "audio",
        "text",
        "pdf",
    ]
    assert use_of("application/zip") is use_of("image/avif") is use_of("video/webm") is None
