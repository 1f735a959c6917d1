"""Writes media as the blocks of this wire."""

from __future__ import annotations

import base64
import binascii

from msgspec import Raw

from tokenmill.conversation.parts import FileId, Inline, Media, Url
from tokenmill.wire.checks import unsupported

Json = dict[str, object]

_BEGINNINGS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "Qk": "image/bmp",
    "JVBERi0": "application/pdf",
}
"""How base64 of each type begins, for media that came without one."""

_OPTIONS = {"image": ("transformations",), "file": ("citations", "context")}


def write_media(media: Media, at: str) -> tuple[Json, list[str]]:
    """The block without its cache mark, and the options it cannot hold. Raises Fault(UNSUPPORTED)."""
    if media.kind not in _OPTIONS:
        raise unsupported(at, f"{media.kind} input")
    known: Json = {name: Raw(raw) for name, raw in media.options if name in _OPTIONS[media.kind]}
    lost = [name for name, _ in media.options if name not in known]
    if media.kind == "image":
        return {"type": "image", "source": _source(media, at)} | known, lost
    title: Json = {} if media.name is None else {"title": media.name}
    return {"type": "document", "source": _source(media, at)} | title | known, lost


def _source(media: Media, at: str) -> Json:
    match media.source:
        case Url(url=url):
            return {"type": "url", "url": url}
        case FileId(id=id_):
            return {"type": "file", "file_id": id_}
        case Inline(data=data):
            type_ = _media_type(media, data)
            if media.kind == "file" and type_ == "text/plain":
                return {"type": "text", "media_type": type_, "data": _plain(data, at)}
            if type_ is None:
                raise unsupported(at, f"inline media of kind {media.kind} without a media type")
            return {"type": "base64", "media_type": type_, "data": data}


def _media_type(media: Media, data: str) -> str | None:
    given = media.media_type
    if given is not None:
        return given if "/" in given or media.kind == "file" else f"{media.kind}/{given}"
    return next((type_ for beginning, type_ in _BEGINNINGS.items() if data.startswith(beginning)), None)


def _plain(data: str, at: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise unsupported(at, "a text file that is not UTF-8") from None
