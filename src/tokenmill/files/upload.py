"""Takes a file out of an upload form, as its bytes come."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from tokenmill.conversation.files import FileRecord
from tokenmill.files.files import Files, Staged
from tokenmill.files.record import USUAL_PURPOSE, cleaned_name, purpose_of
from tokenmill.kit.ids import AccountId
from tokenmill.wire.form import FieldSeen, FileBegun, FileEnded, FilePiece, FormEvent, FormReader
from tokenmill.wire.members import bad_value

SHORTEST: Final = 3_600
LONGEST: Final = 30 * 86_400
LONGEST_IN: Final = 90 * 86_400
"""Seconds of `expires_after` and of `expires_in_seconds`, each vendor's own: the published bounds."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


async def receive(
    files: Files, account: AccountId, content_type: str, pieces: AsyncIterator[bytes]
) -> FileRecord:
    """The file that the form holds, kept. Fields may stand before or after it.

    `pieces` is the request's body. Raises Fault: BAD_VALUE naming the field, TOO_LARGE, FORBIDDEN,
    UNAVAILABLE.
    """
    form = _Form(FormReader(content_type), pieces)
    fields: dict[str, str] = {}
    staged: Staged | None = None
    name = ""
    try:
        async for event in form.events():
            match event:
                case FieldSeen(name=field, value=value):
                    fields[field] = value
                case FileBegun(field="file", filename=filename) if staged is None:
                    name = cleaned_name(filename)
                    staged = await files.stage(account, form.file())
                case FileBegun(field="file"):
                    raise bad_value("file", "send one file in a form")
                case FileBegun(field=other):
                    raise bad_value("file", f"the file belongs into this field, not into {other!r}")
                case FilePiece() | FileEnded():
                    raise AssertionError("a file's pieces are read by stage()")
        if staged is None:
            raise bad_value("file", "this field is required; with curl: -F file=@NAME")
        purpose = purpose_of(fields.get("purpose") or USUAL_PURPOSE)
        return await files.keep(staged, name=name, purpose=purpose, seconds=_expiry(fields))
    except BaseException:
        if staged is not None:
            await files.discard(staged)
        raise


class _Form:
    """The events of a form, from two readers in turn: one of the form, and one of the file within."""

    def __init__(self, reader: FormReader, pieces: AsyncIterator[bytes]) -> None:
        self._reader = reader
        self._pieces = pieces
        self._waiting: list[FormEvent] = []

    async def events(self) -> AsyncIterator[FormEvent]:
        while (event := await self._next()) is not None:
            yield event

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes up to the file's end. Raises Fault(BAD_VALUE) where the form breaks off before that."""
        while True:
            match await self._next():
                case FilePiece(data=data):
                    yield data
                case FileEnded():
                    return
                case event:
                    raise AssertionError(f"{event} within a file")

    async def _next(self) -> FormEvent | None:
        while not self._waiting:
            piece = await anext(self._pieces, None)
            if piece is None:
                self._reader.close()
                return None
            self._waiting = self._reader.feed(piece)
            self._waiting.reverse()
        return self._waiting.pop()


def _expiry(fields: dict[str, str]) -> int | None:
    """In how many seconds the file expires, in either vendor's words; None: not said."""
    if "expires_in_seconds" in fields:
        return _seconds(fields["expires_in_seconds"], "expires_in_seconds", LONGEST_IN)
    anchor, seconds = fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise bad_value("expires_after.anchor", "only created_at is known")
    return _seconds(seconds or "", "expires_after.seconds", LONGEST)


def _seconds(text: str, field: str, longest: int) -> int:
    if not _SECONDS.fullmatch(text) or not SHORTEST <= int(text) <= longest:
        raise bad_value(field, f"use a number from {SHORTEST} to {longest}")
    return int(text)
