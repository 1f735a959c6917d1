"""Reads host names, so that two spellings of one name are the same."""

from __future__ import annotations

import re
from functools import lru_cache

# RFC 9110, 7.2: a host and perhaps a port, which may be empty. Names of containers hold underscores.
_HEADER = re.compile(rb"(?P<host>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LONGEST = 253

# What IDNA 2003, which Python knows, and IDNA 2008, which browsers speak, write differently.
_DISPUTED = frozenset("ßς\u200c\u200d")


def host_name(text: str) -> str:
    """`Bücher.Example.` → `xn--bcher-kva.example`: as it travels, in lower case.

    Raises ValueError, with what to write instead, for what is no host name, or is more than one.
    """
    text = text.lower()
    if _DISPUTED & set(text):
        raise ValueError("must be written as they travel (xn--…), since their letters are read in two ways")
    try:
        name = text.encode("idna").decode().removesuffix(".")
    except UnicodeError:
        name = ""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise ValueError("must be host names alone, like plan.example.com: no scheme, port or path")
    return name


@lru_cache(maxsize=256)
def host_of(header: bytes) -> str | None:
    """The host of a Host header, without its port and in lower case; None for a header that is malformed."""
    found = _HEADER.fullmatch(header)
    if found is None:
        return None
    return found["host"].decode().lower().removesuffix(".")
