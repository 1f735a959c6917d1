"""Reads how many pixels an image has from its header; nothing is ever unpacked."""

from __future__ import annotations

from typing import Final

from tokenmill.exchange.media.window import Window

_MOST_SEGMENTS: Final = 500
"""Of a JPEG before its size: photographs with maps and previews in them have some dozens."""
_NO_SIZE: Final = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those that tell a JPEG's size that do not."""


def pixels_of(image: Window) -> tuple[int, int] | None:
    """Width and height; None for what is no JPEG, PNG, GIF, WebP or BMP, or breaks off."""
    head = image.read(0, 32)
    found: tuple[int, int] | None = None
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        found = _big(head, 16, 4), _big(head, 20, 4)
    elif head.startswith(b"GIF8") and len(head) >= 10:
        found = _little(head, 6, 2), _little(head, 8, 2)
    elif head.startswith(b"BM") and len(head) >= 26:
        found = _bitmap(head)
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP" and len(head) >= 30:
        found = _webp(head)
    elif head.startswith(b"\xff\xd8"):
        found = _jpeg(image)
    return found if found is not None and min(found) > 0 else None


def _bitmap(head: bytes) -> tuple[int, int]:
    if _little(head, 14, 4) == 12:  # The oldest header.
        return _little(head, 18, 2), _little(head, 20, 2)
    height = int.from_bytes(head[22:26], "little", signed=True)
    return _little(head, 18, 4), abs(height)


def _webp(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8 ":
            return _little(head, 26, 2) & 0x3FFF, _little(head, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(head, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(head, 24, 3) + 1, _little(head, 27, 3) + 1
        case _:
            return None


def _jpeg(image: Window) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        segment = image.read(at, 9)
        if len(segment) < 9 or segment[0] != 0xFF:
            return None
        marker = segment[1]
        if marker == 0xFF:  # Fill bytes may stand before a marker.
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            return _big(segment, 7, 2), _big(segment, 5, 2)  # Width after height.
        else:
            at += 2 + _big(segment, 2, 2)
    return None


def _big(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "big")


def _little(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], "little")
