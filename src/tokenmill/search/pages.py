"""Fetches pages that strangers name: only public ones, only so much, only text."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec
from yarl import URL

from tokenmill.kit.addresses import (
    Address,
    Forbidden,
    Resolve,
    checked_addresses,
    is_public,
    system_addresses,
)
from tokenmill.kit.pinning import Pinned
from tokenmill.search.charsets import decode
from tokenmill.search.kept import Kept
from tokenmill.search.manners import Manners
from tokenmill.search.words import read_html, read_plain

Network = IPv4Network | IPv6Network

SECONDS: Final = 6.0
REDIRECTS: Final = 5
LARGEST: Final = 1_000_000
"""Bytes of a page, unpacked; the rest is left unread."""
LONGEST_URL: Final = 2_000
FRESH: Final = 600.0
KEPT: Final = 100
"""Pages; each is kept as its words, some 20 kB, and ten times that at the most."""
KEPT_CHARACTERS: Final = 100_000
PORTS: Final = frozenset((80, 443))
HTML: Final = frozenset(("text/html", "application/xhtml+xml"))
PLAIN: Final = frozenset(("text/plain", "text/markdown"))
_MOVED: Final = frozenset((301, 302, 303, 307, 308))
_HEADERS: Final = {
    "user-agent": "TokenMill",
    "accept": "text/html, application/xhtml+xml, text/plain;q=0.8",
    "accept-encoding": "gzip, deflate",
}


class Unreadable(Exception):
    """A page that is not to be had, and why."""


class _Moved(msgspec.Struct, frozen=True):
    """The page is somewhere else."""

    url: str


class _Body(msgspec.Struct, frozen=True):
    """A page as it came, unpacked."""

    data: bytes
    kind: str
    charset: str | None


class Pages:
    """Reads pages; what their servers do, it takes seconds and kilobytes, not more."""

    def __init__(
        self,
        *,
        resolve: Resolve = system_addresses,
        inner: Sequence[Network] = (),
        seconds: float = SECONDS,
        manners: Manners | None = None,
    ) -> None:
        """`inner` are networks that may be spoken to, at any port, although they are not public."""
        self._resolve = resolve
        self._inner = tuple(inner)
        self._seconds = seconds
        self._manners = manners or Manners()
        self._kept: Kept[str, str] = Kept(KEPT, FRESH)

    async def read(self, url: str) -> str | None:
        """The words of the page; None when they cannot be had, for whatever reason."""
        known = self._kept.get(url)
        if known is not None:
            return known or None
        try:
            words = (await self.words(url))[:KEPT_CHARACTERS]
        except Unreadable:
            words = ""
        self._kept.put(url, words)
        return words or None

    async def words(self, url: str) -> str:
        """The words of the page. Raises Unreadable, which says why."""
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._follow(url)
        except TimeoutError:
            raise Unreadable("it takes too long") from None
        return await asyncio.to_thread(_words_of, body)

    async def close(self) -> None:
        """There is nothing to close: every page has had a connection of its own."""

    async def _follow(self, url: str) -> _Body:
        for _ in range(REDIRECTS + 1):
            address = self._checked(url)
            host = address.host or ""
            port = address.port or 0
            addresses = await self._addresses(host, port)
            async with self._manners.at(host):
                answer = await _get(address, addresses)
            match answer:
                case _Body():
                    return answer
                case _Moved(url=location):
                    url = _joined(url, location)
        raise Unreadable("it sends from one address to the next")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Where the host is, if it may be asked there. Raises Unreadable."""

        def allowed(address: Address) -> bool:
            return is_public(address) or self._is_inner(address)

        try:
            found = await checked_addresses(self._resolve, host, port, loopback=False, allowed=allowed)
        except Forbidden as reason:
            raise Unreadable(str(reason)) from None
        if port not in PORTS and not all(self._is_inner(ip_address(each)) for each in found):
            raise Unreadable("its port is not one of the web")
        return found

    def _is_inner(self, address: Address) -> bool:
        return any(address in network for network in self._inner)

    def _checked(self, url: str) -> URL:
        """The address, if it may be asked. Raises Unreadable."""
        if len(url) > LONGEST_URL:
            raise Unreadable("its address is too long")
        try:
            parts = urlsplit(url)
            allowed = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
            address = URL(url)
        except ValueError:
            raise Unreadable("its address is none") from None
        if not allowed or not address.host:
            raise Unreadable("its address is not a web address")
        return address


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Unreadable("it sends to an address that is none") from None


def _words_of(body: _Body) -> str:
    text = decode(body.data, body.charset, html=body.kind in HTML, cut=len(body.data) >= LARGEST)
    return (read_html(text) if body.kind in HTML else read_plain(text)).text


async def _get(url: URL, addresses: list[str]) -> _Body | _Moved:
    """One answer from one of `addresses`, which were looked at. Raises Unreadable."""
    try:
        async with _asking(url, addresses) as reply:
            if reply.status in _MOVED:
                return _Moved(reply.headers.get("location", ""))
            if reply.status != 200:
                raise Unreadable(f"its server answers {reply.status}")
            kind = reply.content_type.lower()
            if kind not in HTML and kind not in PLAIN:
                raise Unreadable("it is not text")
            encoding = reply.headers.get("content-encoding", "identity").strip().lower()
            return _Body(await _bounded(reply.content, encoding), kind, reply.charset)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unreadable(f"it cannot be reached ({type(error).__name__})") from None


@asynccontextmanager
async def _asking(url: URL, addresses: list[str]) -> AsyncIterator[aiohttp.ClientResponse]:
    connector = aiohttp.TCPConnector(resolver=Pinned(addresses), force_close=True, use_dns_cache=False)
    async with (
        aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # It would unpack a bomb before anybody could count.
            timeout=aiohttp.ClientTimeout(total=None),  # The whole page has a time of its own.
        ) as session,
        session.get(url, headers=_HEADERS, allow_redirects=False) as reply,
    ):
        yield reply


async def _bounded(content: aiohttp.StreamReader, encoding: str) -> bytes:
    """At most LARGEST bytes of the body, unpacked. Raises Unreadable."""
    unpack = _unpacker(encoding)
    out: list[bytes] = []
    left = LARGEST
    async for packed in content.iter_any():
        piece = unpack(packed, left)
        out.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return b"".join(out)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """Unpacks the next bytes, to no more than the given size."""
    if encoding in ("", "identity"):
        return lambda packed, most: packed[:most]
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreadable("it is packed in an unknown way")
    stream = zlib.decompressobj(wbits=47 if encoding != "deflate" else zlib.MAX_WBITS)

    def unpack(packed: bytes, most: int) -> bytes:
        try:
            return stream.decompress(packed, most)
        except zlib.error:
            raise Unreadable("it is packed wrongly") from None

    return unpack
