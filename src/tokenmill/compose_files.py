"""Builds what keeps uploaded files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tokenmill.files.blobs import Blobs
from tokenmill.files.directory import DirectoryBlobs
from tokenmill.files.files import SWEEP_EVERY, Bounds, Files
from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.settings import FilesSection
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import Database


@asynccontextmanager
async def files_kept(
    settings: FilesSection, database: Database, feed: ChangeFeed, clock: Clock
) -> AsyncIterator[Files | None]:
    """The files of accounts with what sweeps them; None where none are kept. Raises Fault(MISCONFIGURED)."""
    if not settings.enabled:
        yield None
        return
    bounds = Bounds(max_bytes=settings.max_bytes, quota_bytes=settings.quota_bytes, days=settings.days)
    files = Files(database, clock, blobs_at(settings.url), bounds)
    feed.subscribe(files.take)
    async with sweeping("files", SWEEP_EVERY, files.sweep):
        yield files


def blobs_at(url: str) -> Blobs:
    """The storage that `[files] url` means. Raises Fault(MISCONFIGURED)."""
    if not url.startswith("s3://"):
        return DirectoryBlobs(Path(url))
    try:
        from obstore.exceptions import BaseError  # An extra, which few install.
        from obstore.store import from_url

        from tokenmill.files.objects import ObjectBlobs
    except ImportError:
        raise Fault(
            Code.MISCONFIGURED,
            "[files] url names a bucket, which needs what is installed by pip install 'tokenmill[s3]'.",
        ) from None
    try:
        return ObjectBlobs(from_url(url))  # It reads credentials and endpoint from AWS's usual variables.
    except (BaseError, ValueError) as error:
        raise Fault(Code.MISCONFIGURED, f"[files] url cannot be used ({type(error).__name__}).") from None
