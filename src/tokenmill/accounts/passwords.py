"""Hashes and checks passwords with Argon2id."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_password

NO_PASSWORD: Final = "*"  # noqa: S105  (no password, as it says)
"""Stands for the hash of a user who has no password: nothing hashes to it."""
MIN_LENGTH = 8
MAX_LENGTH = 1024  # More would only cost time to hash.

# Each hash takes 64 MiB and four threads; a flood of sign-ins waits its turn instead of taking all there is.
_hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


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
    return await asyncio.get_running_loop().run_in_executor(_hashers, _hash, password)


async def password_fits(password_hash: str | None, password: str) -> bool:
    """Is this the password of that hash? An unreadable hash fits nothing.

    None stands for a user who is not there: it takes as long, and fits nothing.
    """
    if len(password) > MAX_LENGTH:
        return False
    return await asyncio.get_running_loop().run_in_executor(_hashers, _fits, password_hash, password)


def has_password(password_hash: str) -> bool:
    """Is there a password that could fit?"""
    return password_hash.startswith("$argon2")


def outdated(password_hash: str) -> bool:
    """Was it made with other costs than today's?"""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError

    try:
        return PasswordHasher().check_needs_rehash(password_hash)
    except InvalidHashError:
        return False


def _hash(password: str) -> str:
    from argon2 import PasswordHasher  # On first use: a node that only serves models never needs it.

    return PasswordHasher().hash(password)


def _fits(password_hash: str | None, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    hasher = PasswordHasher()
    try:
        hasher.verify(password_hash or _nobody(), password)
    except VerificationError:
        return False
    except InvalidHashError:  # Of a user who has no password: this takes as long, too.
        return _fits(None, password)
    return password_hash is not None


@cache
def _nobody() -> str:
    """A hash with today's costs, of a password that nobody has."""
    return _hash(new_password())
