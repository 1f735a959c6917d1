from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.strategies import cuts, steady
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.sse import PING, Block, SseReader, write_block


def read(pieces: Iterable[bytes], *, lenient: bool = False) -> list[Block]:
    reader = SseReader()
    blocks = [block for piece in pieces for block in reader.feed(piece)]
    return blocks + reader.close(lenient=lenient)


def said(pieces: Iterable[bytes], *, lenient: bool = False) -> list[tuple[str, bytes | None]]:
    return [(block.event, block.data) for block in read(pieces, lenient=lenient)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_every_line_end_is_understood_however_it_is_cut(end: bytes, size: int) -> None:
    lines = [b"event: a", b"data: 1", b"data:2", b"", b": hi", b"", b"data", b"id: 7", b""]
    stream = b"".join(line + end for line in lines)
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert said(pieces) == [("a", b"1\n2"), ("", None), ("", b"")]


def test_a_byte_order_mark_is_not_part_of_the_first_line() -> None:
    stream = b"\xef\xbb\xbfdata: 1\n\ndata: 2\n\n"
    assert said([stream]) == said(stream[i : i + 1] for i in range(len(stream))) == [("", b"1"), ("", b"2")]


def test_a_character_may_be_split_across_reads() -> None:
    stream = "data: 你🀄\n\n".encode()
    assert said(stream[i : i + 1] for i in range(len(stream))) == [("", "你🀄".encode())]


def test_only_one_space_is_taken_from_a_value() -> None:
    assert said([b"data:  x\n\n"]) == [("", b" x")]


def test_a_block_without_its_blank_line_counts_only_when_asked() -> None:
    assert said([b"data: 1\n"]) == []
    assert said([b"data: 1"]) == []
    assert said([b"data: 1"], lenient=True) == [("", b"1")]
    assert said([b"data: 1\n"], lenient=True) == [("", b"1")]


def test_a_carriage_return_ends_a_block_without_waiting_for_what_follows() -> None:
    reader = SseReader()
    assert [block.data for block in reader.feed(b"data: 1\r\n\r")] == [b"1"]
    assert [block.data for block in reader.feed(b"\ndata: 2\n\n")] == [b"2"]


@steady
@given(
    st.lists(
        st.sampled_from(
            [b"data: x", b"data:{}", b":c", b"event: e", b"", b"\n", b"\r\n", b"\r", b"\n\n", b"\xff"]
        )
    ).map(b"".join),
    st.data(),
)
def test_where_a_stream_is_cut_changes_nothing_and_no_byte_is_lost(
    stream: bytes, data: st.DataObject
) -> None:
    pieces = data.draw(cuts(stream))
    assert said(pieces) == said([stream])
    blocks = read(pieces)
    assert stream.startswith(b"".join(block.raw for block in blocks))


@pytest.mark.parametrize("size", [7, 64, 4096])
def test_a_block_over_the_limit_breaks_the_stream_after_the_blocks_before_it(size: int) -> None:
    stream = b"data: 1\n\n" + b"data: " + b"x" * 200 + b"\n\n"
    reader = SseReader(limit=100)
    seen: list[Block] = []
    fault = None
    for i in range(0, len(stream), size):
        try:
            seen += reader.feed(stream[i : i + size])
        except Fault as caught:
            fault = caught
    with pytest.raises(Fault, match="more than 100 bytes") as at_the_end:
        reader.close()
    assert at_the_end.value.code is Code.UPSTREAM_BROKE
    assert fault in (None, at_the_end.value)
    assert [block.data for block in seen] == [b"1"]


def test_a_long_line_fed_byte_by_byte_is_looked_at_once() -> None:
    """A line that is searched anew at every byte would cost some 10^11 steps, and time out."""
    line = b"data: " + b"x" * 1_000_000 + b"\n\n"
    assert [len(data or b"") for _, data in said(line[i : i + 1] for i in range(len(line)))] == [1_000_000]


@steady
@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from([None, "ping"]))
def test_what_is_written_is_read_again(text: str, event: str | None) -> None:
    written = write_block(text.encode(), event)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    assert said([written]) == [(event or "", expected)]


def test_a_ping_is_a_block_without_data() -> None:
    assert said(itertools.chain([PING], [PING])) == [("", None), ("", None)]
