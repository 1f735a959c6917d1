"""The console's page and files, from a build of four files."""

from __future__ import annotations

import gzip
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tokenmill.admin.console import Console, Reply
from tokenmill.api.call import Call
from tokenmill.api.front import Front
from tokenmill.kit.faults import Code, Fault

CODE = b"export const answer = 42;\n" * 40
BROTLI = b"these bytes stand for CODE, compressed by brotli"
PAGE = b'<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script nonce="__NONCE__"></script>'
BROWSER = {b"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = "/console/assets/main-4f2a.js"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    assets = tmp_path / "static" / "assets"
    (assets / ".vite").mkdir(parents=True)
    (assets / "main-4f2a.js").write_bytes(CODE)
    (assets / "main-4f2a.js.br").write_bytes(BROTLI)
    (assets / "main-4f2a.js.gz").write_bytes(gzip.compress(CODE, mtime=0))
    (assets / "main-9c1d.css").write_bytes(b"body { margin: 0 }")
    (assets / ".vite" / "manifest.json").write_bytes(b"{}")
    (tmp_path / "static" / "favicon.svg").write_bytes(b"<svg/>")
    (tmp_path / "static" / "index.html").write_bytes(PAGE)
    (tmp_path / "secret.js").write_bytes(b"of somebody else")
    return tmp_path / "static"


@pytest.fixture
def console(static: Path) -> Console:
    return Console("http://mill.example", static)


def ask(console: Console, path: str, headers: dict[bytes, str]) -> Reply | None:
    return console(path, lambda name: headers.get(name, ""))


def given(console: Console, path: str, headers: dict[bytes, str]) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers of a reply that there is; no header comes twice."""
    reply = ask(console, path, headers)
    assert reply is not None
    found = {name.decode(): value.decode() for name, value in reply.headers}
    assert len(found) == len(reply.headers)
    return reply.status, reply.body, found


@pytest.mark.parametrize("path", ["/console/", "/console/keys", "/console/op/targets/gpu-1", "/console/a.js"])
def test_whatever_a_browser_opens_is_the_page(console: Console, path: str) -> None:
    """Its routes are the page's own; it may not be kept, framed or guessed at."""
    status, body, headers = given(console, path, BROWSER)

    assert status == 200
    assert body.startswith(b"<!doctype html>")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]


def test_each_page_has_a_nonce_of_its_own_which_the_policy_names(console: Console) -> None:
    """And the policy allows nothing else: no inline code, no other address, no frame around it."""
    nonces = set()
    for _ in range(20):
        _, body, headers = given(console, "/console/", BROWSER)
        (nonce,) = set(re.findall(rb'nonce="([^"]+)"', body))
        assert body.count(nonce) == 2
        assert headers["content-security-policy"] == (
            f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce.decode()}'; "
            "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'"
        )
        assert len(nonce) >= 22  # 128 bits
        nonces.add(nonce)
    assert len(nonces) == 20


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", BROTLI),
        ("GZIP", "gzip", gzip.compress(CODE, mtime=0)),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.compress(CODE, mtime=0)),
        ("br; q=0.000, gzip;q=0.0", None, CODE),
        ("br;q=1.0", "br", BROTLI),
        ("brotli, zstd", None, CODE),
        ("", None, CODE),
    ],
)
def test_a_script_is_sent_in_the_smallest_form_that_is_accepted(
    console: Console, accepted: str, coding: str | None, body: bytes
) -> None:
    """It may be kept for ever, since another build has another name; caches keep each form apart."""
    status, found, headers = given(console, SCRIPT, {b"accept": "*/*", b"accept-encoding": accepted})

    assert status == 200
    assert found == body
    assert headers.get("content-encoding") == coding
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["vary"] == "accept-encoding"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_file_that_was_not_compressed_is_sent_as_it_is(console: Console) -> None:
    status, body, headers = given(console, "/console/assets/main-9c1d.css", {b"accept-encoding": "br, gzip"})

    assert (status, body) == (200, b"body { margin: 0 }")
    assert headers["content-type"] == "text/css; charset=utf-8"
    assert "content-encoding" not in headers


def test_a_file_outside_the_assets_is_asked_for_again_each_time(console: Console) -> None:
    """Its name stays when its content changes; the tag spares the bytes."""
    status, body, headers = given(console, "/console/favicon.svg", {b"accept": "image/avif,image/*"})

    assert (status, body) == (200, b"<svg/>")
    assert headers["content-type"] == "image/svg+xml"
    assert headers["cache-control"] == "no-cache"
    tag = headers["etag"]
    assert tag == f'"{tag[1:-1]}"'
    for said in (tag, f"W/{tag}", f'"other", {tag}'):
        status, body, again = given(console, "/console/favicon.svg", {b"if-none-match": said})
        assert (status, body, again["etag"]) == (304, b"", tag)
    assert given(console, "/console/favicon.svg", {b"if-none-match": '"other"'})[0] == 200


