"""Bounds the media inside a request, as the MiMo platform does."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.conversation.parts import Inline, Media
from tokenmill.exchange.media.pictures import pixels_of
from tokenmill.exchange.media.window import Window
from tokenmill.wire.members import bad_value

LARGEST_INLINE: Final = 50 * 2**20
"""Characters of base64 of one part."""
MOST_PIXELS: Final = 2**27
"""Of one image: twice what the largest cameras take. A few bytes can stand for many times that, and whoever
unpacks them upstream holds all of them in memory."""

_RESOLUTIONS: Final = frozenset({b'"default"', b'"max"'})


def check_media(media: Media, at: str) -> None:
    """Raises Fault(BAD_VALUE) for media that no model should be asked to unpack, and for bad options."""
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
