"""Reads multipart forms piece by piece (RFC 7578), sans-IO."""

from __future__ import annotations

import logging
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Code, Fault

MOST_PARTS: Final = 32
"""A form of either vendor has half a dozen."""
LARGEST_FIELD: Final = 64 * 1024
"""Bytes of all fields together; files are not counted."""
_BROWSERS = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))
"""What browsers and SDKs write in a file's name in place of characters that would end it."""


class FieldSeen(Value, frozen=True):
    """A field, whole."""

    name: str
    value: str


class FileBegun(Value, frozen=True):
    """A file begins; its name and type are what the sender calls them."""

    field: str
    filename: str
    media_type: str


class FilePiece(Value, frozen=True):
    """The next bytes of the file."""

    data: bytes


class FileEnded(Value, frozen=True):
    """The file is whole."""


_SILENT: Final = logging.Logger("forms", logging.CRITICAL)
"""Else whoever sends nonsense writes lines into the platform's log."""

FormEvent = FieldSeen | FileBegun | FilePiece | FileEnded


class FormReader:
    """What a form says, as its bytes come; it holds back no more of a file than the boundary is long."""

    def __init__(self, content_type: str) -> None:
        """`content_type` is the request's header. Raises Fault(BAD_VALUE) for what is no form."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data":
            raise _bad("Send the file as multipart/form-data (curl -F does).")
        if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1.
            raise _bad("The Content-Type of a form names its boundary, in 1 to 70 characters.")
        self._events: list[FormEvent] = []
        self._headers: dict[str, str] = {}
        self._header_name = b""
        self._header_value = b""
        self._field: str = ""
        self._value: list[bytes] | None = None  # None inside a file.
        self._parts = 0
        self._room = LARGEST_FIELD
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._name_of_header,
                "on_header_value": self._value_of_header,
                "on_header_end": self._header,
                "on_headers_finished": self._open,
                "on_end": self._close,
            },
        )
        self._parser.logger = _SILENT

    def feed(self, data: bytes) -> list[FormEvent]:
        """What `data` adds. Raises Fault(BAD_VALUE) for bytes that are no form."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise _bad("The body is not a well-formed multipart form.") from None
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """The body has ended. Raises Fault(BAD_VALUE) unless the form has."""
        if not self._ended:
            raise _bad("The form breaks off before its last boundary. Please send it again.")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _bad(f"The form has more than {MOST_PARTS} parts.")
        self._headers = {}

    def _name_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _value_of_header(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value.decode("latin-1")
        self._header_name = self._header_value = b""

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition", ""))
        if kind != b"form-data" or b"name" not in options:
            raise _bad("Each part of a form has a Content-Disposition: form-data with a name.")
        if "content-transfer-encoding" in self._headers:
            encoding = self._headers["content-transfer-encoding"].strip().lower()
            if encoding not in ("binary", "8bit", "7bit"):
                raise _bad("Parts of a form are sent as they are, without a Content-Transfer-Encoding.")
        self._field = _text(options[b"name"])
        if b"filename" in options:
            name = _text(options[b"filename"])
            for written, meant in _BROWSERS:
                name = name.replace(written, meant)
            self._value = None
            self._events.append(FileBegun(self._field, name, self._headers.get("content-type", "")))
        else:
            self._value = []

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._value is None:
            self._events.append(FilePiece(data[start:end]))
            return
        self._room -= end - start
        if self._room < 0:
            raise Fault(Code.TOO_LARGE, f"The fields of a form have room for {LARGEST_FIELD // 1024} KiB.")
        self._value.append(data[start:end])

    def _end(self) -> None:
        if self._value is None:
            self._events.append(FileEnded())
        else:
            self._events.append(FieldSeen(self._field, _text(b"".join(self._value))))

    def _close(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _bad("Names and fields of a form are UTF-8.") from None


def _bad(message: str) -> Fault:
    return Fault(Code.BAD_VALUE, message)