def test_each_form_of_a_file_has_a_tag_of_its_own(console: Console) -> None:
    """Else a cache could join halves of two forms."""
    tags = [given(console, SCRIPT, {b"accept-encoding": each})[2]["etag"] for each in ("", "gzip", "br")]
    assert len(set(tags)) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/gone-1234.js",
        "/console/assets/",
        "/console/assets/main-4f2a.js.br",
        "/console/assets/.vite/manifest.json",
        "/console/assets/../../secret.js",
        "/console/../secret.js",
        "/console/assets//main-4f2a.js",
    ],
)
def test_nothing_but_the_build_can_be_had(console: Console, static: Path, path: str) -> None:
    """No path leads out of it, and files of the build's own have no address."""
    assert ask(console, path, {b"accept": "*/*"}) is None
    if path.startswith("/console/assets/"):
        assert ask(console, path, BROWSER) is None


@pytest.mark.parametrize("path", ["/console/", "/console/keys", "/console/index.html"])
def test_the_page_is_for_those_who_read_html(console: Console, path: str) -> None:
    """A client with a wrong Base URL must not take a page for an answer."""
    assert ask(console, path, {b"accept": "application/json"}) is None
    assert ask(console, path, {}) is None


def test_without_its_slash_the_console_is_one_step_further(console: Console) -> None:
    """Since all its routes lie below it."""
    assert ask(console, "/console", BROWSER) == (307, b"", [(b"location", b"/console/")])
    assert ask(console, "/console", {b"accept": "*/*"}) is None


def test_an_upgrade_on_disk_leaves_a_running_process_alone(console: Console, static: Path) -> None:
    """The page and its files are always of one build."""
    (static / "index.html").write_bytes(b"<!doctype html>of the next build")
    (static / "assets" / "main-4f2a.js").unlink()

    assert b"next build" not in given(console, "/console/", BROWSER)[1]
    assert given(console, SCRIPT, {})[1] == CODE


def test_a_console_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    """In both languages, with the addresses that work without it, and under the same policy."""
    console = Console('http://mill.example/"', tmp_path)
    status, page, headers = given(console, "/console/keys", BROWSER)

    assert status == 200
    assert page.count(b"make install") == 2
    assert "尚未构建".encode() in page
    assert b"http://mill.example/&quot;/v1" in page
    (nonce,) = re.findall(rb'nonce="([^"]+)"', page)
    assert f"'nonce-{nonce.decode()}'" in headers["content-security-policy"]
    assert ask(console, SCRIPT, {}) is None


@pytest.mark.parametrize(
    ("method", "headers", "status", "length", "body"),
    [
        ("GET", [], 200, "6", b"<svg/>"),
        ("HEAD", [], 200, "6", b""),
        ("GET", [(b"if-none-match", b"*")], 200, "6", b"<svg/>"),
        ("GET", [(b"if-none-match", b"TAG")], 304, None, b""),
    ],
)
async def test_a_reply_tells_the_length_of_what_a_get_would_bring(
    console: Console,
    method: str,
    headers: list[tuple[bytes, bytes]],
    status: int,
    length: str | None,
    body: bytes,
) -> None:
    """HEAD has it without the body; 304 has neither, for its length would be a lie."""
    path = "/console/favicon.svg"
    tag = given(console, path, {})[2]["etag"].encode()
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asked = [(name, value.replace(b"TAG", tag)) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": asked}
    await Front(console).console(Call(scope, _nothing, send))

    start, *pieces = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    assert (start["status"], told.get("content-length")) == (status, length)
    assert b"".join(piece["body"] for piece in pieces) == body
    assert told["x-request-id"].startswith("req_")


async def test_what_is_not_there_is_a_fault(console: Console) -> None:
    """Which the application tells in JSON."""
    scope = {"type": "http", "method": "GET", "path": "/console/x.js", "query_string": b"", "headers": []}
    with pytest.raises(Fault) as caught:
        await Front(console).console(Call(scope, _nothing, _nowhere))
    assert caught.value.code is Code.NOT_FOUND


async def _nothing() -> MutableMapping[str, Any]:
    raise AssertionError


async def _nowhere(message: MutableMapping[str, Any]) -> None:
    raise AssertionError(message)
