"""Brings what a request names, or carries as a document, into a form that its targets take."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import msgspec

from tokenmill.conversation.files import FileRecord
from tokenmill.conversation.parts import FileId, Inline, Media, MediaKind, Part, ToolResult
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.media.limits import LARGEST_INLINE, check_media
from tokenmill.files.files import Files
from tokenmill.files.kinds import HEAD, PDF, PLAIN, encoding_of, type_of, use_of
from tokenmill.files.pdf import PdfReader
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.ports import Route

MOST_FILES: Final = 100
"""Files that one request may name."""
LARGEST: Final = LARGEST_INLINE // 4 * 3
"""Bytes of one file in a request, which carries it as base64."""
LARGEST_TEXT: Final = 16 * 2**20
"""Bytes of a file of words; four million tokens of English."""
MOST_BYTES: Final = 64 * 2**20
"""Bytes of all files of one request: as much as a request's body may bring by itself."""
_AT_ONCE: Final = 4
"""Requests whose files are read at the same time."""
_REMEMBERED: Final = 32 * 2**20
"""Characters of PDFs' words that are kept for the next turn of the conversation."""

_ONLY_WORDS: Final = "its words go, its pictures and layout do not: not every target of the model takes PDFs"

Place = tuple[int, int, int | None]
"""A turn, a part of it, and what of a tool's result that is."""


