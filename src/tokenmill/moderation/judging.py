"""Judges whole texts by lists and classifier, and says what it could not judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
import structlog

from tokenmill.kit.faults import Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.policies import Action, Direction, Policy
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.watch import Finding, Watch, read_whole
from tokenmill.ports import Moderator, Opinion

CLASSIFIER: Final = "classifier"
"""The source of what a classifier has found."""
SHOWN: Final = 4_000
"""Characters that a classifier is shown at once of a text that is whole."""
OVERLAP: Final = 200
"""Characters at the end of what it was shown that it is shown again with what comes next."""
MOST_SHOWN: Final = 16
"""Pieces of one text that it is shown; what is longer it sees the beginning and the end of."""
AT_ONCE: Final = 4
THREAD: Final = 32_768
"""Characters from which a text is looked through beside the event loop."""

log = structlog.get_logger()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a text.

    `failed` says why the classifier has not judged it; `unseen`: it was too long for it to see all of it.
    `untouched`: no phrase of any list is in it, whatever the policy.
    """

    findings: tuple[Finding, ...] = ()
    failed: str | None = None
    unseen: bool = False
    untouched: bool = False

    @property
    def blocks(self) -> Finding | None:
        """The first finding that withholds the text."""
        return next((each for each in self.findings if each.blocks), None)

    @property
    def action(self) -> Action:
        """What comes of it."""
        if self.blocks is not None:
            return "block"
        return "flag" if any(not each.passed for each in self.findings) else "off"


async def judge(
    text: str,
    book: Rulebook,
    policy: Policy,
    direction: Direction,
    moderator: Moderator | None = None,
    question: str | None = None,
) -> Judgement:
    """What lists and, unless a list blocks already, the classifier find in a whole text."""
    watch = Watch(book, policy, direction)
    if len(text) <= THREAD:
        found = read_whole(watch, text, policy, direction)
    else:
        found = await asyncio.to_thread(read_whole, watch, text, policy, direction)
    judgement = Judgement(findings=tuple(found), untouched=not watch.touched)
    if judgement.blocks is not None or moderator is None or not policy.classifier:
        return judgement
    shown, unseen = _pieces(text)
    try:
        opinions = await _opinions(moderator, shown, question)
    except Fault as fault:
        log.warning("a text could not be classified", moderator=moderator.name, fault=fault.message)
        return msgspec.structs.replace(judgement, failed=fault.code.value, unseen=unseen)
    classified = believed(opinions, policy, direction)
    return msgspec.structs.replace(judgement, findings=(*found, *classified), unseen=unseen)


def believed(opinions: Iterable[Opinion], policy: Policy, direction: Direction) -> list[Finding]:
    """What of a classifier's opinions counts."""
    found: dict[Category, Finding] = {}
    for opinion in opinions:
        category = _category(opinion.category)
        wanted = policy.thresholds.get(category)
        counts = opinion.flagged if wanted is None else opinion.score >= wanted
        action = policy.action(direction, category)
        known = found.get(category)
        if counts and action != "off" and (known is None or known.score < opinion.score):
            found[category] = Finding(category, CLASSIFIER, opinion.word, action, opinion.score)
    return list(found.values())


async def _opinions(moderator: Moderator, shown: list[str], question: str | None) -> list[Opinion]:
    opinions: list[Opinion] = []
    for at in range(0, len(shown), AT_ONCE):
        asked = (moderator.judge(piece, question) for piece in shown[at : at + AT_ONCE])
        for told in await asyncio.gather(*asked):
            opinions += told
    return opinions


def _pieces(text: str) -> tuple[list[str], bool]:
    """What a classifier is shown, one after the other, and whether that leaves something out."""
    step = SHOWN - OVERLAP
    pieces = [text[at : at + SHOWN] for at in range(0, max(len(text) - OVERLAP, 1), step) if text.strip()]
    if len(pieces) <= MOST_SHOWN:
        return pieces, False
    half = MOST_SHOWN // 2
    return [*pieces[:half], *pieces[-half:]], True


def _category(name: str) -> Category:
    try:
        return Category(name)
    except ValueError:
        return Category.CUSTOM
