"""Makes, hashes and checks secrets: API keys with a checksum, passwords, the platform's own secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from typing import Literal

KeyKind = Literal["sk", "tp"]

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY = 40  # 40 base-62 characters carry 238 bits of chance.
_SUM = 6  # CRC-32 needs at most six base-62 characters (62^6 > 2^32).
KEY_LENGTH = 3 + _BODY + _SUM


def _checksum(text: str) -> str:
    value = zlib.crc32(text.encode())
    digits = []
    for _ in range(_SUM):
        value, digit = divmod(value, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def new_key(kind: KeyKind) -> str:
    """`sk-` or `tp-`, 40 characters of chance, 6 of checksum.

    The checksum lets a secret scanner tell a real key from a look-alike without asking the server.
    """
    body = f"{kind}-" + "".join(secrets.choice(_BASE62) for _ in range(_BODY))
    return body + _checksum(body)


def looks_like_key(text: str) -> bool:
    """Is this a key that `new_key` could have made? True says nothing about its validity."""
    return (
        len(text) == KEY_LENGTH
        and text[:3] in ("sk-", "tp-")
        and text.isascii()
        and hmac.compare_digest(_checksum(text[:-_SUM]).encode(), text[-_SUM:].encode())
    )


def keyed_hash(secret: bytes, key: str) -> bytes:
    """What the database keeps of a key: 32 bytes of HMAC-SHA256.

    Keys are found by this value, so a look-up's timing tells nothing about the key itself.
    """
    return hmac.digest(secret, key.encode(), hashlib.sha256)


def fingerprint(secret: bytes) -> str:
    """What tells one platform secret from another, and nothing of either: 16 hex digits."""
    return hmac.digest(secret, b"tokenmill: which secret is this", hashlib.sha256).hex()[:16]


def new_secret() -> str:
    """256 bits for `[security] secret`, as 64 hex digits."""
    return secrets.token_hex(32)


def new_password() -> str:
    """A first password that can be read out over the telephone: 20 lower-case characters, 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
