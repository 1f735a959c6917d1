"""Cases of models' words: read for calls and thoughts by the table of every family."""

from __future__ import annotations

import time
from random import Random
from typing import Final

from tests.proof import seeds
from tests.proof.hunt import Case
from tests.proof.mutation import MARKS, odd_text
from tests.proof.streams import SECONDS, SECONDS_A_BYTE
from tests.property.test_rescue import found_in, merged, source
from tokenmill.dialects.families import CALLS, THOUGHTS
from tokenmill.dialects.machine import DialectReader
from tokenmill.dialects.opening import OpeningReader

FAMILIES: Final = sorted(CALLS)


def words_case(chance: Random) -> Case:
    """A text that is mostly markup, of one family or of several."""
    family = chance.choice(FAMILIES)
    own = sorted({mark for _, mark in CALLS[family].moves} | {mark for _, mark in THOUGHTS[family].moves})
    crumbs = []
    for _ in range(chance.choice([2, 6, 20, 60])):
        match chance.randrange(6):
            case 0 | 1:
                crumbs.append(chance.choice(own))
            case 2:
                crumbs.append(odd_text(chance))
            case 3:
                said = chance.choice(seeds.spoken(family))
                crumbs.append(said[chance.randint(0, len(said)) :][: chance.choice([5, 50, 500])])
            case 4:
                crumbs.append(chance.choice(MARKS))
            case _:
                crumbs.append(
                    chance.choice(["f", "g", "a", "{", '{"a": 1}', "'", '"', " ", "\n", "```", "好"])
                )
    if chance.random() < 0.02:
        crumbs[chance.randrange(len(crumbs))] *= chance.choice([2_000, 20_000])
    cuts = chance.getrandbits(32)
    parts = [crumb.encode("utf-8", "replace") for crumb in crumbs]
    return Case(f"words, {family}", parts, lambda data: check_words(family, cuts, data))


def check_words(family: str, cuts: int, data: bytes) -> None:
    """Nothing is lost, nothing depends on the cuts, and all is read in linear time."""
    text = data.decode("utf-8", "replace")
    chance = Random(cuts)
    cut = chance.random() < 0.5
    at = sorted(chance.randint(0, len(text)) for _ in range(chance.randrange(30)))
    pieces = [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]
    began = time.process_time()
    found = found_in(family, [text], cut)
    took = time.process_time() - began
    assert took <= SECONDS + SECONDS_A_BYTE * len(data), f"{took:.2f} s for {len(data)} bytes"
    assert "".join(map(source, found)) == text, "what is found, joined, is what was said"
    again = found_in(family, pieces, cut)
    assert merged(again) == merged(found), "where the words are cut changes nothing"
    for table in (CALLS[family], THOUGHTS[family]):
        reader = DialectReader(table)
        told = [one.text for piece in pieces for one in reader.feed(piece)] + [
            one.text for one in reader.close()
        ]
        assert "".join(told) == text
    opening = OpeningReader(THOUGHTS[family], reasoned=cut)
    sorted_out = [one.text for piece in pieces for one in opening.feed(piece)] + [
        o.text for o in opening.close()
    ]
    assert "".join(sorted_out) == text
