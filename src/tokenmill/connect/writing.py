"""Puts an agent's settings into its files, each with a copy of what was there, and takes them back."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from tokenmill.connect.merging import merged
from tokenmill.connect.template import File
from tokenmill.kit.faults import Code, Fault

Outcome = Literal["created", "changed", "unchanged"]

_STAMP: Final = "%Y%m%d%H%M%S"
_KEPT: Final = re.compile(r"\.tokenmill-(backup|new)-(\d{14})\Z")


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to a file; `backup` is where its old content is."""

    path: Path
    outcome: Outcome
    backup: Path | None


@dataclass(frozen=True, slots=True)
class Undone:
    """A file that is as it was before; one that `connect` made is gone. `kept` is what it was until now."""

    path: Path
    outcome: Literal["restored", "removed"]
    kept: Path | None


def write(files: Iterable[File], environ: Mapping[str, str], now: datetime) -> tuple[Written, ...]:
    """Every file with our settings in it; nothing is changed unless all of them can be.

    Raises Fault(CONFLICT) for a file that is broken, is none, or may not be read or written.
    """
    plans = [_plan(file, environ) for file in files]
    done: list[Written] = []
    try:
        stamp = _free_stamp((plan.path for plan in plans), now)
        for plan in plans:
            done.append(_carry_out(plan, stamp))  # noqa: PERF401  (what was done before an error counts)
    except OSError as error:
        for each in done:
            _take_back_at_once(each, stamp)
        raise Fault(
            Code.CONFLICT,
            f"{error.filename or plans[len(done)].path} cannot be written ({error.strerror}), so nothing was "
            "changed. Mend that, or put in by hand what --print shows.",
        ) from None
    return tuple(done)


def undo(files: Iterable[File], environ: Mapping[str, str], now: datetime) -> tuple[Undone, ...]:
    """Takes back the latest change of these files. Raises Fault(NOT_FOUND) when there is none."""
    paths = [_real(file, environ) for file in files]
    kept = [(stamp, path, kind, copy) for path in paths for stamp, kind, copy in _copies(path)]
    if not kept:
        shown = ", ".join(map(str, paths))
        raise Fault(Code.NOT_FOUND, f"There is nothing to undo: no backup stands beside {shown}.")
    latest = max(stamp for stamp, *_ in kept)
    mine = [(path, kind, copy) for stamp, path, kind, copy in kept if stamp == latest]
    return tuple(_take_back(path, kind, copy, now) for path, kind, copy in mine)


@dataclass(frozen=True, slots=True)
class _Plan:
    path: Path
    old: bytes | None
    new: bytes
    mode: int


def _plan(file: File, environ: Mapping[str, str]) -> _Plan:
    path = _real(file, environ)
    try:
        if not path.exists() and not path.is_symlink():
            new = merged(file, "", str(path)).encode()
            return _Plan(path, None, new, 0o600 if file.secret else 0o644)
        if not path.is_file():  # A directory, a pipe that would never end, a link to itself.
            raise Fault(Code.CONFLICT, f"{path} is no file. Move it away, or put in what --print shows.")
        old = path.read_bytes()
        text = old.decode()
    except UnicodeDecodeError:
        raise Fault(Code.CONFLICT, f"{path} was left as it is: it is no UTF-8 text.") from None
    except OSError as error:
        raise Fault(Code.CONFLICT, f"{path} cannot be read: {error.strerror}.") from None
    mode = path.stat().st_mode & 0o7777
    return _Plan(path, old, merged(file, text, str(path)).encode(), mode & 0o700 if file.secret else mode)


def _real(file: File, environ: Mapping[str, str]) -> Path:
    """Where the content is: many people's settings are links into a repository."""
    return Path(os.path.realpath(file.place.path(environ)))


def _carry_out(plan: _Plan, stamp: str) -> Written:
    path = plan.path
    if plan.old == plan.new:
        tight = path.stat().st_mode & 0o7777 == plan.mode
        if not tight:
            path.chmod(plan.mode)
        return Written(path, "unchanged" if tight else "changed", None)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if plan.old is None:
        _replace(_mark_of(path, stamp), sha256(plan.new).hexdigest().encode(), 0o600)
        _replace(path, plan.new, plan.mode)
        return Written(path, "created", None)
    backup = path.with_name(f"{path.name}.tokenmill-backup-{stamp}")
    _replace(backup, plan.old, path.stat().st_mode & 0o7777)
    _replace(path, plan.new, plan.mode)
    return Written(path, "changed", backup)


def _take_back_at_once(done: Written, stamp: str) -> None:
    """Undoes what was done a moment ago, for another file's sake."""
    with contextlib.suppress(OSError):  # The other file's error is the one to tell of.
        if done.backup is not None:
            done.backup.rename(done.path)
        elif done.outcome == "created":
            done.path.unlink()
            _mark_of(done.path, stamp).unlink()


def _mark_of(path: Path, stamp: str) -> Path:
    """Stands beside a file that `connect` made."""
    return path.with_name(f"{path.name}.tokenmill-new-{stamp}")


def _take_back(path: Path, kind: str, copy: Path, now: datetime) -> Undone:
    there = path.read_bytes() if path.exists() else None
    if kind == "new" and (there is None or sha256(there).hexdigest().encode() == copy.read_bytes()):
        path.unlink(missing_ok=True)
        copy.unlink()
        return Undone(path, "removed", None)
    kept = None
    if there is not None:  # Agents write to their files too: what they have put there since is not lost.
        kept = path.with_name(f"{path.name}.tokenmill-undone-{now:{_STAMP}}")
        _replace(kept, there, 0o600)
    if kind == "new":
        path.unlink()
        copy.unlink()
        return Undone(path, "removed", kept)
    copy.rename(path)
    return Undone(path, "restored", kept)


def _copies(path: Path) -> list[tuple[str, str, Path]]:
    """(stamp, `backup` or `new`, where) of what was kept of a file."""
    if not path.parent.is_dir():
        return []
    beside = [each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.tokenmill-")]
    found = [(each, _KEPT.fullmatch(each.name[len(path.name) :])) for each in beside]
    return [(match[2], match[1], each) for each, match in found if match is not None]


def _free_stamp(paths: Iterable[Path], now: datetime) -> str:
    """Later than all that are there, so that the latest change is told by its name."""
    stamps = [stamp for path in paths for stamp, *_ in _copies(path)]
    mine = now.strftime(_STAMP)
    if not stamps or mine > max(stamps):
        return mine
    latest = datetime.strptime(max(stamps), _STAMP).replace(tzinfo=now.tzinfo)
    return (latest + timedelta(seconds=1)).strftime(_STAMP)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """The whole content or none of it, at any moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        draft.chmod(mode)
        draft.rename(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        raise
