"""Makes small files of every kind, and files that are hostile."""

from __future__ import annotations

import io
import struct
import wave
import zlib


def png(width: int = 64, height: int = 32) -> bytes:
    """A grey image; its header alone says how large it is, so a bomb is as small."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(width) for _ in range(height)) if width * height < 10**6 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def wav(seconds: float = 1.0) -> bytes:
    """Silence at 8 kHz."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(int(seconds * 8_000) * 2))
    return out.getvalue()


def pdf(*pages: str, stream: bytes | None = None) -> bytes:
    """A document of these pages; `stream` stands in for the deflated content of each."""
    objects: list[bytes] = []
    count = max(1, len(pages))
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(count))
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for i, words in enumerate(pages or ("",)):
        content = (
            stream
            if stream is not None
            else zlib.compress(f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode())
        )
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(
            f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode() + content + b"\nendstream"
        )
    out = bytearray(b"%PDF-1.4\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    at = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    for offset in offsets:
        out += f"{offset:010} 00000 n \n".encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n".encode()
    return bytes(out)


def pdf_bomb() -> bytes:
    """A page whose content is a quarter of a megabyte, and 256 MiB once it is inflated."""
    squeezer = zlib.compressobj(9)
    pieces = [squeezer.compress(b"0 0 m " * 2**18) for _ in range(170)]
    return pdf("", stream=b"".join([*pieces, squeezer.flush()]))
