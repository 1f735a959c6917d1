"""Reads how long a recording in MP4, M4A or MOV is, and how large its pictures are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenmill.conversation.parts import Value
from tokenmill.exchange.media.window import Window

_MOST_BOXES: Final = 200
_LARGEST_HEAD: Final = 4 * 2**20
"""Bytes of the box that describes the recording: it grows with its length, by some MiB an hour."""


class Recording(Value, frozen=True):
    """How long in seconds, how large in pixels (0: no pictures, or not known), and whether it sounds."""

    seconds: float
    width: int = 0
    height: int = 0
    sounds: bool = False


def recording_of(file: Window) -> Recording | None:
    """What the file says of itself; None for what is no such file, or breaks off."""
    at = 0
    for _ in range(_MOST_BOXES):
        head = file.read(at, 16)
        if len(head) < 8:
            return None
        size = int.from_bytes(head[:4], "big")
        if size == 1 and len(head) == 16:
            size = int.from_bytes(head[8:], "big")
        elif size == 0:
            size = file.size - at
        if size < 8:
            return None
        if head[4:8] == b"moov":
            return _movie(file.read(at + 8, min(size - 8, _LARGEST_HEAD)))
        at += size
    return None


def _movie(moov: bytes) -> Recording | None:
    seconds: float | None = None
    width = height = 0
    sounds = False
    for name, box in _inside(moov):
        if name == b"mvhd":
            seconds = _seconds(box)
        elif name == b"trak":
            for inner, content in _inside(box):
                if inner == b"tkhd" and len(content) >= 8:  # 16.16 fixed point, at its end.
                    width = max(width, int.from_bytes(content[-8:-4], "big") >> 16)
                    height = max(height, int.from_bytes(content[-4:], "big") >> 16)
                elif inner == b"mdia":
                    handlers = [handler[8:12] for kind, handler in _inside(content) if kind == b"hdlr"]
                    sounds = sounds or b"soun" in handlers
    return None if seconds is None else Recording(seconds, width, height, sounds)


def _seconds(mvhd: bytes) -> float | None:
    long = mvhd[:1] == b"\x01"
    scale_at, width = (20, 8) if long else (12, 4)
    scale = int.from_bytes(mvhd[scale_at : scale_at + 4], "big")
    duration = int.from_bytes(mvhd[scale_at + 4 : scale_at + 4 + width], "big")
    return duration / scale if scale and duration != (1 << 8 * width) - 1 else None


def _inside(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + 8 > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size
