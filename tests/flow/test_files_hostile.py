"""Uploads that are hostile or unlucky, and files that cost more than they weigh."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.test_chat import HELLO
from tests.samples import pdf, pdf_bomb, png
from tokenmill.testing import ScriptedEngine, TestPlatform

MIB = 2**20
BOUNDS = {
    "TOKENMILL__FILES__MAX_BYTES": str(4 * MIB),
    "TOKENMILL__FILES__QUOTA_BYTES": str(6 * MIB),
}


@pytest.fixture
async def platform(platform_with: Opener) -> TestPlatform:
    """A platform that takes 4 MiB a file and 6 MiB an account."""
    return await platform_with(ScriptedEngine(HELLO), environ=BOUNDS)


def form(data: bytes, *, name: str = 'name="file"; filename="a.txt"', end: bool = True) -> bytes:
    head = f"--XX\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode()
    return head + data + (b"\r\n--XX--\r\n" if end else b"")


async def send(
    platform: TestPlatform,
    body: bytes,
    type_: str = "multipart/form-data; boundary=XX",
) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {platform.key}", "content-type": type_}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{platform.url}/v1/files", data=io.BytesIO(body)) as reply,
    ):
        return reply.status, await reply.json()


async def files_of(platform: TestPlatform) -> list[Any]:
    headers = {"authorization": f"Bearer {platform.key}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{platform.url}/v1/files") as reply:
        found: list[Any] = (await reply.json())["data"]
        return found


def bytes_kept(directory: Path) -> list[Path]:
    """Whatever lies where files are kept."""
    return [path for path in (directory / "files").rglob("*") if path.is_file()]


async def test_an_upload_without_a_length_ends_at_the_bound(platform: TestPlatform, tmp_path: Path) -> None:
    """Somebody who sends without end is told 413 and cut off; nothing is left of it."""
    parts = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
        "Content-Type: multipart/form-data; boundary=XX\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    said = asyncio.create_task(reader.read(4096))
    first = form(b"", end=False)
    writer.write(f"{len(first):x}\r\n".encode() + first + b"\r\n")
    sent = 0
    while not said.done() and sent < 2048 * MIB:
        writer.write(b"10000\r\n" + bytes(65_536) + b"\r\n")
        sent += 65_536
        try:
            await asyncio.wait_for(writer.drain(), 20)
        except ConnectionError:
            break
        await asyncio.sleep(0.0005)
    assert sent < 2048 * MIB
    try:
        head = await asyncio.wait_for(said, 20)
        assert b" 413 " in head.splitlines()[0]
        assert b"connection: close" in head.lower()
    except ConnectionError:
        pass  # The reply was lost with the connection, as happens to who does not stop.
    writer.close()
    assert bytes_kept(tmp_path) == []
    assert await files_of(platform) == []


async def test_a_declared_length_is_judged_before_the_body(platform: TestPlatform) -> None:
    """Who asks first (`Expect: 100-continue`) sends nothing in vain."""
    parts = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
        "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 1000000000\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )
    head = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    assert b" 413 " in head.splitlines()[0]


async def test_a_file_that_is_a_little_too_large_is_told_so(platform: TestPlatform, tmp_path: Path) -> None:
    """A client that sends first and reads then still reads 413 and which bound it was."""
    status, said = await send(platform, form(bytes(4 * MIB + 1)))
    assert (status, said["error"]["param"]) == (413, "file")
    assert "4,194,304 bytes" in said["error"]["message"]
    assert bytes_kept(tmp_path) == []


async def test_the_quota_holds_however_many_upload_at_once(platform: TestPlatform, tmp_path: Path) -> None:
    """Of four files of 2.5 MiB, two fit in 6 MiB; the others are refused and leave nothing."""
    answers = await asyncio.gather(*(send(platform, form(bytes(5 * MIB // 2))) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 200, 403, 403]
    assert "6,291,456 bytes" in next(said for status, said in answers if status == 403)["error"]["message"]
    assert len(bytes_kept(tmp_path)) == len(await files_of(platform)) == 2


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", form(b"x")),
        ("multipart/form-data; boundary=" + "X" * 71, form(b"x")),
        ("multipart/form-data; boundary=XX", b""),
        ("multipart/form-data; boundary=XX", b"this is no form at all, whatever its header says"),
        ("multipart/form-data; boundary=XX", form(b"x", end=False)),
        ("multipart/form-data; boundary=XX", b"--XX--\r\n"),
        ("multipart/form-data; boundary=XX", form(b"")),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="file"')),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="upload"; filename="a.txt"')),
        ("multipart/form-data; boundary=XX", form(b"x", name='filename="a.txt"')),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="file"; filename=".."')),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="file"; filename="a\x01b.txt"')),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="file"; filename="a%0D%0Ab.txt"')),
        ("multipart/form-data; boundary=XX", form(b"x", name='name="file"; filename="a\u202egnp.txt"')),
        ("multipart/form-data; boundary=XX", form(b"x", name=f'name="file"; filename="{"a" * 256}"')),
        ("multipart/form-data; boundary=XX", form(b"x")[:-8] + b"\r\n" + form(b"y")),
        (
            "multipart/form-data; boundary=XX",
            form(b"x")[:-8]
            + b'\r\n--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nspy\r\n--XX--\r\n',
        ),
        ("multipart/form-data; boundary=XX", b"--XX\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\nx\r\n--XX--\r\n"),
    ],
)
async def test_a_form_that_is_none_is_refused(
    platform: TestPlatform, tmp_path: Path, type_: str, body: bytes
) -> None:
    """With 400 and words, never 500; nothing is left of it."""
    status, said = await send(platform, body, type_)
    assert (status, said["error"]["type"]) == (400, "invalid_request_error"), said
    assert bytes_kept(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\\\temp\\\\a.txt", "a.txt"),
        ("..\\\\..\\\\a.txt", "a.txt"),
        ("say %22hi%22.txt", 'say "hi".txt'),
        ("", "unnamed.txt"),
        ("%2e%2e%2fa", "%2e%2e%2fa"),
    ],
)
async def test_a_name_is_never_a_path(platform: TestPlatform, tmp_path: Path, name: str, kept: str) -> None:
    """Of a path the last part is kept as a name, and files lie under names of our own."""
    status, made = await send(platform, form(b"words", name=f'name="file"; filename="{name}"'))
    assert (status, made["filename"]) == (200, kept)
    (file,) = bytes_kept(tmp_path)
    assert file.name == made["id"].replace("-", "_", 1)
    assert file.stat().st_mode & 0o77 == file.parent.stat().st_mode & 0o77 == 0


async def test_an_upload_that_is_cut_leaves_nothing(platform: TestPlatform, tmp_path: Path) -> None:
    """The connection goes half way: no file, no bytes, and the account's next upload has its place."""
    parts = urlsplit(platform.url)
    for _ in range(10):  # More than may upload at once.
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(
            f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
            "Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 2000000\r\n\r\n".encode()
            + form(bytes(1_000_000), end=False)
        )
        await writer.drain()
        for _ in range(500):
            if bytes_kept(tmp_path):
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the upload did not begin")
        writer.close()
        for _ in range(500):
            if not bytes_kept(tmp_path):
                break
            await asyncio.sleep(0.01)
    assert bytes_kept(tmp_path) == []
    assert (await send(platform, form(b"x")))[0] == 200


