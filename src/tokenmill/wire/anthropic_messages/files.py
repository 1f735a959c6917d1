"""Writes files as this vendor's file metadata."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from tokenmill.conversation.files import FileRecord
from tokenmill.kit.clock import rfc3339

_PAGE = "page_"


class FileOut(Struct):
    """The published members; what was uploaded here can be had back."""

    id: str
    filename: str
    mime_type: str
    size_bytes: int
    created_at: str
    expires_at: str | None
    type: str = "file"
    downloadable: bool = True


class FilePage(Struct):
    """A page of files; the last three are those of the beta's first years."""

    data: list[FileOut]
    next_page: str | None
    first_id: str | None
    last_id: str | None
    has_more: bool


def encode_file(record: FileRecord) -> bytes:
    """One file."""
    return msgspec.json.encode(_out(record))


def encode_files(records: Sequence[FileRecord], *, has_more: bool) -> bytes:
    """A page of files, in their order."""
    data = [_out(record) for record in records]
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    next_page = f"{_PAGE}{last}" if has_more and last else None
    return msgspec.json.encode(FilePage(data, next_page, first, last, has_more))


def read_page(cursor: str) -> str:
    """The id of the file after which the page begins."""
    return cursor.removeprefix(_PAGE)


def encode_deleted(record_id: str) -> bytes:
    """What says that a file is gone."""
    return msgspec.json.encode({"id": record_id, "type": "file_deleted"})


def _out(record: FileRecord) -> FileOut:
    return FileOut(
        id=record.id,
        filename=record.name,
        mime_type=record.media_type,
        size_bytes=record.size,
        created_at=rfc3339(record.created_at),
        expires_at=None if record.expires_at is None else rfc3339(record.expires_at),
    )
