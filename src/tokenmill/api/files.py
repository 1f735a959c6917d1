"""Serves `/v1/files` and `/anthropic/v1/files`: files to be named in requests."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qs, quote

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.conversation.files import FileRecord
from tokenmill.files.files import Files
from tokenmill.files.record import purpose_of
from tokenmill.files.upload import receive
from tokenmill.kit.faults import Code, Fault
from tokenmill.limits.limiter import Limiter, Quota
from tokenmill.wire.anthropic_messages import files as anthropic
from tokenmill.wire.members import bad_value
from tokenmill.wire.openai_chat import files as openai

UPLOADS_A_MINUTE: Final = 240
UPLOADS_AT_ONCE: Final = 8
"""Of one account: each may take the whole of what one file may, before it is known to be too large."""
_LEAVE: Final = 5.0
"""Seconds in which a caller may go on sending a file that is refused, before the connection is closed."""
_FORM: Final = 128 * 1024
"""Bytes that a form may have around its file."""
_USUAL_PAGE: Final = {"openai": 10_000, "anthropic": 20}
_MOST_IDS: Final = 100
_LARGEST_PAGE: Final = {"openai": 10_000, "anthropic": 1_000}


class FilePages:
    """The files of the caller's account, in the words of both vendors."""

    def __init__(self, files: Files | None, limiter: Limiter) -> None:
        """`files` None: this platform keeps none."""
        self._kept = files
        self._limiter = limiter

    async def upload_openai(self, call: Call, caller: Caller) -> None:
        """`POST /v1/files`, a form with `file`, `purpose` and perhaps `expires_after`."""
        await call.respond(200, openai.encode_file(await self._upload(call, caller)))

    async def upload_anthropic(self, call: Call, caller: Caller) -> None:
        """`POST /anthropic/v1/files`, a form with `file`."""
        await call.respond(200, anthropic.encode_file(await self._upload(call, caller)))

    async def list_openai(self, call: Call, caller: Caller) -> None:
        """`GET /v1/files`, newest first unless `order=asc`."""
        query = _query(call)
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise bad_value("order", "use asc or desc")
        purpose = query.get("purpose")
        records, more = await self._files.page(
            caller.account_id,
            limit=_limit(query, "openai"),
            after=query.get("after"),
            newest_first=order == "desc",
            purpose=None if purpose is None else purpose_of(purpose),
        )
        await call.respond(200, openai.encode_files(records, has_more=more))

    async def list_anthropic(self, call: Call, caller: Caller) -> None:
        """`GET /anthropic/v1/files`, newest first."""
        query = _query(call)
        wanted = [each.decode("utf-8", "replace") for each in parse_qs(call.query).get(b"ids[]", [])]
        if len(wanted) > _MOST_IDS:
            raise bad_value("ids", f"send at most {_MOST_IDS}")
        if wanted:
            found = await self._files.find_some(caller.account_id, tuple(wanted))
            unique = {record.id: record for record in found.values()}
            return await call.respond(200, anthropic.encode_files(list(unique.values()), has_more=False))
        after = query.get("after_id")
        if "page" in query:
            after = anthropic.read_page(query["page"])
        before = query.get("before_id")
        if after is not None and before is not None:
            raise bad_value("before_id", "a page lies before it or after another, not both")
        records, more = await self._files.page(
            caller.account_id, limit=_limit(query, "anthropic"), after=after, before=before
        )
        await call.respond(200, anthropic.encode_files(records, has_more=more))

    async def get_openai(self, call: Call, caller: Caller, file_id: str) -> None:
        """`GET /v1/files/{id}`."""
        await call.respond(200, openai.encode_file(await self._files.find(caller.account_id, file_id)))

    async def get_anthropic(self, call: Call, caller: Caller, file_id: str) -> None:
        """`GET /anthropic/v1/files/{id}`."""
        await call.respond(200, anthropic.encode_file(await self._files.find(caller.account_id, file_id)))

    async def delete_openai(self, call: Call, caller: Caller, file_id: str) -> None:
        """`DELETE /v1/files/{id}`."""
        await self._files.delete(caller.account_id, file_id)
        await call.respond(200, openai.encode_deleted(file_id))

    async def delete_anthropic(self, call: Call, caller: Caller, file_id: str) -> None:
        """`DELETE /anthropic/v1/files/{id}`."""
        await self._files.delete(caller.account_id, file_id)
        await call.respond(200, anthropic.encode_deleted(file_id))

    async def content(self, call: Call, caller: Caller, file_id: str) -> None:
        """`GET …/files/{id}/content`: the bytes, as they were uploaded."""
        record = await self._files.find(caller.account_id, file_id)
        headers = [
            (b"content-type", record.media_type.encode()),
            (b"content-length", str(record.size).encode()),
            (b"content-disposition", disposition(record).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"private, no-store"),
        ]
        if call.method == "HEAD":
            await call.start(200, headers)
            return await call.end()
        async with call.until_gone(), aclosing(self._files.content(record)) as pieces:
            first = await anext(pieces, b"")
            await call.start(200, headers)
            await call.more(first)
            async for piece in pieces:
                await call.more(piece)
            await call.end()

    @property
    def _files(self) -> Files:
        if self._kept is None:
            raise Fault(
                Code.NOT_FOUND,
                "This platform keeps no files ([files] enabled is false). Send media inside the request.",
            )
        return self._kept

    async def _upload(self, call: Call, caller: Caller) -> FileRecord:
        files = self._files
        quota = Quota(scope=f"{caller.account_id}/uploads", rpm=UPLOADS_A_MINUTE, concurrency=UPLOADS_AT_ONCE)
        place = await self._limiter.enter((quota,), 0)
        try:
            declared = call.header(b"content-length")
            least = int(declared) - _FORM if declared.isdigit() else 0
            await files.check_room(caller.account_id, max(0, least))
            content_type = call.header(b"content-type")
            try:
                return await receive(files, caller.account_id, content_type, call.pieces())
            except Fault:
                await call.leave_body(_LEAVE)
                raise
        finally:
            await place.leave(0)


def disposition(record: FileRecord) -> str:
    """The Content-Disposition under which browsers save the file (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(record.name, safe='')}"


def _query(call: Call) -> Mapping[str, str]:
    return {
        name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
        for name, values in parse_qs(call.query).items()
    }


def _limit(query: Mapping[str, str], vendor: str) -> int:
    most = _LARGEST_PAGE[vendor]
    limit = query.get("limit", str(_USUAL_PAGE[vendor]))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 7 and 1 <= int(limit) <= most):
        raise bad_value("limit", f"send a number from 1 to {most}")
    return int(limit)
