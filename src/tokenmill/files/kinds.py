"""Tells by its first bytes what a file is, whatever its sender calls it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final, Literal

HEAD: Final = 4096
"""Bytes that are enough to tell."""

Use = Literal["image", "audio", "video", "pdf", "text"]
"""How a model can be shown a file."""

PLAIN: Final = "text/plain"
PDF: Final = "application/pdf"
OTHER: Final = "application/octet-stream"

_BEGINNINGS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftypM4B ", "audio/mp4"),
    (4, b"ftypqt  ", "video/quicktime"),
    (4, b"ftyphe", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (4, b"moov", "video/quicktime"),
    (4, b"mdat", "video/quicktime"),
    (0, b"%PDF-", PDF),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
)
"""Where, what, and which type that is; the first that fits counts."""

_RIFF = frozenset({"image/webp", "audio/wav", "video/x-msvideo"})

_WORDS: Final[Mapping[str, str]] = {
    "csv": "text/csv",
    "css": "text/css",
    "htm": "text/html",
    "html": "text/html",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown",
    "tsv": "text/tab-separated-values",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
"""Types of text, by the end of the name: they are read alike, so a wrong name harms nobody."""

_USES: Final[Mapping[str, Use]] = {
    **dict.fromkeys(("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"), "image"),
    **dict.fromkeys(("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/mp4"), "audio"),
    **dict.fromkeys(("video/mp4", "video/quicktime", "video/x-msvideo", "video/x-ms-wmv"), "video"),
    **dict.fromkeys((PLAIN, *_WORDS.values()), "text"),
    PDF: "pdf",
}


def type_of(head: bytes, name: str) -> str:
    """The MIME type of a file that begins with `head` and is called `name`."""
    for at, mark, type_ in _BEGINNINGS:
        if head.startswith(mark, at) and (type_ not in _RIFF or head.startswith(b"RIFF")):
            if type_ == "image/bmp" and len(head) < 26:  # "BM" may begin a text; a header is longer.
                continue
            return type_
    if _is_mp3(head):
        return "audio/mpeg"
    if encoding_of(head) is not None:
        return _WORDS.get(name.rpartition(".")[2].lower(), PLAIN)
    return OTHER


def use_of(media_type: str) -> Use | None:
    """How a model can be shown a file of this type; None: not at all."""
    return _USES.get(media_type)


def encoding_of(head: bytes) -> str | None:
    """In which encoding a text begins so; None for what is no text."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def _is_mp3(head: bytes) -> bool:
    """A frame of MPEG audio, layer III: eleven bits of sync, a bit rate and a sampling rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    return head[2] & 0xF0 not in (0x00, 0xF0) and head[2] & 0x0C != 0x0C
