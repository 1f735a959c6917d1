"""Measures what moderation costs a paced chunk of a streamed reply, with many phrases, in CPU time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from tests.bench.codecs import WORDS
from tests.moderation import screen_of
from tokenmill.conversation.events import Event, Finished, PartClosed, PartOpened, Started, Stop, TextDelta
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Text
from tokenmill.moderation.live import BUILTIN, settled_list
from tokenmill.moderation.phrases import PhraseList, read_list
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.rulebook import Rulebook

PHRASES: Final = 10_000
REPEATS: Final = 15
GOAL: Final = 15.0
"""Microseconds a chunk."""

_LETTERS: Final = "etaoinshrdlucmfwypvbgkjqxz"
_CHARACTERS: Final = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面"
)


def table() -> str:
    """What a chunk costs, in English and Chinese, blocking and flagging."""
    book = Rulebook([*(settled_list(name, Path()) for name in BUILTIN), _many()])
    lines = [
        f"| chunk under moderation, {len(book):,} phrases | us CPU, least | us CPU, median | goal |",
        "|---|---|---|---|",
    ]
    chance = Random(2)
    chinese = tuple("".join(chance.choices(_CHARACTERS, k=chance.randint(1, 3))) for _ in WORDS)
    with asyncio.Runner() as runner:
        for name, words, policy in (
            ("English, block", WORDS, Policy(output="block")),
            ("English, flag", WORDS, Policy(output="flag")),
            ("Chinese, block", chinese, Policy(output="block")),
        ):
            runs = [runner.run(_measure(book, words, policy)) for _ in range(REPEATS + 1)][1:]
            lines.append(f"| {name} | {min(runs):.1f} | {median(runs):.1f} | {GOAL:.0f} |")
    return "\n".join([*lines, f"what the step adds; {REPEATS} replies of {len(WORDS)} chunks"])


def _many() -> PhraseList:
    """Phrases of two or three made-up words, and of six to eight characters."""
    chance = Random(1)

    def word() -> str:
        return "".join(
            chance.choices(_LETTERS, weights=range(len(_LETTERS) + 8, 8, -1), k=chance.randint(3, 8))
        )

    english = [" ".join(word() for _ in range(chance.randint(2, 3))) for _ in range(PHRASES // 2)]
    chinese = ["".join(chance.choices(_CHARACTERS, k=chance.randint(6, 8))) for _ in range(PHRASES // 2)]
    return read_list("many", "\n".join([*english, *chinese]), origin="own")


async def _measure(book: Rulebook, words: tuple[str, ...], policy: Policy) -> float:
    events: list[Event] = [Started("r", "m", 1), PartOpened(0, Text())]
    frames = [Frame((event,), b"data") for event in (*events, *(TextDelta(0, word) for word in words))]
    frames += [Frame((event,), b"data") for event in (PartClosed(0), Finished(Stop.END))]
    screen = screen_of(book, policy)
    sent = 0
    began = time.process_time()
    for frame in frames:
        sent += len(await screen.take(frame))
    took = time.process_time() - began
    if sent != len(frames):
        raise SystemExit("moderation: the reply is not what was said")
    return took * 1e6 / len(words)
