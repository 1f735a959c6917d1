"""Breaks JSON and server-sent events as servers and attackers do, the same way for the same chance."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from tokenmill.dialects.families import CALLS, THOUGHTS

Parts = list[bytes]

_RAW: Final = {
    b'"@deep@"': b"[" * 20_000 + b"]" * 20_000,
    b'"@deeper@"': b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    **{b'"@%d@"' % depth: b"[" * depth + b"]" * depth for depth in (100, 500, 700)},
    b'"@digits@"': b"9" * 5_000,
    b'"@float@"': b"1e999",
    b'"@half@"': b'"\\ud83d"',
    b'"@broken@"': b'"\xe4\xbd"',
    b'"@nul@"': b'"a\x00b"',
    b'"@line@"': b'"a\nb"',
}
"""What Python's writer cannot write, by its stand-in."""

MARKS: Final = sorted(
    {mark for tables in (CALLS, THOUGHTS) for table in tables.values() for _, mark in table.moves}
)
_PLAIN: Final = ("f", "a", "1", " ", "\n", "get_weather", "city")
_ODD_TEXTS: Final = (
    *(
        "",
        " ",
        "\n",
        "\x00",
        "\u2028",
        "\ufeff",
        "好",
        "😀",
        "\ud83d",
        "\udc00",
        "null",
        "{}",
        "[DONE]",
        "-1",
    ),
    *(
        "data: x\n\n",
        "stop",
        "tool_calls",
        "tool_use",
        "end_turn",
        "length",
        "text",
        "function",
        "```",
        "{'a': 1}",
    ),
    *(
        "content_block_delta",
        "message_stop",
        "error",
        "x" * 3_000,
        "ab" * 20_000,
        '{"name": "f", "arguments": {}}',
    ),
)
_ODD_NUMBERS: Final = (
    0,
    -1,
    1,
    2,
    3,
    0.5,
    -0.0,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    10**19,
    -(10**30),
    1e308,
    10**9,
)
_ODD_BYTES: Final = (
    *(
        b"\x00",
        b"\xff",
        b"\xe4\xbd",
        b"\xf0\x9f",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
    ),
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b":",
        b"\\",
        b"\\u",
        b"data:",
        b"data: ",
        b"event: error\n",
        b"event: ping\n",
        b": ",
    ),
    *(
        b"data: [DONE]\n\n",
        b": ping\n\n",
        b"data: {}\n\n",
        b"data: null\n\n",
        b'data: {"error":{"message":"no"}}\n\n',
    ),
)
_HUGE_SIZES: Final = (1_000_000, 10_000_000, 17_000_000)
_BLOCK: Final = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)
_DATA: Final = re.compile(rb"^data: ?(\{.*\})\r?$", re.MULTILINE)


def blocks_of(stream: bytes) -> Parts:
    """The blocks of a stream, each with its blank line."""
    return [block for block in _BLOCK.findall(stream) if block]


def odd_text(chance: Random) -> str:
    """Something that a member's text should not be, or that a model should not say."""
    if chance.random() < 0.5:
        return "".join(chance.choices([*MARKS, *_PLAIN], k=chance.randrange(8)))
    return chance.choice(_ODD_TEXTS)


def odd_value(chance: Random) -> Any:
    """Anything that JSON holds, and some of what it does not."""
    pick = chance.randrange(10)
    if pick < 3:
        return odd_text(chance)
    if pick < 5:
        return chance.choice(_ODD_NUMBERS)
    if pick < 7:
        return chance.choice([*_RAW]).decode().strip('"')
    return chance.choice(
        [None, True, False, [], {}, [[]], [None], {"a": {}}, {"text": "t"}, [{"type": "text"}]]
    )


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every member and item below `value`, as container and key."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        container = todo.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], dict | list):
                todo.append(container[key])
    return found


