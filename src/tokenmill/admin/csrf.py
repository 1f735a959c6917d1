"""Makes and checks what pages send beside the cookie, so that other sites cannot act in its name."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

from tokenmill.accounts.refusals import Refusal

CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, and need no token."""


def csrf_token(token: str) -> str:
    """What pages send beside the cookie: only who could read a reply of this session knows it."""
    mac = hmac.digest(token.encode(), b"tokenmill csrf", hashlib.sha256)
    return urlsafe_b64encode(mac).decode().rstrip("=")


def check_csrf(token: str, given: str) -> None:
    """Raises Refusal(wrong_csrf_token)."""
    if not hmac.compare_digest(csrf_token(token).encode(), given.encode()):
        raise Refusal(
            "wrong_csrf_token",
            f"Send the session's csrf_token, as GET /console/api/v1/session gives it, in {CSRF_HEADER}.",
        )
