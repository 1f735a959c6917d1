"""Serves the console's page and the files that it loads, from memory."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = "/console/"
ASSETS: Final = "/console/assets/"
STATIC: Final = Path(str(files("tokenmill.admin"))) / "static"
"""Where the build puts the console."""

_PAGE: Final = "index.html"
_UNBUILT: Final = "unbuilt.html"
_NONCE: Final = b"__NONCE__"
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""The smallest first."""

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PERMISSIONS: Final = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

Header = tuple[bytes, bytes]

_SNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
_PAGE_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    _SNIFF,
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", _PERMISSIONS.encode()),
)


class Reply(NamedTuple):
    """An HTTP reply without the length of its body."""

    status: int
    body: bytes
    headers: list[Header]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the build; `bodies` has it by content coding, `""` being none."""

    type: str
    digest: str
    lasting: bool
    bodies: Mapping[str, bytes]


class Console:
    """The console as it was when the process started: an upgrade on disk never mixes two builds."""

    def __init__(self, base_url: str, static: Path = STATIC) -> None:
        """`base_url` is the platform's public address; without a build in `static` the page says so."""
        built = static / _PAGE
        page = built.read_bytes() if built.is_file() else _unbuilt(base_url)
        self._page = page.split(_NONCE)
        self._files = dict(_read(static)) if built.is_file() else {}

    def __call__(self, path: str, header: Callable[[bytes], str]) -> Reply | None:
        """The reply to a GET of `path`, or None for a 404; `header` gives a request's header, or `""`."""
        html = "text/html" in header(b"accept").lower()
        if html and not path.startswith(ASSETS):
            return self._shell() if path.startswith(ROOT) else Reply(307, b"", [(b"location", ROOT.encode())])
        found = self._files.get(path)
        return None if found is None else _sent(found, header)

    def _shell(self) -> Reply:
        nonce = secrets.token_urlsafe(16)
        policy = _POLICY.format(nonce=nonce).encode()
        page = nonce.encode().join(self._page)
        return Reply(200, page, [*_PAGE_HEADERS, (b"content-security-policy", policy)])


def _unbuilt(base_url: str) -> bytes:
    page = (files("tokenmill.admin") / _UNBUILT).read_text(encoding="utf-8")
    return page.replace("{{base_url}}", escape(base_url)).encode()


def _read(static: Path) -> Iterator[tuple[str, _File]]:
    """Every file by the path at which it is asked for; the page and hidden files are not among them."""
    for path in sorted(static.rglob("*")):
        name = path.relative_to(static)
        hidden = any(part.startswith(".") for part in name.parts)
        if hidden or path.suffix not in _TYPES or name == Path(_PAGE):
            continue
        body = path.read_bytes()
        coded = {coding: path.with_name(path.name + ending) for coding, ending in _ENCODINGS.items()}
        bodies = {coding: each.read_bytes() for coding, each in coded.items() if each.is_file()}
        digest = hashlib.sha256(body).hexdigest()[:24]
        address = ROOT + name.as_posix()
        lasting = address.startswith(ASSETS)  # Their names hold a hash of what is in them.
        yield address, _File(_TYPES[path.suffix], digest, lasting, bodies | {"": body})


def _sent(file: _File, header: Callable[[bytes], str]) -> Reply:
    coding = next((each for each in _wanted(header(b"accept-encoding")) if each in file.bodies), "")
    tag = f'"{file.digest}{"-" if coding else ""}{coding}"'
    headers = [
        (b"cache-control", b"public, max-age=31536000, immutable" if file.lasting else b"no-cache"),
        (b"etag", tag.encode()),
        (b"vary", b"accept-encoding"),
    ]
    if tag in _tags(header(b"if-none-match")):
        return Reply(304, b"", headers)
    if coding:
        headers.append((b"content-encoding", coding.encode()))
    return Reply(200, file.bodies[coding], [(b"content-type", file.type.encode()), _SNIFF, *headers])


def _wanted(accepted: str) -> list[str]:
    """Our codings that a request accepts by name, the smallest first (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        weights[name.strip()] = weight.replace(" ", "")
    return [each for each in _ENCODINGS if each in weights and weights[each].rstrip("0.") != "q="]


def _tags(said: str) -> set[str]:
    """The tags of an If-None-Match, whose comparison is weak (RFC 9110, 13.1.2)."""
    return {tag.strip().removeprefix("W/") for tag in said.split(",")}
