"""Media say in their headers how large they are, and how many tokens that is."""

from __future__ import annotations

import base64
import struct

import pytest

from tests.samples import pdf, png, wav
from tokenmill.conversation.parts import Inline, Media, MediaKind, Text, ToolResult, Url
from tokenmill.conversation.request import Request, Turn
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.bounds import input_bound
from tokenmill.exchange.estimate import tokens_of_request
from tokenmill.exchange.media.boxes import Recording
from tokenmill.exchange.media.films import film_of
from tokenmill.exchange.media.limits import check_media
from tokenmill.exchange.media.pictures import pixels_of
from tokenmill.exchange.media.shares import shares_of_request, with_shares
from tokenmill.exchange.media.sounds import seconds_of
from tokenmill.exchange.media.tokens import Shares, tokens_of_film, tokens_of_image, tokens_of_media
from tokenmill.exchange.media.window import Window
from tokenmill.kit.faults import Code, Fault


def window(data: bytes) -> Window:
    return Window(base64.b64encode(data).decode())


def media(kind: MediaKind, data: bytes, *options: tuple[str, bytes]) -> Media:
    return Media(kind, Inline(base64.b64encode(data).decode()), None, None, options)


@pytest.mark.parametrize("size", range(8))
def test_a_window_shows_what_decoding_would(size: int) -> None:
    """At every offset, of every length, with either padding."""
    data = bytes(range(40, 40 + size + 20))
    shown = window(data)
    assert shown.size == len(data)
    for at in range(len(data) + 2):
        for count in range(6):
            assert shown.read(at, count) == data[at : at + count]
    assert shown.tail(5) == data[-5:]
    assert Window("!!!!").read(0, 3) == b""


JPEG = (
    b"\xff\xd8\xff\xe1\x00\x08Exif\0\0\xff\xff\xc4\x00\x04\0\0"
    + b"\xff\xc2\x00\x11\x08"
    + struct.pack(">HH", 600, 800)
    + bytes(12)
)
WEBP_LOSSY = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 800, 600) + bytes(4)
WEBP_LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 799 | 599 << 14) + bytes(8)
WEBP_LARGE = (
    b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0"
    + (799).to_bytes(3, "little")
    + (599).to_bytes(3, "little")
    + bytes(4)
)


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (png(800, 600), (800, 600)),
        (b"GIF89a" + struct.pack("<HH", 800, 600) + bytes(8), (800, 600)),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 800, -600) + bytes(8), (800, 600)),
        (b"BM" + bytes(12) + struct.pack("<IHH", 12, 800, 600) + bytes(8), (800, 600)),
        (JPEG, (800, 600)),
        (WEBP_LOSSY, (800, 600)),
        (WEBP_LOSSLESS, (800, 600)),
        (WEBP_LARGE, (800, 600)),
        (b"GIF89a" + bytes(20), None),
        (b"\xff\xd8" + b"\xff\xe1\xff\xff" * 100, None),
        (b"\xff\xd8" + b"\xff" * 10_000, None),
        (b"words and words and words and words", None),
        (b"", None),
    ],
)
def test_pixels_are_read_from_headers(data: bytes, pixels: tuple[int, int] | None) -> None:
    """Of every kind that is taken; what says nothing is None, and takes no time."""
    assert pixels_of(window(data)) == pixels


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1024, 1024, 1024),
        (32, 32, 9),  # 8192 pixels are the least: 90.5 × 90.5, up to whole cells.
        (1000, 500, 31 * 16),
        (10_000, 10_000, 90 * 90),  # 8,388,608 are the most: 2896 × 2896, down to whole cells.
        (1, 100_000, 3125 * 1),
        (8192, 1024, 8192),
    ],
)
def test_an_image_is_as_many_tokens_as_cells(width: int, height: int, tokens: int) -> None:
    """Each side to whole cells of 32 pixels, and then into the range of pixels."""
    assert tokens_of_image(width, height) == tokens


