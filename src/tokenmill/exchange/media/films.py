"""Reads how long a film is, and how large its pictures are."""

from __future__ import annotations

from typing import Final

from tokenmill.exchange.media.boxes import Recording, recording_of
from tokenmill.exchange.media.window import Window

_ASF: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_HEAD: Final = 64 * 1024


def film_of(film: Window) -> Recording | None:
    """What the film says of itself; None for what is no MP4, MOV, AVI or WMV, or does not say."""
    head = film.read(0, 72)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return _avi(head)
    if head.startswith(_ASF):
        return _asf(film.read(0, _HEAD))
    return recording_of(film)


def _avi(head: bytes) -> Recording | None:
    if head[24:28] != b"avih" or len(head) < 72:
        return None
    words = [int.from_bytes(head[at : at + 4], "little") for at in range(32, 72, 4)]
    seconds = words[0] * words[4] / 1_000_000
    return Recording(seconds, words[8], words[9], words[6] > 1) if seconds else None


def _asf(head: bytes) -> Recording | None:
    at = head.find(_ASF_FILE)
    if at < 0 or len(head) < at + 88:
        return None
    ticks = int.from_bytes(head[at + 64 : at + 72], "little")  # Of 100 ns.
    preroll = int.from_bytes(head[at + 80 : at + 88], "little")  # In ms.
    seconds = ticks / 10_000_000 - preroll / 1000
    return Recording(seconds, sounds=True) if seconds > 0 else None
