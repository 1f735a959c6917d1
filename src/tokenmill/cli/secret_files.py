"""Writes the platform's secret into the data directory, and puts a new one in its place."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_secret
from tokenmill.settings import SECRET_NAME, old_secrets


def make_secret(file: Path) -> None:
    """A new secret in `file`, unless one is there; of two who make it at once, the first wins."""
    with _draft(file.parent) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, file)  # Linked into place, so that nobody ever reads half of it.


def replace_secret(data: Path) -> Path:
    """Puts a new secret in place of the one in `data`; where the old one is kept.

    Whenever this is broken off, the old one is still there under one name or both. Raises
    Fault(MISCONFIGURED) when there is none.
    """
    file = data / SECRET_NAME
    with _alone_in(data):
        if not file.exists():
            raise Fault(
                Code.MISCONFIGURED,
                f"There is no secret at {file}. Run `tokenmill init --data {data}` first.",
                field="security.secret",
            )
        number = 1 + max((int(old.name.rpartition("-")[2]) for old in old_secrets(data)), default=0)
        kept = data / f"{SECRET_NAME}.old-{number}"
        os.link(file, kept)
        with _draft(data) as draft:
            draft.rename(file)
        return kept


@contextlib.contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    draft = folder / f".secret-{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(new_secret() + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two rotations at once would lose the secret of one of them."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield  # There is no secret either.
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
