"""Reads how long a sound is from its header."""

from __future__ import annotations

import struct
from typing import Final

from tokenmill.exchange.media.boxes import recording_of
from tokenmill.exchange.media.window import Window

_MOST_CHUNKS: Final = 100
_LAST_PAGE: Final = 65_307
"""Bytes of the largest page of Ogg; the last one tells the length."""
_RATES: Final = (44_100, 48_000, 32_000)
_KBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""Of MPEG 1 and of MPEG 2 and 2.5, layer III, in kbit/s (ISO 11172-3, 13818-3)."""


def seconds_of(sound: Window) -> float | None:
    """How long the sound is; None for what is no WAV, FLAC, MP3, M4A or Ogg, or does not say."""
    head = sound.read(0, 64)
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return _wave(sound)
    if head.startswith(b"fLaC"):
        return _flac(head)
    if head.startswith(b"OggS"):
        return _ogg(sound)
    if head[4:8] == b"ftyp":
        recording = recording_of(sound)
        return None if recording is None else recording.seconds
    return _mp3(sound, head)


def _wave(sound: Window) -> float | None:
    at, rate = 12, 0
    for _ in range(_MOST_CHUNKS):
        chunk = sound.read(at, 20)
        if len(chunk) < 8:
            return None
        size = int.from_bytes(chunk[4:8], "little")
        if chunk[:4] == b"fmt " and len(chunk) == 20:
            rate = int.from_bytes(chunk[16:20], "little")
        elif chunk[:4] == b"data":
            # Whoever writes as it records does not know the size.
            return min(size or sound.size, sound.size - at - 8) / rate if rate else None
        at += 8 + size + size % 2
    return None


def _flac(head: bytes) -> float | None:
    if len(head) < 26:
        return None
    bits = int.from_bytes(head[18:26], "big")
    rate, samples = bits >> 44, bits & (1 << 36) - 1
    return samples / rate if rate and samples else None


def _ogg(sound: Window) -> float | None:
    first = sound.read(0, 128)
    if b"OpusHead" in first:
        rate = 48_000  # Opus counts so, whatever was recorded.
    elif (at := first.find(b"\x01vorbis")) >= 0:
        rate = int.from_bytes(first[at + 12 : at + 16], "little")
    else:
        return None
    tail = sound.tail(_LAST_PAGE)
    last = tail.rfind(b"OggS")
    if last < 0 or len(tail) < last + 14 or not rate:
        return None
    (granule,) = struct.unpack("<q", tail[last + 6 : last + 14])
    return granule / rate if granule > 0 else None


def _mp3(sound: Window, head: bytes) -> float | None:
    at = 0
    if head.startswith(b"ID3") and len(head) >= 10:
        at = 10 + sum((byte & 0x7F) << 7 * (3 - i) for i, byte in enumerate(head[6:10]))
    frame = sound.read(at, 200)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return None
    version, quality, tempo = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or quality in (0, 15) or tempo == 3:
        return None
    rate = _RATES[tempo] >> {3: 0, 2: 1, 0: 2}[version]
    for mark in (b"Xing", b"Info"):
        if (found := frame.find(mark)) > 0 and frame[found + 7] & 1:
            frames = int.from_bytes(frame[found + 8 : found + 12], "big")
            return frames * (1152 if version == 3 else 576) / rate
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[quality]
    return (sound.size - at) * 8 / (kbits * 1000)
