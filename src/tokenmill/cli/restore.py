"""`tokenmill restore`: brings back what a backup holds."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tokenmill.cli.backup import SETTINGS, File
from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, print_json

if TYPE_CHECKING:
    from tokenmill.billing.verify import Verified
    from tokenmill.cli.archive import Manifest
    from tokenmill.settings import Settings

_OURS = frozenset({"nodes", "nodes.lock", "migrate.lock"})
"""What lies in a data directory without meaning that anything is kept there."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore has brought back; `ledger` None: the database has to be migrated first."""

    database: str
    revision: str
    made_at: str
    version: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    settled: int
    ledger: Verified | None


def restore(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Bring back the backup FILE into DIR, or into the PostgreSQL database of the settings."""
    restored = _restore(file.absolute(), data.absolute(), config, force=force)
    if json:
        print_json(restored)
    else:
        for line in _lines(restored, data):
            typer.echo(line)
    if restored.ledger is not None and not restored.ledger.ok:
        raise typer.Exit(1)


def _lines(restored: Restored, data: Path) -> Iterator[str]:
    yield f"Restored the backup of {restored.made_at}, revision {restored.revision}, into {data}."
    for reference in restored.left_out:
        yield f"Not in the backup, and needed: {reference}"
    if restored.settled:
        yield f"{restored.settled} exchanges ran when it was made; they are charged for what they had used."
    if restored.ledger is None:
        yield "It is of an older version: run `tokenmill migrate`, then `tokenmill ledger verify`."
        return
    yield from restored.ledger.differences
    yield f"The books were verified: {restored.ledger.transfers} transfers, " + (
        "all right." if restored.ledger.ok else "and they do not balance."
    )


def _restore(file: Path, data: Path, config: Path | None, *, force: bool) -> Restored:
    from tokenmill.cli.archive import read_archive
    from tokenmill.cli.bar import progress
    from tokenmill.jobs.nodes import nobody_in
    from tokenmill.kit.faults import Code, Fault

    if not file.is_file():
        raise Fault(Code.NOT_FOUND, f"There is no file {file}.")
    if not force:
        _must_be_empty(data, file)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with nobody_in(data):
        with _staging(data) as staged, progress() as begin:
            manifest = read_archive(file, staged, begin("unpacking"), _approve)
            settings = _settings(staged / "data", data, config)
            _bring_back(manifest, settings, staged, data, begin, force=force)
        settled, ledger = asyncio.run(_look_over(settings.database.url, manifest.revision))
    return Restored(
        database=manifest.database,
        revision=manifest.revision,
        made_at=manifest.made_at,
        version=manifest.version,
        files=tuple(manifest.files),
        left_out=manifest.left_out,
        settled=settled,
        ledger=ledger,
    )


def _must_be_empty(data: Path, file: Path) -> None:
    from tokenmill.kit.faults import Code, Fault

    if data.exists() and any(path.name not in _OURS and path != file for path in data.iterdir()):
        raise Fault(
            Code.CONFLICT,
            f"{data} is not empty. Name another directory with --data, or add --force to replace what "
            "is there.",
        )


def _approve(manifest: Manifest) -> None:
    from tokenmill.kit.faults import Code, Fault
    from tokenmill.store.migrate import newest_revision

    if manifest.revision > newest_revision():
        raise Fault(
            Code.CONFLICT,
            f"This backup was made by a newer TokenMill ({manifest.version}, revision {manifest.revision}; "
            f"this one knows {newest_revision()}). Restore it with that version.",
        )


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """Beside what it will replace, so that it is moved into place and not copied."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=data) as folder:
        yield Path(folder)


def _settings(staged: Path, data: Path, config: Path | None) -> Settings:
    """Those that will be in force: by --config, else by the backup's own file; the environment wins."""
    from tokenmill.settings import load_settings

    own = staged / SETTINGS
    return load_settings(data, config or (own if own.exists() else None), os.environ)


def _bring_back(
    manifest: Manifest,
    settings: Settings,
    staged: Path,
    data: Path,
    begin: Callable[[str], Callable[[int, int], None]],
    *,
    force: bool,
) -> None:
    from tokenmill.cli.archive import DATABASE, FILES
    from tokenmill.kit.faults import Code, Fault
    from tokenmill.store.postgres import on_postgres
    from tokenmill.store.sqlite import sqlite_file

    url = settings.database.url
    if on_postgres(url) != (manifest.database == "postgresql"):
        here = "PostgreSQL" if on_postgres(url) else "SQLite"
        raise Fault(
            Code.CONFLICT, f"This backup is of {manifest.database}, and [database] url names one of {here}."
        )
    if on_postgres(url):
        asyncio.run(_load(url, staged / DATABASE, begin("restoring the database"), force=force))
    else:
        _refuse_to_overwrite(sqlite_file(url), force=force)
    for name in manifest.files:
        if name.startswith(FILES):
            _move(staged / name, data / name.removeprefix(FILES))
    if not on_postgres(url):
        database = sqlite_file(url)
        for leftover in ("-wal", "-shm"):  # They belong to the database that goes, and would spoil this one.
            database.with_name(database.name + leftover).unlink(missing_ok=True)
        _move(staged / DATABASE, database)


def _refuse_to_overwrite(database: Path, *, force: bool) -> None:
    from tokenmill.kit.faults import Code, Fault

    if database.exists() and not force:
        raise Fault(Code.CONFLICT, f"{database} is there already. Add --force to replace it.")


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError:  # Another disk.
        draft = target.with_name(f".{target.name}.restored")
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        draft.replace(target)


async def _load(url: str, source: Path, told: Callable[[int, int], None], *, force: bool) -> None:
    from tokenmill.kit.faults import Code, Fault
    from tokenmill.store.copies import load_postgres
    from tokenmill.store.migrate import newest_revision
    from tokenmill.store.postgres import current_revision

    revision = await current_revision(url)
    if revision is not None and not force:
        raise Fault(
            Code.CONFLICT,
            "The database in [database] url is not empty. Name another one, or add --force to replace what "
            "is there.",
        )
    if revision == newest_revision():
        await _refuse_living_nodes(url)
    load_postgres(url, source, told, clean=revision is not None)


async def _refuse_living_nodes(url: str) -> None:
    """Nodes on other machines have no lock here, but a lease in the database."""
    from sqlalchemy import select

    from tokenmill.jobs.nodes import SILENT
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.faults import Code, Fault
    from tokenmill.store.database import open_database
    from tokenmill.store.work_tables import Node

    fresh = SystemClock().now() - timedelta(seconds=SILENT)
    async with open_database(url) as database, database.read() as work:
        living = select(Node.name).where(Node.ended_at.is_(None), Node.renewed_at > fresh)
        names = list(await work.session.scalars(living))
    if names:
        raise Fault(Code.CONFLICT, f"Servers run on this database ({'; '.join(names)}). Stop them first.")


async def _look_over(url: str, revision: str) -> tuple[int, Verified | None]:
    """Settles what ran when the backup was made, and proves the books."""
    from sqlalchemy import select

    from tokenmill.billing.verify import verify
    from tokenmill.jobs.nodes import Nodes
    from tokenmill.jobs.orphans import OrphanSweep
    from tokenmill.kit.clock import SystemClock
    from tokenmill.store.database import open_database
    from tokenmill.store.hot import HotStore
    from tokenmill.store.migrate import newest_revision
    from tokenmill.store.work_tables import Node

    if revision != newest_revision():
        return 0, None
    clock = SystemClock()
    async with open_database(url) as database, HotStore(url) as hot:
        nodes = Nodes(database, clock)
        async with database.read() as work:
            living = list(await work.session.scalars(select(Node.id).where(Node.ended_at.is_(None))))
        await nodes.end(living)  # They live on with the database that this one is a copy of.
        settled = await OrphanSweep(database, hot, nodes, clock).settle()
        async with database.read() as work:
            return settled, await verify(work, clock.now())
