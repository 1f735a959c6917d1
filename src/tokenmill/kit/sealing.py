"""Seals bytes so that only this platform can read them, and only where they belong."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_SALT = 16
_TAG = 16
_NONCE = bytes(12)


class Sealer:
    """Authenticated encryption under the platform's secret, for one purpose.

    AES-256-GCM breaks when a nonce repeats under a key, and 96 bits of chance are too few for a platform that
    seals every reply. So each message has a key of its own, derived from 128 bits of salt, and the nonce is
    constant.
    """

    def __init__(self, secret: bytes, secrets_old: Sequence[bytes] = (), *, purpose: str) -> None:
        """Seals under `secret`; what was sealed under one of `secrets_old` still opens."""
        label = b"tokenmill seal: " + purpose.encode()
        self._keys = [hmac.digest(known, label, hashlib.sha256) for known in (secret, *secrets_old)]

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """`plain` sealed; it opens only with the same `context`, which is not part of the result."""
        salt = os.urandom(_SALT)
        key = hmac.digest(self._keys[0], salt, hashlib.sha256)
        return _VERSION + salt + AESGCM(key).encrypt(_NONCE, plain, _VERSION + context)

    def open(self, sealed: bytes, context: bytes) -> bytes | None:
        """What was sealed; None for anything that was not sealed here, for this purpose and context."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _SALT + _TAG:
            return None
        salt, box = sealed[1 : 1 + _SALT], sealed[1 + _SALT :]
        for known in self._keys:
            try:
                key = hmac.digest(known, salt, hashlib.sha256)
                return AESGCM(key).decrypt(_NONCE, box, _VERSION + context)
            except InvalidTag:
                continue
        return None
