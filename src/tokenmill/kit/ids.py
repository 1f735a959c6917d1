"""Makes the ids that travel between floors and out to callers."""

from __future__ import annotations

import os
import random
import time
from typing import NewType

AccountId = NewType("AccountId", str)
UserId = NewType("UserId", str)
KeyId = NewType("KeyId", str)
ModelId = NewType("ModelId", str)
TargetId = NewType("TargetId", str)
ExchangeId = NewType("ExchangeId", str)

_chance = random.Random(os.urandom(32))  # noqa: S311  (ids are no secrets, and a system call each is dear)
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def sortable(prefix: str) -> str:
    """`acc_01kar3…`: a prefix and 26 characters that sort by the time they were made.

    The 128 bits are those of a UUIDv7 without its version marks: 48 bits of
    milliseconds, 80 of chance, in Crockford's base 32 (as in ULID).
    """
    value = (time.time_ns() // 1_000_000) << 80 | _chance.getrandbits(80)
    digits = [_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def opaque(prefix: str) -> str:
    """`call_` and 24 hex digits: an id that says nothing, for callers' protocols."""
    return f"{prefix}{_chance.getrandbits(96):024x}"
