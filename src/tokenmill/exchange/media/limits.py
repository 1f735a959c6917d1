"""Bounds the media of a request, as the MiMo platform does, and where targets may be sent for them."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_address
from typing import Final
from unicodedata import normalize
from urllib.parse import urlsplit

import msgspec

from tokenmill.conversation.parts import Inline, Media, Url
from tokenmill.exchange.media.pictures import pixels_of
from tokenmill.exchange.media.window import Window
from tokenmill.kit.addresses import Address, is_public
from tokenmill.wire.members import bad_value

LARGEST_INLINE: Final = 50 * 2**20
"""Characters of base64 of one part."""
MOST_PIXELS: Final = 2**27
"""Of one image: twice what the largest cameras take. A few bytes can stand for many times that, and whoever
unpacks them upstream holds all of them in memory."""

_FETCHED: Final = frozenset({"http", "https"})
_UNDERSTOOD: Final = _FETCHED | {"data", "gs", "s3", "oss"}
"""Schemes that targets know what to make of; `file` is the one by which some would read their own disk."""
_INSIDE: Final = ("localhost", "metadata.google.internal")
_RESOLUTIONS: Final = frozenset({b'"default"', b'"max"'})


def check_media(media: Media, at: str) -> None:
    """Raises Fault(BAD_VALUE) for media that no target should be asked to unpack or fetch, and bad options.

    A name is not looked up: the target does that by itself, and may be told something else.
    """
    if isinstance(media.source, Url):
        _check_url(media.source.url, at)
    if isinstance(media.source, Inline):
        if len(media.source.data) > LARGEST_INLINE:
            raise bad_value(
                at,
                f"{media.kind} data of more than {LARGEST_INLINE // 2**20} MB of base64; send a URL instead",
            )
        if media.kind == "image":
            pixels = pixels_of(Window(media.source.data))
            if pixels is not None and pixels[0] * pixels[1] > MOST_PIXELS:
                raise bad_value(
                    at, f"an image of {pixels[0]} × {pixels[1]} pixels; at most {MOST_PIXELS:,} are taken"
                )
    if media.kind == "video":
        _check_options(dict(media.options), at)


def _check_url(url: str, at: str) -> None:
    try:
        parts = urlsplit(url.strip())
        host = normalize("NFKC", parts.hostname or "").replace("\u3002", ".").rstrip(".")
    except ValueError:
        raise bad_value(at, "this is not a URL") from None
    if parts.scheme not in _UNDERSTOOD or "\\" in parts.netloc:  # To some a backslash ends the host.
        raise bad_value(at, "send a URL that begins with https:// or http://, or the data itself")
    if parts.scheme in _FETCHED and not _is_outside(host):
        raise bad_value(
            at, "the URL must be publicly reachable; send the data itself, or upload it as a file"
        )


def _is_outside(host: str) -> bool:
    if not host or any(host == name or host.endswith(f".{name}") for name in _INSIDE):
        return False
    address = _address(host)
    return address is None or is_public(address)


def _address(host: str) -> Address | None:
    """The address that `host` is, also written in an old way (`127.1`, `0x7f000001`); None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _check_options(options: dict[str, bytes], at: str) -> None:
    if (raw := options.get("fps")) is not None:
        try:
            fps = msgspec.json.decode(raw, type=float)
        except msgspec.DecodeError:
            fps = 0.0
        if not 0.1 <= fps <= 10:
            raise bad_value(f"{at}.fps", "use a number from 0.1 to 10")
    if (raw := options.get("media_resolution")) is not None and raw not in _RESOLUTIONS:
        raise bad_value(f"{at}.media_resolution", "use default or max")
