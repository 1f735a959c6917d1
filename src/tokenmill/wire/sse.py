"""Cuts server-sent events out of bytes, and writes them."""

from __future__ import annotations

import re

import msgspec

from tokenmill.kit.faults import Code, Fault

BLOCK_LIMIT = 16 * 1024 * 1024
"""The longest block we hold, in bytes: the largest whole replies seen are below 2 MiB; the rest is room."""

PING = b": ping\n\n"

_LINE_END = re.compile(rb"\r\n|\r|\n")
BOM = b"\xef\xbb\xbf"


class Block(msgspec.Struct, frozen=True, gc=False):
    """One event: its data lines joined by LF (None when it had only comments), and its exact bytes.

    The `raw` of all blocks, put together, are the bytes that were fed.
    """

    data: bytes | None
    event: str
    raw: bytes


class SseReader:
    """Cuts a stream into blocks as the WHATWG says, in time linear in its length however it was cut.

    A block longer than `limit` bytes raises Fault(UPSTREAM_BROKE), after the blocks before it were given out.
    """

    def __init__(self, limit: int = BLOCK_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._line = 0  # Where the line that is being read begins in _held.
        self._seen = 0  # No line ends between _line and here.
        self._after_cr = False
        self._between = True  # Nothing is held, nothing is owed: whole blocks can be cut out by hand.
        self._first = True
        self._too_long = False
        self._said = False
        self._data: list[bytes] = []
        self._event = ""

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that `data` completes."""
        plain = self._between and data.startswith((b"data: ", b"event: ")) and data.endswith(b"\n\n")
        if plain and len(data) <= self._limit and b"\r" not in data:
            if data.find(b"\n") == len(data) - 2 and data[:1] == b"d":
                self._first = False
                return [Block(data[6:-2], "", data)]
            if data.find(b"\n\n") == len(data) - 2:
                self._first = False
                return [self._plain_block(data)]
            if b"\n\n\n" not in data:
                self._first = False
                return [self._plain_block(piece + b"\n\n") for piece in data[:-2].split(b"\n\n")]
        return self._feed_slowly(data)

    def close(self, *, lenient: bool = False) -> list[Block]:
        """The stream has ended: a block without its blank line counts only when `lenient`."""
        self._refuse_too_long()
        if not lenient:
            return []
        if self._line < len(self._held):
            self._read_line(bytes(self._held[self._line :]))
        block = self._take_block(bytes(self._held))
        self._held.clear()
        self._line = self._seen = 0
        return [block] if block is not None else []

    def _plain_block(self, raw: bytes) -> Block:
        lines = raw[:-2].split(b"\n")
        match lines:
            case [data] if data.startswith(b"data: "):
                return Block(data[6:], "", raw)
            case [event, data] if event.startswith(b"event: ") and data.startswith(b"data: "):
                return Block(data[6:], event[7:].decode("utf-8", "replace"), raw)
            case _:
                pass
        for line in lines:
            self._read_line(line)
        block = self._take_block(raw)
        assert block is not None  # A plain piece has at least one line that is not empty.
        return block

    def _feed_slowly(self, data: bytes) -> list[Block]:
        self._refuse_too_long()
        held = self._held
        if self._after_cr and data:
            self._after_cr = False
            if data.startswith(b"\n"):
                held += b"\n"
                self._line = self._seen = len(held)
                data = data[1:]
        held += data
        blocks: list[Block] = []
        begin = 0
        while (end := _LINE_END.search(held, self._seen)) is not None:
            if end.start() > self._line:
                self._read_line(bytes(held[self._line : end.start()]))
            elif self._said:
                if end.end() - begin > self._limit:
                    break
                block = self._take_block(bytes(held[begin : end.end()]))
                assert block is not None  # `_said` was true.
                blocks.append(block)
                begin = end.end()
            self._line = self._seen = end.end()
            self._after_cr = end.end() == len(held) and held[-1:] == b"\r"
        del held[:begin]
        self._line -= begin
        self._seen = len(held)
        self._too_long = len(held) > self._limit
        self._between = not held and not self._after_cr
        if not blocks:
            self._refuse_too_long()
        return blocks

    def _refuse_too_long(self) -> None:
        if self._too_long:
            raise Fault(
                Code.UPSTREAM_BROKE,
                f"The model's reply broke off: it held a piece of more than {self._limit} bytes.",
            )

    def _read_line(self, line: bytes) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(BOM)
        self._said = True
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode("utf-8", "replace")

    def _take_block(self, raw: bytes) -> Block | None:
        if not self._said:
            return None
        block = Block(b"\n".join(self._data) if self._data else None, self._event, raw)
        self._said = False
        self._data = []
        self._event = ""
        return block


def write_block(data: bytes, event: str | None = None) -> bytes:
    """The block that says `data`; line ends inside `data` become further data lines."""
    lines = b"".join(b"data: " + line + b"\n" for line in _LINE_END.split(data))
    return (b"event: " + event.encode() + b"\n" if event else b"") + lines + b"\n"
