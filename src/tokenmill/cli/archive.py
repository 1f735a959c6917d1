"""Writes a platform's data into one file, and reads it back after a look at every byte."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.copies import wait_until_written

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FILES: Final = "data/"
"""Before the names of what lay in the data directory."""

_CHUNK: Final = 2**20
_LARGEST_MANIFEST: Final = 2**20
_EFFORT: Final = 3  # gzip's: twice as fast as the usual 6, for a tenth more bytes.

Told = Callable[[int, int], None]


class Entry(msgspec.Struct, frozen=True):
    """What the manifest says of one file."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The first member of an archive. `left_out` names what is kept elsewhere, and has to be kept there."""

    format: int
    version: str
    revision: str
    made_at: str
    database: Literal["sqlite", "postgresql"]
    files: Mapping[str, Entry]
    left_out: tuple[str, ...] = ()


def entry_of(path: Path, told: Told) -> Entry:
    """The size and hash of a file."""
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            done += len(piece)
            told(done, total)
    return Entry(done, digest.hexdigest())


def write_archive(
    target: Path, manifest: Manifest, sources: Mapping[str, Path], told: Told, *, force: bool
) -> None:
    """Writes `target`, readable for its owner only; it is there whole or not at all.

    `sources` are the files of the manifest. Raises Fault(CONFLICT) when `target` is there, unless `force`.
    """
    total = sum(entry.size for entry in manifest.files.values())
    done = 0

    def passed(count: int) -> None:
        nonlocal done
        done += count
        told(done, total)

    with _draft(target) as draft:
        with (
            draft.open("wb") as raw,
            tarfile.open(fileobj=raw, mode="w:gz", compresslevel=_EFFORT) as archive,
        ):
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            archive.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
            for name, entry in manifest.files.items():
                with sources[name].open("rb") as source:
                    archive.addfile(_member(name, entry.size), _Watched(source, passed))
        wait_until_written(draft)
        if force:
            draft.replace(target)
            return
        try:
            os.link(draft, target)
        except FileExistsError:
            raise there_already(target) from None


def there_already(target: Path) -> Fault:
    """The fault of a backup that would overwrite something."""
    return Fault(
        Code.CONFLICT, f"{target} is there already. Name another file, or add --force to replace it."
    )


def read_archive(file: Path, into: Path, told: Told, approve: Callable[[Manifest], None]) -> Manifest:
    """Unpacks an archive into the empty directory `into`, and looks at every byte.

    `approve` may refuse by what the manifest says, before anything is unpacked. Raises Fault(BAD_VALUE) for
    what is no archive of ours, or is damaged.
    """
    total = file.stat().st_size
    try:
        with file.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:gz") as archive:
            manifest = _manifest(archive)
            approve(manifest)
            missing = dict(manifest.files)
            while (member := archive.next()) is not None:
                entry = missing.pop(member.name, None)
                if entry is None or not member.isreg() or member.size != entry.size:
                    raise _damaged(file, f"{member.name!r} is not what its manifest says")
                source = archive.extractfile(member)
                assert source is not None
                _unpack(source, into / _safe(member.name), entry, lambda: told(raw.tell(), total), file)
    except (tarfile.TarError, EOFError, zlib.error, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise _damaged(file, str(error) or type(error).__name__) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(file, str(error)) from None  # gzip's own complaints are OSErrors without a number.
    if missing:
        raise _damaged(file, f"{', '.join(sorted(missing))} is missing")
    return manifest


def _manifest(archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _LARGEST_MANIFEST:
        raise tarfile.TarError("it does not begin with a manifest")
    source = archive.extractfile(first)
    assert source is not None
    text = source.read()
    told = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("format")
    if told is not None and bytes(told) != b"%d" % FORMAT:
        raise Fault(
            Code.BAD_VALUE,
            f"This backup is of format {bytes(told).decode(errors='replace')[:20]}, and this version of "
            f"TokenMill reads format {FORMAT}. Restore it with the version that made it.",
        )
    return msgspec.json.decode(text, type=Manifest)


def _unpack(source: IO[bytes], target: Path, entry: Entry, told: Callable[[], None], file: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while piece := source.read(_CHUNK):
            digest.update(piece)
            out.write(piece)
            told()
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != entry.sha256:
        raise _damaged(file, f"{target.name} has another sha256 than its manifest says")


def _safe(name: str) -> PurePosixPath:
    """The name as a path that leads nowhere else."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not (name == DATABASE or name.startswith(FILES)):
        raise tarfile.TarError(f"{name!r} is no name of a backup")
    return path


def _damaged(file: Path, how: str) -> Fault:
    return Fault(Code.BAD_VALUE, f"{file} is not a whole backup of TokenMill: {how}. Nothing was restored.")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    return member


class _Watched:
    """A file that says how much of it has been read."""

    def __init__(self, file: IO[bytes], passed: Callable[[int], None]) -> None:
        self._file = file
        self._passed = passed

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._passed(len(piece))
        return piece


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield draft
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
