"""Counts the tokens of media as the MiMo models do, from their headers."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Final, NamedTuple, assert_never

import msgspec

from tokenmill.conversation.parts import Inline, Media
from tokenmill.exchange.media.films import film_of
from tokenmill.exchange.media.pictures import pixels_of
from tokenmill.exchange.media.sounds import seconds_of
from tokenmill.exchange.media.window import Window

CELL: Final = 32
"""Pixels of the side of a cell; one is a token."""
FEWEST_PIXELS: Final = 8_192
MOST_PIXELS: Final = 8_388_608
"""An image is scaled to lie between them."""
A_SECOND: Final = 6.25
"""Tokens of sound."""
USUAL_FPS: Final = 2.0
MOST_FRAMES: Final = 2_048
USUAL_PAIR: Final = 300
"""Tokens that two frames take at most, unless the caller wants `max`."""
MOST_OF_A_FILM: Final = 131_072


class Shares(NamedTuple):
    """Tokens of a prompt that are images, sounds and films; the sound of a film is sound."""

    image: int = 0
    audio: int = 0
    video: int = 0


def tokens_of_media(media: Media) -> int | None:
    """About how many tokens the media are; None where they do not say, or lie elsewhere."""
    shares = shares_of_media(media)
    return None if shares is None else sum(shares)


def shares_of_media(media: Media) -> Shares | None:
    """The same, by kind."""
    if not isinstance(media.source, Inline):
        return None
    window = Window(media.source.data)
    match media.kind:
        case "image":
            pixels = pixels_of(window)
            return None if pixels is None else Shares(image=tokens_of_image(*pixels))
        case "audio":
            seconds = seconds_of(window)
            return None if seconds is None else Shares(audio=max(1, math.ceil(seconds * A_SECOND)))
        case "video":
            film = film_of(window)
            if film is None:
                return None
            sound = math.ceil(film.seconds * A_SECOND) if film.sounds else 0
            fps, whole = options_of(media)
            pictures = tokens_of_film(film.seconds, film.width, film.height, fps, whole=whole)
            return Shares(audio=sound, video=pictures)
        case "file":
            return None
        case _:
            assert_never(media.kind)


def tokens_of_image(width: int, height: int, most: int = MOST_PIXELS) -> int:
    """Cells of the image once it is scaled."""
    wide, high = _cells(width), _cells(height)
    if wide * high * CELL * CELL > most:
        shrink = math.sqrt(width * height / most)
        wide, high = (max(1, math.floor(side / shrink / CELL)) for side in (width, height))
    elif wide * high * CELL * CELL < FEWEST_PIXELS:
        grow = math.sqrt(FEWEST_PIXELS / (width * height))
        wide, high = (math.ceil(side * grow / CELL) for side in (width, height))
    return min(wide * high, most // (CELL * CELL))


def tokens_of_film(seconds: float, width: int, height: int, fps: float, *, whole: bool) -> int:
    """Tokens of the pictures and of the times between them; `whole`: at the most pixels."""
    frames = min(MOST_FRAMES, max(2, math.ceil(seconds * fps)))
    pairs = math.ceil(frames / 2)
    each = tokens_of_image(width, height) if width and height else USUAL_PAIR
    if not whole:
        each = min(USUAL_PAIR, each)
    return min(MOST_OF_A_FILM, pairs * each) + pairs * ((5 if fps > 2 else 3) + 2)


def options_of(media: Media) -> tuple[float, bool]:
    """Frames a second, and whether the most pixels are wanted; the usual where the caller's make no sense."""
    options = dict(media.options)
    try:
        fps = float(msgspec.json.decode(options.get("fps", b"2"), type=float))
    except msgspec.DecodeError:
        fps = USUAL_FPS
    return fps if 0.1 <= fps <= 10 else USUAL_FPS, options.get("media_resolution") == b'"max"'


def words_of_text(media: Media) -> str | None:
    """The words of a text file that came along; None for any other."""
    if media.kind != "file" or media.media_type != "text/plain" or not isinstance(media.source, Inline):
        return None
    try:
        return base64.b64decode(media.source.data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _cells(side: int) -> int:
    return max(1, round(side / CELL))
