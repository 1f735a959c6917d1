"""Puts our id and model name into events that are otherwise the upstream's own bytes."""

from __future__ import annotations

import re

_STRING = rb'"(?:[^"\\]|\\.)*"'
_ID = re.compile(rb'"id"\s*:\s*(' + _STRING + rb")")
_MODEL = re.compile(rb'"model"\s*:\s*(' + _STRING + rb")")


def spliced(raw: bytes, reply_id: bytes, model: bytes) -> tuple[bytes, int] | None:
    """`raw` under our names, which are JSON strings, and where the later of theirs ended.

    None where theirs do not stand out: each must be there once.
    """
    ids, models = list(_ID.finditer(raw)), list(_MODEL.finditer(raw))
    if len(ids) != 1 or len(models) != 1:
        return None
    (one_span, one), (other_span, other) = sorted([(ids[0].span(1), reply_id), (models[0].span(1), model)])
    middle = raw[one_span[1] : other_span[0]]
    return raw[: one_span[0]] + one + middle + other + raw[other_span[1] :], other_span[1]


class Mould:
    """What all chunks of one reply begin with, and what goes in its place.

    Servers write every chunk of a chat completion from one mould: id, time and model stand first and are the
    same each time. A chunk of another mould is not spliced.
    """

    __slots__ = ("_ours", "_theirs")

    def __init__(self, theirs: bytes, ours: bytes) -> None:
        self._theirs = theirs
        self._ours = ours

    @classmethod
    def learn(cls, raw: bytes, reply_id: bytes, model: bytes, until: bytes) -> Mould | None:
        """The mould of the reply whose first chunk is `raw`; it ends before the member `until`."""
        begin = raw.find(until)
        found = spliced(raw[:begin], reply_id, model) if begin >= 0 else None
        if found is None:
            return None
        ours, end = found
        return cls(raw[:end], ours[: len(ours) - (begin - end)])

    def spliced(self, raw: bytes) -> bytes | None:
        """`raw` under our names; None when it is of another mould."""
        theirs = self._theirs
        return self._ours + raw[len(theirs) :] if raw.startswith(theirs) else None