class Attachments:
    """Resolves files for requests; `files` None: this platform keeps none."""

    def __init__(self, files: Files | None, reader: PdfReader) -> None:
        self._files = files
        self._reader = reader
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._words: OrderedDict[str, str] = OrderedDict()
        self._remembered = 0

    async def known(
        self, request: Request, account: AccountId
    ) -> tuple[Request, dict[str, FileRecord] | None]:
        """`request` with each file it names as what it is (an image, a sound, a film, a document); the files.

        Media are checked on the way; None: it has none. Raises Fault: NOT_FOUND, UNSUPPORTED, BAD_VALUE.
        """
        found = list(_media_of(request))
        if not found:
            return request, None
        named: dict[Place, str] = {}
        for place, media in found:
            check_media(media, _at(place))
            if isinstance(media.source, FileId):
                named[place] = media.source.id
        if not named:
            return request, {}
        records = await self._records(account, named)

        async def told(place: Place, media: Media) -> Media:
            if place not in named:
                return media
            return _described(media, records[named[place]], _at(place))

        return await _mapped(request, found, told), records

    async def loaded(
        self, request: Request, records: dict[str, FileRecord] | None, ways: tuple[Route, ...]
    ) -> tuple[Request, tuple[Drop, ...]]:
        """`request` with the contents of its files, and with a document's words where a target needs those.

        Raises Fault: UNSUPPORTED for what no target takes, TOO_LARGE, NOT_FOUND, UNAVAILABLE.
        """
        if records is None:
            return request, ()
        found = [
            (place, media)
            for place, media in _media_of(request)
            if isinstance(media.source, FileId) or (media.kind == "file" and isinstance(media.source, Inline))
        ]
        if not found:
            return request, ()
        drops: list[Drop] = []
        keeps_pdf = all(map(_takes_pdf, ways))
        room = MOST_BYTES

        async def told(place: Place, media: Media) -> Media:
            nonlocal room
            at = _at(place)
            match media.source:
                case FileId(id=id_) if (record := records.get(id_)) is not None:
                    _refuse_unsayable(media.kind, ways, at)
                    ready = await self._loaded(media, record, at, keeps_pdf=keeps_pdf)
                    assert isinstance(ready.source, Inline)
                    room -= len(ready.source.data) // 4 * 3
                    if room < 0:
                        raise _too_much(at)
                case Inline():
                    ready = await self._read(media, at, keeps_pdf=keeps_pdf)
                case _:
                    return media
            if _is_pdf(media) and not keeps_pdf:
                drops.append(Drop(at, _ONLY_WORDS))
            return ready

        async with self._places:
            return await _mapped(request, found, told), tuple(drops)

    async def _records(self, account: AccountId, named: dict[Place, str]) -> dict[str, FileRecord]:
        ids = tuple(dict.fromkeys(named.values()))
        if len(ids) > MOST_FILES:
            raise Fault(Code.BAD_VALUE, f"The request names {len(ids)} files; {MOST_FILES} are the most.")
        known = {} if self._files is None else await self._files.find_some(account, ids)
        for place, id_ in named.items():
            if id_ not in known:
                at = _at(place)
                raise Fault(
                    Code.NOT_FOUND,
                    f"{at}: there is no such file in this account. Upload it to /v1/files first.",
                    field=at,
                )
        return known

    async def _loaded(self, media: Media, record: FileRecord, at: str, *, keeps_pdf: bool) -> Media:
        if record.media_type == PDF and not keeps_pdf and (words := self._recalled(record.id)) is not None:
            return _plain(media, words)
        assert self._files is not None  # It has found the record.
        most = LARGEST if media.kind != "file" or record.media_type == PDF else LARGEST_TEXT
        if record.size > most:
            raise Fault(
                Code.TOO_LARGE,
                f"{at}: the file has {record.size:,} bytes; in a request it may have {most:,}.",
                field=at,
            )
        data = b"".join([piece async for piece in self._files.content(record)])
        if media.kind == "file" and record.media_type != PDF:
            return _plain(media, _decoded(data, at))
        if record.media_type == PDF and not keeps_pdf:
            return _plain(media, await self._words_of(data, at, record.id))
        encoded = await asyncio.to_thread(base64.b64encode, data)  # Tens of milliseconds for the largest.
        inline = msgspec.structs.replace(media, source=Inline(encoded.decode()))
        check_media(inline, at)
        return inline

    async def _read(self, media: Media, at: str, *, keeps_pdf: bool) -> Media:
        """A document that came along: words as words, a PDF as its targets take it."""
        assert isinstance(media.source, Inline)
        try:
            head = base64.b64decode(media.source.data[: HEAD // 3 * 4], validate=True)
            type_ = type_of(head, media.name or "")
            if use_of(type_) == "text":
                if media.media_type == PLAIN and encoding_of(head) == "utf-8-sig":
                    return media
                return _plain(media, _decoded(base64.b64decode(media.source.data, validate=True), at))
            if type_ != PDF:
                return media
            if keeps_pdf:
                return msgspec.structs.replace(media, media_type=PDF)
            data = await asyncio.to_thread(base64.b64decode, media.source.data, validate=True)
        except binascii.Error:
            raise Fault(Code.BAD_VALUE, f"{at}: the data of this file is not base64.", field=at) from None
        digest = await asyncio.to_thread(hashlib.sha256, data)
        return _plain(media, await self._words_of(data, at, digest.hexdigest()))

    async def _words_of(self, data: bytes, at: str, key: str) -> str:
        words = self._recalled(key)
        if words is None:
            words = await self._reader.words(data, at)
            self._words[key] = words
            self._remembered += len(words)
            while self._remembered > _REMEMBERED:
                _, gone = self._words.popitem(last=False)
                self._remembered -= len(gone)
        return words

    def _recalled(self, key: str) -> str | None:
        words = self._words.get(key)
        if words is not None:
            self._words.move_to_end(key)
        return words


def _media_of(request: Request) -> Iterator[tuple[Place, Media]]:
    """Every medium but sounds of the model's own, which go by ids of its target's.

    Every request is looked through, and most have none: `type` takes a third of the time of a pattern.
    """
    for i, turn in enumerate(request.turns):
        for j, part in enumerate(turn.parts):
            if type(part) is Media:
                own = turn.role == "assistant" and part.kind == "audio" and type(part.source) is FileId
                if not own:
                    yield (i, j, None), part
            elif type(part) is ToolResult:
                for k, inner in enumerate(part.content):
                    if type(inner) is Media:
                        yield (i, j, k), inner


async def _mapped(
    request: Request, found: list[tuple[Place, Media]], told: Callable[[Place, Media], Awaitable[Media]]
) -> Request:
    turns: dict[int, list[Part]] = {}
    for (i, j, k), media in found:
        ready = await told((i, j, k), media)
        if ready is media:
            continue
        part: Part = ready
        parts = turns.setdefault(i, list(request.turns[i].parts))
        if k is not None:
            result = parts[j]
            assert isinstance(result, ToolResult)
            content = (*result.content[:k], ready, *result.content[k + 1 :])
            part = msgspec.structs.replace(result, content=content)
        parts[j] = part
    return msgspec.structs.replace(
        request,
        turns=tuple(
            msgspec.structs.replace(turn, parts=tuple(turns[i])) if i in turns else turn
            for i, turn in enumerate(request.turns)
        ),
    )


def _at(place: Place) -> str:
    i, j, k = place
    return f"messages[{i}].content[{j}]" + ("" if k is None else f".content[{k}]")


def _described(media: Media, record: FileRecord, at: str) -> Media:
    use = use_of(record.media_type)
    if use is None:
        raise Fault(
            Code.UNSUPPORTED,
            f"{at}: models cannot be shown a file of type {record.media_type}. "
            "Send an image, a sound, a film, a PDF or text.",
            field=at,
        )
    kind: MediaKind = "file" if use == "pdf" or use == "text" else use
    if media.kind not in ("file", kind):
        raise Fault(Code.BAD_VALUE, f"{at}: the file is {record.media_type}, and no {media.kind}.", field=at)
    name = media.name or record.name if kind == "file" else None
    return msgspec.structs.replace(media, kind=kind, media_type=record.media_type, name=name)


def _takes_pdf(route: Route) -> bool:
    return route.engine == "anthropic" or (route.engine == "openai" and route.strict)


def _refuse_unsayable(kind: MediaKind, ways: tuple[Route, ...], at: str) -> None:
    if any(_takes(route, kind) for route in ways):
        return
    raise Fault(
        Code.UNSUPPORTED,
        f"{at}: the server of this model takes no {kind} input. Choose another model.",
        field=at,
    )


def _takes(route: Route, kind: MediaKind) -> bool:
    if kind in ("image", "file"):
        return True
    return route.engine != "anthropic" and (kind == "audio" or not route.strict)


def _is_pdf(media: Media) -> bool:
    if media.kind != "file":
        return False
    return media.media_type == PDF or (
        isinstance(media.source, Inline) and media.source.data.startswith("JVBERi0")  # %PDF-
    )


def _plain(media: Media, words: str) -> Media:
    data = base64.b64encode(words.encode()).decode()
    return msgspec.structs.replace(media, source=Inline(data), media_type=PLAIN)


def _decoded(data: bytes, at: str) -> str:
    encoding = encoding_of(data[:HEAD]) or "utf-8"
    for each in (encoding, "gb18030"):
        try:
            return data.decode(each)
        except UnicodeDecodeError:
            continue
    raise Fault(
        Code.UNSUPPORTED, f"{at}: the text of this file is in no encoding that is known here.", field=at
    )


def _too_much(at: str) -> Fault:
    return Fault(
        Code.TOO_LARGE,
        f"{at}: the files of this request are larger than {MOST_BYTES // 2**20} MiB together.",
        field=at,
    )
