"""Keeps the bytes of files in a bucket of an S3-compatible store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from tokenmill.files.blobs import Stored, away, lost

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PART = 8 * 2**20
"""Bytes of a part of a large upload; S3 takes no smaller ones than 5 MiB, and 10,000 of them."""


class ObjectBlobs:
    """See `tokenmill.files.blobs.Blobs`; what an upload that breaks off has sent is for the store to forget.

    (A lifecycle rule for incomplete multipart uploads does that.)
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, path: str, pieces: AsyncIterator[bytes]) -> None:
        raised: list[BaseException] = []

        async def noted() -> AsyncIterator[bytes]:
            try:
                async for piece in pieces:
                    yield piece
            except BaseException as error:  # It comes back as an error of the library's.
                raised.append(error)
                raise

        try:
            await obstore.put_async(
                self._store, path, noted(), use_multipart=True, chunk_size=_PART, max_concurrency=2
            )
        except Exception as error:
            if raised:
                raise raised[0] from None
            raise away(type(error).__name__) from error

    async def read(self, path: str) -> AsyncGenerator[bytes]:
        try:
            found = await obstore.get_async(self._store, path)
            async for piece in found.stream():
                yield bytes(piece)
        except FileNotFoundError:
            raise lost() from None
        except BaseError as error:
            raise away(type(error).__name__) from error

    async def delete(self, path: str) -> None:
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            pass
        except BaseError as error:
            raise away(type(error).__name__) from error

    async def listing(self, below: str = "") -> AsyncGenerator[Stored]:
        try:
            async for page in obstore.list(self._store, f"{below}/" if below else None):
                for each in page:
                    yield Stored(each["path"], each["last_modified"])
        except BaseError as error:
            raise away(type(error).__name__) from error

    async def tidy(self, before: datetime) -> None:
        """Nothing lies here that is not whole."""
