"""Declares where the bytes of files lie."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Final, Protocol

import structlog

from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Code, Fault

log = structlog.get_logger()

PIECE: Final = 256 * 1024
"""Bytes that are read or written at once."""


class Stored(Value, frozen=True):
    """What lies at a path, and when it was last written."""

    path: str
    modified: datetime


class Blobs(Protocol):
    """A place for bytes, found by paths like `acc_1/file_1`."""

    async def put(self, path: str, pieces: AsyncIterator[bytes]) -> None:
        """Keeps all of `pieces` or, when they raise, nothing.

        Raises what they raise, and Fault(UNAVAILABLE) when there is no room or no storage.
        """
        ...

    def read(self, path: str) -> AsyncGenerator[bytes]:
        """The bytes, in pieces. Raises Fault(NOT_FOUND | UNAVAILABLE) before the first."""
        ...

    async def delete(self, path: str) -> None:
        """Nothing is there any more, if anything was. Raises Fault(UNAVAILABLE)."""
        ...

    def listing(self, below: str = "") -> AsyncGenerator[Stored]:
        """What is there, all of it or that of the account `below`. Raises Fault(UNAVAILABLE)."""
        ...

    async def tidy(self, before: datetime) -> None:
        """Takes away what broken uploads have left that nobody has written to since `before`."""
        ...


def no_room() -> Fault:
    """The fault of a disk that is full; its operator is told as well."""
    log.error("there is no room left for files; uploads are refused")
    return Fault(
        Code.UNAVAILABLE,
        "There is no room left where this platform keeps files, and nothing was stored. "
        "Please tell its operator.",
    )


def away(reason: str) -> Fault:
    """The fault of storage that cannot be used; `reason` holds no address and no secret."""
    return Fault(
        Code.UNAVAILABLE,
        f"The files of this platform cannot be reached right now ({reason}). Please try again.",
        retry_after=2,
    )


def lost() -> Fault:
    """The fault of a file whose bytes are gone."""
    return Fault(
        Code.NOT_FOUND,
        "The content of this file is not where this platform keeps files; it may have been lost with a "
        "disk, or not been restored. Delete the file and upload it again.",
    )
