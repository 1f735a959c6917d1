"""`tokenmill backup`: writes everything that a platform is into one file, while it runs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, print_json

if TYPE_CHECKING:
    from tokenmill.cli.archive import Manifest
    from tokenmill.settings import Settings

SETTINGS = "tokenmill.toml"

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, one file.", dir_okay=False)]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup has become."""

    file: str
    size: int
    database: str
    revision: str
    made_at: str
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Write database, secrets and settings into FILE; a server may run meanwhile."""
    made = _backup(file.absolute(), open_settings(data, config), data.absolute(), config, force=force)
    if json:
        print_json(made)
        return
    typer.echo(f"{file}: revision {made.revision}, {made.size:,} bytes, with {', '.join(made.files)}")
    for reference in made.left_out:
        typer.echo(f"Not in it, keep it elsewhere: {reference}")
    typer.echo(
        "It holds secrets: whoever has it can use every account. `tokenmill restore FILE` brings it back."
    )


def _backup(file: Path, settings: Settings, data: Path, config: Path | None, *, force: bool) -> Made:
    from tokenmill.cli.archive import DATABASE, FILES, Manifest, entry_of, there_already, write_archive
    from tokenmill.cli.bar import progress
    from tokenmill.kit.clock import SystemClock, rfc3339
    from tokenmill.kit.faults import Code, Fault
    from tokenmill.store.postgres import on_postgres

    if file.exists() and not force:
        raise there_already(file)
    if not file.parent.is_dir():
        raise Fault(Code.BAD_VALUE, f"There is no directory {file.parent} to write to.")
    url = settings.database.url
    revision = _revision(url)
    with _beside(file) as folder, progress() as begin:
        made_at = rfc3339(SystemClock().now())
        _copy(url, folder / DATABASE, begin("copying the database"))
        kept, left_out = _files(settings, data, config, revision)
        sources = {DATABASE: folder / DATABASE, **{FILES + name: path for name, path in kept.items()}}
        looked = begin("hashing")
        manifest = Manifest(
            format=1,
            version=_version(),
            revision=revision,
            made_at=made_at,
            database="postgresql" if on_postgres(url) else "sqlite",
            files={name: entry_of(path, looked) for name, path in sources.items()},
            left_out=left_out,
        )
        write_archive(file, manifest, sources, begin("packing"), force=force)
    return _made(file, manifest)


def _made(file: Path, manifest: Manifest) -> Made:
    return Made(
        file=str(file),
        size=file.stat().st_size,
        database=manifest.database,
        revision=manifest.revision,
        made_at=manifest.made_at,
        files=tuple(manifest.files),
        left_out=manifest.left_out,
    )


def _copy(url: str, target: Path, told: Callable[[int, int], None]) -> None:
    from tokenmill.store.copies import copy_sqlite, dump_postgres
    from tokenmill.store.postgres import on_postgres
    from tokenmill.store.sqlite import sqlite_file

    if on_postgres(url):
        dump_postgres(url, target, told)
    else:
        copy_sqlite(sqlite_file(url), target, told)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A directory of our own on the same disk, which has room for the backup if any has."""
    with tempfile.TemporaryDirectory(prefix=".tokenmill-backup-", dir=file.parent) as folder:
        yield Path(folder)


def _revision(url: str) -> str:
    from tokenmill.store import migrate, postgres, sqlite

    if postgres.on_postgres(url):
        revision = postgres.run_apart(postgres.current_revision(url))
        if revision is None:
            raise migrate.missing_schema()
        return revision
    file = sqlite.sqlite_file(url)
    found = sqlite.current_revision(file)
    if found is None:
        raise sqlite.missing_database(file)
    return found


def _version() -> str:
    from importlib.metadata import version

    return version("tokenmill")


def _files(
    settings: Settings, data: Path, config: Path | None, revision: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """What belongs to the database: each by its name below the data directory; and what is kept elsewhere."""
    kept: dict[str, Path] = {}
    left_out: list[str] = []
    file = config or data / SETTINGS
    if file.exists():
        kept[SETTINGS] = file
    for reference in dict.fromkeys(_references(settings, revision)):
        kind, _, place = reference.partition(":")
        path = data / place
        inside = kind == "file" and path.is_relative_to(data) and ".." not in path.parts
        if inside and path.is_file():
            kept[str(path.relative_to(data))] = path
        else:
            left_out.append(reference)
    if _has_uploads(settings):
        left_out.append(f"uploaded files, which lie in {settings.files.url}")
    return kept, tuple(left_out)


def _has_uploads(settings: Settings) -> bool:
    """Has anybody uploaded anything? Files may be many times what the database is, so they stay out."""
    place = settings.files.url
    return place.startswith("s3://") or (Path(place).is_dir() and any(Path(place).iterdir()))


def _references(settings: Settings, revision: str) -> Iterable[str]:
    """Where settings and targets keep secrets, as `env:NAME` and `file:PATH`."""
    from tokenmill.store.migrate import newest_revision

    security = settings.security
    yield from (security.secret, *security.secrets_old, *security.secrets_next)
    yield from filter(None, (settings.mail.password, settings.search.api_key))
    if revision == newest_revision():  # An older catalogue may be of another shape.
        yield from asyncio.run(_keys_of_targets(settings.database.url))


async def _keys_of_targets(url: str) -> list[str]:
    from tokenmill.catalog.repository import load
    from tokenmill.store.database import open_database

    async with open_database(url) as database, database.read() as work:
        return [target.api_key for target in (await load(work)).targets() if target.api_key is not None]
