"""Reads and writes the places where media come from, as this wire names them."""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from tokenmill.conversation.parts import Inline, Media, MediaSource, Url

_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}
"""MIME types of what the published schema names by a format."""

_DATA_URL = re.compile(r"data:([^;,]*);base64,")


def read_source(text: str) -> tuple[MediaSource, str | None]:
    """A `data:…;base64,` URL is inline media with its MIME type; any other URL is fetched by the target.

    A `data:` URL in another encoding stays a URL; text that is no URL is bare base64.
    """
    if match := _DATA_URL.match(text):
        return Inline(text[match.end() :]), match[1] or None
    if text.startswith(("data:", "http://", "https://", "file:", "gs://", "s3://", "oss://")):
        return Url(text), None
    return Inline(text), None


def data_url(inline: Inline, media_type: str | None) -> str:
    """The `data:` URL that holds `inline`."""
    return f"data:{media_type or ''};base64,{inline.data}"


def plain_text(media: Media) -> str | None:
    """The words of a text file that came along; None for any other."""
    if media.kind != "file" or not isinstance(media.source, Inline) or media.media_type != "text/plain":
        return None
    try:
        return base64.b64decode(media.source.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def with_format(sound: Media) -> Media:
    """The sound as the published schema has it: bare base64 and a format, which it knows two of."""
    format_ = _FORMATS.get(sound.media_type or "")
    if format_ is None or not isinstance(sound.source, Inline):
        return sound
    return msgspec.structs.replace(sound, media_type=format_)