def break_json(chance: Random, value: Any) -> Any:
    """`value` with one to three places changed."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice([1, 1, 2, 3])):
        if not isinstance(value, dict | list) or not (places := _places(value)):
            return odd_value(chance)
        container, key = chance.choice(places)
        old = container[key]
        match chance.randrange(10):
            case 0 | 1:
                container[key] = odd_value(chance)
            case 2:
                del container[key]
            case 3:
                other, place = chance.choice(places)
                if isinstance(other, dict) or place < len(other):
                    container[key] = copy.deepcopy(
                        other.get(place) if isinstance(other, dict) else other[place]
                    )
            case 4:
                container[key] = chance.choice(
                    [[old], {"value": old}, [old, copy.deepcopy(old)], json.dumps(old)]
                )
            case 5 if isinstance(container, list):
                container[:] = container * chance.choice([0, 2, 30])
            case 6 if isinstance(container, dict):
                container[odd_text(chance)] = container.pop(key)
            case _:
                container[key] = _near(chance, old)
    return value


def _near(chance: Random, old: Any) -> Any:
    """Something of the same type."""
    match old:
        case bool():
            return not old
        case int() | float():
            return chance.choice([old + 1, old - 1, -old, *_ODD_NUMBERS])
        case str():
            at = chance.randint(0, len(old))
            return chance.choice(
                [old[:at], old[at:], old[:at] + odd_text(chance) + old[at:], odd_text(chance)]
            )
        case list():
            return [*chance.sample(old, len(old)), odd_value(chance)]
        case _:
            return odd_value(chance)


def dumped(chance: Random, value: Any) -> bytes:
    """The JSON of `value`; what JSON cannot hold stands in it all the same."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    data = text.encode("utf-8", "surrogatepass")
    for stand_in, raw in _RAW.items():
        data = data.replace(stand_in, raw)
    if chance.random() < 0.02 and data.startswith(b"{"):
        data = b"{" + chance.choice([b'"index":1,', b'"type":"x",', b'"model":"n",']) + data[1:]
    return data


# --- streams ---


def break_stream(chance: Random, parts: Parts, others: Sequence[Parts]) -> Parts:
    """A stream of which up to six things are no longer as they were."""
    parts = list(parts)
    for _ in range(chance.choice([1, 1, 2, 3, 4, 6])):
        if not parts:
            break
        chance.choices(_CHANGES, _WEIGHTS)[0](chance, parts, others)
    return parts


def _break_data(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    at = chance.randrange(len(parts))
    found = _DATA.search(parts[at])
    if found is None:
        return _insert_bytes(chance, parts, _)
    try:
        broken = dumped(chance, break_json(chance, json.loads(found[1])))
    except (ValueError, RecursionError):  # It was broken before.
        return _insert_bytes(chance, parts, _)
    parts[at] = parts[at][: found.start(1)] + broken + parts[at][found.end(1) :]
    return None


def _insert_bytes(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    at = chance.randrange(len(parts))
    place = chance.randint(0, len(parts[at]))
    parts[at] = (
        parts[at][:place] + chance.choice(_ODD_BYTES) + parts[at][place + chance.choice([0, 0, 1, 5]) :]
    )


def _drop(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    del parts[chance.randrange(len(parts))]


def _cut_off(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    at = chance.randrange(len(parts))
    parts[at:] = [parts[at][: chance.randint(0, len(parts[at]))]]


def _say_again(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    at, to = chance.randrange(len(parts)), chance.randint(0, len(parts))
    parts[to:to] = [parts[at]] * chance.choice([1, 1, 1, 2, 40, 400])


def _swap(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    a, b = chance.randrange(len(parts)), chance.randrange(len(parts))
    parts[a], parts[b] = parts[b], parts[a]


def _mix_in(chance: Random, parts: Parts, others: Sequence[Parts]) -> None:
    other = chance.choice(others)
    begin = chance.randint(0, len(other))
    at = chance.randint(0, len(parts))
    parts[at:at] = other[begin : begin + chance.choice([1, 2, len(other)])]


def _change_ends(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    ends = chance.choice([b"\r\n", b"\r", b"\n\n"])
    for at in range(len(parts)):
        if chance.random() < 0.7:
            parts[at] = parts[at].replace(b"\n", ends)


def _grow_huge(chance: Random, parts: Parts, _: Sequence[Parts]) -> None:
    at = chance.randrange(len(parts))
    found = list(re.finditer(rb'": ?"', parts[at]))
    place = chance.choice(found).end() if found else len(parts[at])
    unit = chance.choice(
        [b"x", b"word ", b"<", b"{", b"[1,", "好".encode(), b"`", b"\\u00e9", b"<tool_call>"]
    )
    size = chance.choice(_HUGE_SIZES)
    if chance.random() < 0.5:
        unit, size = "".join(chance.choices(MARKS, k=chance.choice([1, 2, 3]))).encode(), 2_000_000
    filler = unit * (size // len(unit))
    parts[at] = parts[at][:place] + filler + parts[at][place:]


_CHANGES: Final[tuple[Callable[[Random, Parts, Sequence[Parts]], None], ...]] = (
    _break_data,
    _insert_bytes,
    _drop,
    _cut_off,
    _say_again,
    _swap,
    _mix_in,
    _change_ends,
    _grow_huge,
)
_WEIGHTS: Final = (12.0, 3.0, 2.0, 1.0, 2.0, 2.0, 2.0, 0.5, 0.03)


def cuts_of(chance: Random, data: bytes) -> Parts:
    """`data` in pieces: byte by byte where it is short, or in up to forty."""
    if len(data) < 3_000 and chance.random() < 0.3:
        return [data[i : i + 1] for i in range(len(data))]
    at = sorted(chance.randint(0, len(data)) for _ in range(chance.randrange(1, 40)))
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]
