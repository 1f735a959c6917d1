"""Tells bytes that are UTF-8 from those that are not; JSON readers check only what they are asked for."""

from __future__ import annotations


def is_utf8(data: bytes) -> bool:
    """May `data` be passed on unread?"""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def as_utf8(data: bytes) -> bytes:
    """`data`, the same object where it is UTF-8; elsewhere with U+FFFD for what is not."""
    return data if is_utf8(data) else data.decode("utf-8", "replace").encode()
