"""Writes files as this vendor's file objects."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from tokenmill.conversation.files import FileRecord


class FileOut(Struct):
    """The published members; `status` and `status_details` are no longer used there, and still demanded."""

    id: str
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    object: str = "file"
    status: str = "processed"
    status_details: str | None = None


class FileList(Struct):
    """A page of files."""

    data: list[FileOut]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: str = "list"


def file_id(record: FileRecord) -> str:
    """The id with this vendor's customary prefix."""
    return record.id.replace("_", "-", 1)


def encode_file(record: FileRecord) -> bytes:
    """One file."""
    return msgspec.json.encode(_out(record))


def encode_files(records: Sequence[FileRecord], *, has_more: bool) -> bytes:
    """A page of files, in their order."""
    data = [_out(record) for record in records]
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return msgspec.json.encode(FileList(data, first, last, has_more))


def encode_deleted(record_id: str) -> bytes:
    """What says that a file is gone."""
    return msgspec.json.encode({"id": record_id, "object": "file", "deleted": True})


def _out(record: FileRecord) -> FileOut:
    return FileOut(
        id=file_id(record),
        bytes=record.size,
        created_at=int(record.created_at.timestamp()),
        expires_at=None if record.expires_at is None else int(record.expires_at.timestamp()),
        filename=record.name,
        purpose=record.purpose,
    )