def flac(seconds: int) -> bytes:
    bits = 8_000 << 44 | 1 << 41 | 15 << 36 | seconds * 8_000
    return b"fLaC\x00\x00\x00\x22" + bytes(10) + bits.to_bytes(8, "big") + bytes(16)


def box(name: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I", 8 + len(data)) + name + data


def movie(seconds: int, *, late: bool = True, brand: bytes = b"isom") -> bytes:
    """An MP4 of 640 × 480 with sound; what describes it comes last, as cameras write it, or first."""
    mvhd = box(b"mvhd", bytes(12), struct.pack(">II", 1000, seconds * 1000), bytes(80))
    size = struct.pack(">II", 640 << 16, 480 << 16)
    picture = box(
        b"trak", box(b"tkhd", bytes(76), size), box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(12)))
    )
    sound = box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"hdlr", bytes(8), b"soun", bytes(12))))
    parts = [box(b"mdat", bytes(1000)), box(b"moov", mvhd, picture, sound)]
    return box(b"ftyp", brand, bytes(4)) + b"".join(parts if late else parts[::-1])


def avi(seconds: int) -> bytes:
    header = struct.pack("<14I", 40_000, 0, 0, 0, seconds * 25, 0, 2, 0, 640, 480, 0, 0, 0, 0)
    return b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrlavih\x38\0\0\0" + header


OGG = (
    b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis" + bytes(5) + struct.pack("<I", 8_000) + bytes(60)
    + b"OggS\0\x04" + struct.pack("<q", 8_000 * 60) + bytes(20)
)  # fmt: skip
OPUS = (
    b"OggS\0\x02"
    + bytes(20)
    + b"\x01\x13OpusHead"
    + bytes(60)
    + b"OggS\0\x04"
    + struct.pack("<q", 48_000 * 60)
)
MP3 = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128) + b"\xff\xfb\x90\x00" + bytes(959_996)
XING = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing\0\0\0\x01" + struct.pack(">I", 2297) + bytes(400)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(60), 60),
        (flac(60), 60),
        (OGG, 60),
        (OPUS, 60),
        (MP3, 60),
        (XING, 60.0032653),
        (movie(60, brand=b"M4A "), 60),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + bytes(16) + b"data\xff\xff\xff\xff" + bytes(99), None),
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f", None),
        (b"OggS" + bytes(100), None),
        (b"fLaC", None),
        (b"", None),
        (bytes(1000), None),
    ],
)
def test_seconds_are_read_from_headers(data: bytes, seconds: float | None) -> None:
    """Of every kind that is taken; what says nothing is None."""
    found = seconds_of(window(data))
    assert found == (None if seconds is None else pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize(
    "data", [movie(60), movie(60, late=False, brand=b"qt  "), avi(60)], ids=["mp4", "mov", "avi"]
)
def test_films_say_how_long_and_how_large_they_are(data: bytes) -> None:
    """Wherever in the file it stands."""
    assert film_of(window(data)) == Recording(60.0, 640, 480, sounds=True)


def test_a_film_in_asf_says_how_long_it_is() -> None:
    """Less what is buffered before it begins."""
    head = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(14)
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + bytes(48)
    data = head + properties + struct.pack("<QQQ", 63 * 10_000_000, 0, 3000) + bytes(100)
    assert film_of(window(data)) == Recording(60.0, sounds=True)


def test_tokens_of_sounds_and_films() -> None:
    """6.25 a second of sound; of a film its frames two by two, the marks between them, and its sound."""
    assert tokens_of_media(media("audio", wav(60))) == 375
    # 120 frames are 60 pairs of 300 tokens (640 × 480 is 300 cells), each with five tokens around it.
    assert tokens_of_media(media("video", movie(60))) == 60 * 305 + 375
    assert tokens_of_media(media("video", movie(60), ("fps", b"1"))) == 30 * 305 + 375
    assert tokens_of_media(media("video", movie(60), ("fps", b"4"))) == 120 * 307 + 375
    assert tokens_of_film(10_000, 1920, 1080, 2.0, whole=False) == 131_072 + 1024 * 5
    assert tokens_of_film(10, 1920, 1080, 2.0, whole=False) == 10 * 305
    assert tokens_of_film(10, 1920, 1080, 2.0, whole=True) == 10 * (60 * 34 + 5)
    assert tokens_of_media(Media("image", Url("https://images.example/a.png"))) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://images.example/a.png",
        "http://images.example:8080/a.png?b=c@d",
        "https://93.184.215.14/a.png",
        "https://[2606:2800:21f:cb07::1]/a.png",
        "data:image/svg+xml,%3Csvg/%3E",
        "gs://bucket/a.png",
        "https://10.example/a.png",
        "https://notlocalhost/a.png",
    ],
)
def test_targets_may_be_sent_to_public_places(url: str) -> None:
    check_media(Media("image", Url(url)), "messages[0].content[0]")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "/etc/passwd",
        "ftp://images.example/a.png",
        "http:///a.png",
        "http://[",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://localhost:8000/metrics",
        "http://api.localhost./",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127\u30020\uff0e0\uff611/",
        "http://10.0.0.5/a.png",
        "http://user@192.168.1.1/a.png",
        "http://127.0.0.1\\@images.example/a.png",
        " http://127.0.0.1/",
        "http://[::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[::ffff:10.0.0.1]/",
    ],
)
@pytest.mark.parametrize("kind", ["image", "audio", "video", "file"])
def test_targets_are_sent_nowhere_inside(url: str, kind: MediaKind) -> None:
    """Neither to their own disks and services, nor to what only their network reaches."""
    with pytest.raises(Fault) as caught:
        check_media(Media(kind, Url(url)), "messages[0].content[0]")
    assert (caught.value.code, caught.value.field) == (Code.BAD_VALUE, "messages[0].content[0]")


