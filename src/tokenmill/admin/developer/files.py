"""The files of the caller's account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.door import BODY_SECONDS
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Cursor, Done, Limit, Moment, Shown
from tokenmill.conversation.files import FileRecord
from tokenmill.files.files import Files
from tokenmill.files.kinds import Use, use_of
from tokenmill.files.upload import receive
from tokenmill.kit.faults import Code, Fault

router = APIRouter(tags=["files"])

PurposeAsked = Literal["assistants", "batch", "evals", "fine-tune", "user_data", "vision"]
_LEAVE: Final = 5.0
"""Seconds."""
_FORM: Final = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "purpose": {"type": "string", "default": "user_data"},
                    "expires_after[anchor]": {"type": "string", "const": "created_at"},
                    "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
                },
            }
        }
    },
}


class FileShown(Shown):
    """`use` is how models can be shown the file, null: not at all; `media_type` is told by its content."""

    id: str
    name: str
    purpose: str
    media_type: str
    use: Use | None
    size: int
    created_at: Moment
    expires_at: Moment | None


class FilesShown(Shown):
    """A page of files, newest first, and what all of them take of what they may, in bytes.

    `next_cursor` asks for what comes after it; null at the end.
    """

    data: list[FileShown]
    next_cursor: str | None
    used_bytes: int
    quota_bytes: int
    max_bytes: int
    days: int


@router.get("/files")
async def files(
    caller: Member,
    desk: Desk,
    limit: Limit = 50,
    cursor: Cursor = None,
    purpose: Annotated[PurposeAsked | None, Query()] = None,
) -> FilesShown:
    """The account's files; `days` is for how long they are kept at most, 0: until they are deleted."""
    kept = _kept(desk)
    records, more = await kept.page(caller.account_id, limit=limit, after=cursor, purpose=purpose)
    return FilesShown(
        data=[_shown(record) for record in records],
        next_cursor=records[-1].id if more else None,
        used_bytes=await kept.used(caller.account_id),
        quota_bytes=kept.bounds.quota_bytes,
        max_bytes=kept.bounds.max_bytes,
        days=kept.bounds.days,
    )


@router.post("/files", openapi_extra={"requestBody": _FORM})
async def upload(request: Request, caller: Member, desk: Desk) -> FileShown:
    """Upload a file, as a form; it is read as it comes."""
    kept = _kept(desk)
    declared = request.headers.get("content-length", "")
    least = int(declared) if declared.isdecimal() and len(declared) < 16 else 0
    await kept.check_room(caller.account_id, max(0, least - 2**17))
    content_type = request.headers.get("content-type", "")
    body = _body(request)
    try:
        record = await receive(kept, caller.account_id, content_type, body)
    except Fault:
        await _leave(body)
        raise
    async with acting(desk, caller, "file.upload") as act:
        act.on(record.id, name=record.name, size=record.size)
    return _shown(record)


@router.get("/files/{file_id}/content", response_class=StreamingResponse)
async def content(file_id: str, caller: Member, desk: Desk) -> StreamingResponse:
    """The bytes of a file, to be saved; browsers do not show it, whatever it is."""
    kept = _kept(desk)
    record = await kept.find(caller.account_id, file_id)
    pieces = kept.content(record)
    first = await anext(pieces, b"")

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return StreamingResponse(
        whole(),
        media_type="application/octet-stream",
        headers={"content-disposition": "attachment", "content-length": str(record.size)},
    )


@router.delete("/files/{file_id}")
async def delete(file_id: str, caller: Member, desk: Desk) -> Done:
    """Delete a file for ever."""
    kept = _kept(desk)
    async with acting(desk, caller, "file.delete") as act:
        record = await kept.delete_in(act.work, caller.account_id, file_id)
        act.on(record.id, name=record.name)
    await kept.forget_bytes(record)
    return Done()


def _kept(desk: Services) -> Files:
    if desk.files is None:
        raise Fault(Code.NOT_FOUND, "This platform keeps no files ([files] enabled is false).")
    return desk.files


async def _body(request: Request) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises Fault(SLOW_BODY | BAD_VALUE)."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                piece = await anext(stream, None)
        except TimeoutError:
            raise Fault(Code.SLOW_BODY, "The upload did not go on. Please send it again.") from None
        except ClientDisconnect:
            raise Fault(Code.BAD_VALUE, "The upload broke off.") from None
        if piece is None:
            return
        if piece:
            yield piece


async def _leave(body: AsyncGenerator[bytes]) -> None:
    """Reads on for a while: browsers send all of a file before they read what was wrong with it."""
    with suppress(TimeoutError, Fault):
        async with asyncio.timeout(_LEAVE), aclosing(body):
            async for _ in body:
                pass


def _shown(record: FileRecord) -> FileShown:
    return FileShown(
        id=record.id,
        name=record.name,
        purpose=record.purpose,
        media_type=record.media_type,
        use=use_of(record.media_type),
        size=record.size,
        created_at=record.created_at,
        expires_at=record.expires_at,
    )