async def ask(platform: TestPlatform, part: dict[str, Any]) -> tuple[int, Any]:
    body = {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": [part]}]}
    headers = {"authorization": f"Bearer {platform.key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{platform.url}/v1/chat/completions", json=body) as reply,
    ):
        return reply.status, json.loads(await reply.text())


async def test_a_pdf_that_inflates_without_end_is_refused_in_time(platform: TestPlatform) -> None:
    """A quarter of a megabyte that becomes 256 MiB: told so, while others are served; nothing is held."""
    _, made = await send(platform, form(pdf_bomb(), name='name="file"; filename="bomb.pdf"'))
    began = time.monotonic()
    asked = asyncio.create_task(ask(platform, {"type": "file", "file": {"file_id": made["id"]}}))
    waits = 0.0
    while not asked.done():
        before = time.monotonic()
        assert len(await files_of(platform)) == 1
        waits = max(waits, time.monotonic() - before)
        await asyncio.sleep(0.1)
    status, said = await asked
    assert status == 400
    assert "the text of this PDF cannot be read" in said["error"]["message"]
    assert time.monotonic() - began < 60
    assert waits < 2  # The machine may be busy; the child takes twenty seconds at most.
    assert await usage_rows(platform) == []


async def test_a_broken_pdf_is_refused(platform: TestPlatform) -> None:
    """With the field, and with what is wrong."""
    for data, words in (
        (b"%PDF-1.7\n" + bytes(range(256)) * 10, "damaged"),
        (pdf(""), "no text"),
    ):
        url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
        status, said = await ask(platform, {"type": "file", "file": {"file_data": url, "filename": "a.pdf"}})
        assert (status, said["error"]["param"]) == (400, "messages[0].content[0]")
        assert words in said["error"]["message"]


async def test_an_image_of_a_billion_pixels_is_refused(platform: TestPlatform) -> None:
    """By id and inside the request, on what its header says; a large photograph passes."""
    bomb = png(40_000, 40_000)
    assert len(bomb) < 200
    url = f"data:image/png;base64,{base64.b64encode(bomb).decode()}"
    _, made = await send(platform, form(bomb, name='name="file"; filename="a.png"'))
    for part in (
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file": {"file_id": made["id"]}},
    ):
        status, said = await ask(platform, part)
        assert (status, said["error"]["param"]) == (400, "messages[0].content[0]")
        assert "40000 × 40000 pixels" in said["error"]["message"]
    large = base64.b64encode(png(11_000, 8_000)).decode()
    assert (
        await ask(platform, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{large}"}})
    )[0] == 200


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"fps": 0.05}, "fps"),
        ({"fps": 11}, "fps"),
        ({"fps": "x"}, "fps"),
        ({"media_resolution": "min"}, "media_resolution"),
    ],
)
async def test_films_options_are_checked(platform: TestPlatform, options: dict[str, Any], field: str) -> None:
    """Ten frames a second are the most, and there are two resolutions."""
    status, said = await ask(
        platform, {"type": "video_url", "video_url": {"url": "https://films.example/a.mp4"}, **options}
    )
    assert (status, said["error"]["param"]) == (400, f"messages[0].content[0].{field}")


async def test_a_platform_that_keeps_no_files_says_so(platform_with: Opener) -> None:
    """Addresses of files answer 404 with the setting that does it; PDFs sent along are read all the same."""
    platform = await platform_with(ScriptedEngine(HELLO), environ={"TOKENMILL__FILES__ENABLED": "false"})
    status, said = await send(platform, form(b"x"))
    assert (status, "[files] enabled" in said["error"]["message"]) == (404, True)
    url = f"data:application/pdf;base64,{base64.b64encode(pdf('Words')).decode()}"
    assert (await ask(platform, {"type": "file", "file": {"file_data": url}}))[0] == 200
    status, said = await ask(platform, {"type": "file", "file": {"file_id": "file-" + "0" * 26}})
    assert (status, said["error"]["param"]) == (404, "messages[0].content[0]")