def ask(*parts: Media) -> Request:
    return Request(model="m", turns=(Turn("user", parts),))


def test_the_estimate_counts_media_and_the_bound_is_never_below_it() -> None:
    """A long sound, a large image and a long text are held for what they are."""
    text = Media("file", Inline(base64.b64encode(b"word " * 100_000).decode()), "text/plain")
    for part, tokens in (
        (media("image", png(1024, 1024)), 1_024),
        (media("audio", wav(3600)), 22_500),
        (text, 125_000),
    ):
        estimate = tokens_of_request(ask(part))
        assert abs(estimate - tokens) <= 4 + tokens // 100
        assert input_bound(ask(part)) >= estimate
    assert input_bound(ask(text)) >= 500_000  # A token of one byte each is the worst that can be.


def test_a_pdf_is_held_for_its_pages() -> None:
    """As many as it shows; where they are hidden in what is compressed, for its bytes."""
    plain = Media("file", Inline(base64.b64encode(pdf(*"abc")).decode()), "application/pdf")
    hidden = Media("file", Inline(base64.b64encode(b"%PDF-1.7" + bytes(900_000)).decode()), "application/pdf")
    assert 15_000 <= input_bound(ask(plain)) <= 15_200
    assert 300_000 <= input_bound(ask(hidden)) <= 300_200


def test_a_prompt_is_told_apart_by_kinds() -> None:
    """As the target does; else as its headers say, and never more than the prompt has."""
    film = media("video", movie(60), ("fps", b"1"))
    shown = ToolResult("c", (media("image", png(1024, 1024)),))
    request = Request(
        model="m", turns=(Turn("user", (media("audio", wav(60)), film, Text("?"))), Turn("tool", (shown,)))
    )
    shares = shares_of_request(request)
    assert shares == Shares(image=1_024, audio=375 + 375, video=30 * 305)
    told = with_shares(Usage(input_fresh=10_000, input_cached=5_000), shares)
    assert (told.image, told.audio, told.video) == shares
    assert (told.input_fresh, told.input_cached) == (10_000, 5_000)
    small = with_shares(Usage(input_fresh=1_100), shares)
    assert (small.image, small.audio, small.video) == (1_024, 76, 0)
    theirs = Usage(input_fresh=10_000, image=7)
    assert with_shares(theirs, shares) == theirs
    assert with_shares(Usage(), shares) == Usage()
