"""Reviews one reply: what was found in it, what was looked at and what was not."""

from __future__ import annotations

from typing import Final

from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.judging import OVERLAP, judge
from tokenmill.moderation.policies import Direction, Policy
from tokenmill.moderation.record import Record
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.watch import Finding, Watch
from tokenmill.ports import Moderator

NO_LISTS: Final = Rulebook(())
ASKED: Final = 2_000
"""Characters of the question's end that a classifier is shown beside the reply."""


class Review:
    """Judges what a reply says, as it is said, and keeps the record of that."""

    def __init__(
        self,
        book: Rulebook,
        policy: Policy,
        record: Record,
        moderator: Moderator | None,
        *,
        window: int,
        question: str,
    ) -> None:
        """`window` is how much a classifier is shown at once; `question` is what the reply answers."""
        self.book = book
        self.policy = policy
        self.record = record
        self.moderator = moderator if policy.classifier else None
        self.window = window
        self.question = question[-ASKED:]
        self.holds = policy.blocks("output")

    def channel(self, kind: str) -> Channel:
        """A run of text that begins now."""
        self.record.scanned(kind)
        return Channel(self, kind)

    def skip(self, kind: str, why: str) -> None:
        """Something that is not looked at."""
        self.record.skipped(kind, why)

    async def judge(self, kind: str, text: str) -> Finding | None:
        """What blocks in a text that is whole. Raises Unjudged where it must not pass unjudged."""
        self.record.scanned(kind)
        judged = await judge(text, self.book, self.policy, "output", self.moderator, self.question)
        self.record.judged(kind, judged)
        must_not_fail(judged.failed, self.policy, "output")
        return judged.blocks


class Channel:
    """One run of text under review; offsets are those of its watch."""

    def __init__(self, review: Review, kind: str) -> None:
        self._review = review
        self._kind = kind
        self._watch = Watch(review.book, review.policy, "output")
        self._unseen: list[str] = []  # By the classifier.
        self._length = 0
        self._before = ""
        self._shown = 0  # The offset up to which the classifier has seen the text.

    @property
    def safe(self) -> int:
        """The offset up to which the text may go on."""
        if self._review.moderator is None:
            return self._watch.safe
        return min(self._watch.safe, self._shown)

    @property
    def due(self) -> bool:
        """Is it time for the classifier? Where nothing is held back, it sees the text at its end."""
        return self._review.holds and self._length >= self._review.window

    def feed(self, text: str) -> tuple[int, Finding | None]:
        """The offset behind `text`, and what blocks."""
        found = self._watch.feed(text)
        if self._review.moderator is not None:
            self._unseen.append(text)
            self._length += len(text)
        return self._watch.read, self._noted(found) if found else None

    async def pause(self) -> Finding | None:
        """What blocks if the text ends here. Raises Unjudged where it must not pass unjudged."""
        if (found := self._watch.pause()) and (finding := self._noted(found)) is not None:
            return finding
        return await self.classify() if self._unseen else None

    async def classify(self) -> Finding | None:
        """What of the text that it has not seen yet makes the classifier block."""
        moderator = self._review.moderator
        assert moderator is not None
        fresh = "".join(self._unseen)
        self._unseen.clear()
        self._length = 0
        start, self._shown = self._shown, self._watch.read
        shown = self._before + fresh
        self._before = shown[-OVERLAP:]
        if not fresh.strip():
            return None
        policy = self._review.policy
        judged = await judge(shown, NO_LISTS, policy, "output", moderator, self._review.question)
        self._review.record.judged(self._kind, judged)
        must_not_fail(judged.failed, policy, "output")
        blocking = judged.blocks
        return None if blocking is None else blocking._replace(at=start)

    def _noted(self, found: list[Finding]) -> Finding | None:
        """The first that blocks; what stands before it and is still undecided counts as part of it."""
        found.sort(key=lambda each: each.at)
        self._review.record.found(self._kind, found)
        blocking = next((each for each in found if each.blocks), None)
        return None if blocking is None else blocking._replace(at=min(blocking.at, self.safe))


class Unjudged(Fault):
    """Nobody could judge a text that must not pass unjudged."""

    def __init__(self) -> None:
        super().__init__(
            Code.UNAVAILABLE,
            "The moderation of this platform cannot judge right now, and lets nothing pass meanwhile. "
            "Please try again.",
            retry_after=5,
        )


def must_not_fail(failed: str | None, policy: Policy, direction: Direction) -> None:
    """Raises Unjudged for what could not be judged, where such a thing may not pass."""
    if failed is not None and policy.on_failure == "closed" and policy.blocks(direction):
        raise Unjudged
