"""Keeps the bytes of files in a directory."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from tokenmill.files.blobs import PIECE, Stored, away, lost, no_room
from tokenmill.kit.faults import Fault

_PARTIAL: Final = ".partial"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LEFT_FREE: Final = 64 * 2**20
"""Bytes that uploads leave free on the disk: the database is often on the same, and needs some to go on."""


def free_bytes(directory: Path) -> int:
    """What is free on the directory's disk."""
    return shutil.disk_usage(directory).free


class DirectoryBlobs:
    """See `tokenmill.files.blobs.Blobs`; its own directories are closed to other users.

    A file is written beside its place and moved there when it is whole and on the disk.
    """

    def __init__(self, directory: Path, free: Callable[[Path], int] = free_bytes) -> None:
        """`free` tells how many bytes the disk has left."""
        self._directory = directory
        self._free = free

    async def put(self, path: str, pieces: AsyncIterator[bytes]) -> None:
        place = self._directory / path
        partial = self._directory / _PARTIAL / place.name
        try:
            file = await asyncio.to_thread(self._create, partial)
            try:
                waiting = bytearray()
                async for piece in pieces:
                    waiting += piece
                    if len(waiting) >= PIECE:
                        await asyncio.to_thread(self._write, file, bytes(waiting))
                        waiting.clear()
                await asyncio.to_thread(self._write, file, bytes(waiting))
                await asyncio.to_thread(_finish, file, partial, place)
            finally:
                file.close()
        except BaseException as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _fault_of(error) from error
            raise

    async def read(self, path: str) -> AsyncGenerator[bytes]:
        try:
            file = await asyncio.to_thread(open, self._directory / path, "rb")
        except FileNotFoundError:
            raise lost() from None
        except OSError as error:
            raise _fault_of(error) from error
        try:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        finally:
            file.close()

    async def delete(self, path: str) -> None:
        try:
            await asyncio.to_thread((self._directory / path).unlink, missing_ok=True)
        except OSError as error:
            raise _fault_of(error) from error

    async def listing(self, below: str = "") -> AsyncGenerator[Stored]:
        try:
            found = await asyncio.to_thread(lambda: list(self._walk(below)))
        except OSError as error:
            raise _fault_of(error) from error
        for stored in found:
            yield stored

    async def tidy(self, before: datetime) -> None:
        def unlink_old() -> None:
            for each in self._files(self._directory / _PARTIAL):
                if _modified(each) < before:
                    each.unlink(missing_ok=True)

        try:
            await asyncio.to_thread(unlink_old)
        except OSError as error:
            raise _fault_of(error) from error

    def _create(self, partial: Path) -> IO[bytes]:
        if not self._directory.exists():  # One that is there has the rights that its operator gave it.
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.parent.mkdir(exist_ok=True, mode=0o700)
        return open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)

    def _write(self, file: IO[bytes], data: bytes) -> None:
        if self._free(self._directory) < len(data) + LEFT_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]

    def _walk(self, below: str) -> Iterator[Stored]:
        owners = [self._directory / below] if below else self._directories()
        for owner in owners:
            for each in self._files(owner):
                with suppress(FileNotFoundError):  # Deleted while we look.
                    yield Stored(f"{owner.name}/{each.name}", _modified(each))

    def _directories(self) -> list[Path]:
        if not self._directory.is_dir():
            return []
        return [each for each in self._directory.iterdir() if each.is_dir() and each.name != _PARTIAL]

    def _files(self, directory: Path) -> list[Path]:
        return [each for each in directory.iterdir() if each.is_file()] if directory.is_dir() else []


def _finish(file: IO[bytes], partial: Path, place: Path) -> None:
    os.fsync(file.fileno())
    place.parent.mkdir(exist_ok=True, mode=0o700)
    partial.replace(place)


def _modified(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _fault_of(error: OSError) -> Fault:
    return no_room() if error.errno in _FULL else away(os.strerror(error.errno or errno.EIO))
