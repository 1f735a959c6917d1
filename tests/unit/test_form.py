"""Forms are read the same however their bytes are cut."""

from __future__ import annotations

import pytest

from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.form import FieldSeen, FileBegun, FileEnded, FilePiece, FormEvent, FormReader

TYPE = 'multipart/form-data; boundary="a b"'
FORM = (
    b'--a b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    b'--a b\r\nContent-Disposition: form-data; name="file"; filename="\xe6\x8a\xa5.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nfirst\r\n--a \r\n-- a b\r\nlast\r\n"
    b'--a b\r\nContent-Disposition: form-data; name="after"\r\n\r\n\xe5\x90\x8e\r\n--a b--\r\n'
)
SAID = [
    FieldSeen("purpose", "user_data"),
    FileBegun("file", "报.txt", "text/plain"),
    FilePiece(b"first\r\n--a \r\n-- a b\r\nlast"),
    FileEnded(),
    FieldSeen("after", "后"),
]


def joined(events: list[FormEvent]) -> list[FormEvent]:
    """The events, neighbouring pieces as one."""
    out: list[FormEvent] = []
    for event in events:
        if isinstance(event, FilePiece) and out and isinstance(out[-1], FilePiece):
            out[-1] = FilePiece(out[-1].data + event.data)
        else:
            out.append(event)
    return out


def read(*pieces: bytes, type_: str = TYPE) -> list[FormEvent]:
    reader = FormReader(type_)
    events = [event for piece in pieces for event in reader.feed(piece)]
    reader.close()
    return joined(events)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64, 1000])
def test_any_cut_says_the_same(size: int) -> None:
    """Boundaries, headers and characters may be cut anywhere; what looks like a boundary is content."""
    assert read(*(FORM[at : at + size] for at in range(0, len(FORM), size))) == SAID


def test_no_more_is_held_back_than_could_begin_a_boundary() -> None:
    """A file of any size goes on as it comes."""
    reader = FormReader(TYPE)
    reader.feed(b'--a b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    passed = sum(
        len(event.data)
        for _ in range(100)
        for event in reader.feed(b"\r\n--a" * 200)
        if isinstance(event, FilePiece)
    )
    assert passed >= 100 * 1000 - len("\r\n--a b--")


@pytest.mark.parametrize("upto", range(0, len(FORM) - 4, 5))
def test_a_form_that_breaks_off_is_no_form(upto: int) -> None:
    """Whatever was read of it before."""
    with pytest.raises(Fault) as raised:
        read(FORM[:upto])
    assert raised.value.code is Code.BAD_VALUE


def test_fields_are_bounded_and_files_are_not() -> None:
    """64 KiB of fields are the most, in one or in many."""
    part = b'--a b\r\nContent-Disposition: form-data; name="n"\r\n\r\n'
    with pytest.raises(Fault) as raised:
        read(part, bytes(65_537), b"\r\n--a b--")
    assert raised.value.code is Code.TOO_LARGE
    with pytest.raises(Fault, match="more than 32 parts"):
        read(*((part + b"x\r\n") for _ in range(33)))


def test_a_part_in_base64_is_refused() -> None:
    """RFC 7578 deprecates it, and to keep it as it is would lose what was meant."""
    head = b'--a b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
    with pytest.raises(Fault, match="Content-Transfer-Encoding"):
        read(head + b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--a b--")
