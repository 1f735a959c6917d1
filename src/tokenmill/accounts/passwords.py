"""Hashes and checks passwords with Argon2id."""

from __future__ import annotations

import asyncio

from tokenmill.kit.faults import Code, Fault

MIN_LENGTH = 8
MAX_LENGTH = 1024  # More would only cost time to hash.


async def hash_password(password: str) -> str:
    """The encoded Argon2id hash with its salt and costs; on a thread, since it takes tens of milliseconds.

    Raises Fault(BAD_VALUE) for a password that is too short or too long.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Fault(
            Code.BAD_VALUE,
            f"The password must have {MIN_LENGTH} to {MAX_LENGTH} characters; this one has {len(password)}.",
            field="password",
        )
    from argon2 import PasswordHasher  # On first use: a node that only serves models never needs it.

    return await asyncio.to_thread(PasswordHasher().hash, password)


async def password_fits(password_hash: str, password: str) -> bool:
    """Is this the password of that hash? An unreadable hash fits nothing."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return await asyncio.to_thread(PasswordHasher().verify, password_hash, password)
    except (InvalidHashError, VerificationError):
        return False
