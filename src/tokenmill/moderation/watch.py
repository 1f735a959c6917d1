"""Reads one run of text as it is written, and says what was found and what may be part of more."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tokenmill.moderation.categories import Category
from tokenmill.moderation.folding import FREE, GAP, STOP, fold
from tokenmill.moderation.policies import Action, Direction, Policy
from tokenmill.moderation.refusals import REACH, passes
from tokenmill.moderation.rulebook import Match, Rulebook

BLOCK: Final = 4_096
"""Characters that are looked at in one go; what is longer is looked at in such pieces."""

_FREE: Final = re.compile(f"[{FREE}]")


class Finding(NamedTuple):
    """Something that was found: by which rule of which source, and what is to be done about it.

    `at` is the offset in the folded text at which it begins, and `end` that behind it; a classifier's
    are those of what it was shown. `passed` says that it stands in a rule against it.
    """

    category: Category
    source: str
    rule: str
    action: Action
    score: float = 1.0
    at: int = 0
    end: int = 0
    passed: bool = False

    @property
    def blocks(self) -> bool:
        """Is the text to be withheld?"""
        return self.action == "block" and not self.passed


class Watch:
    """One run of text: what was read, of which only the end that is still open is kept.

    Offsets count folded characters from the beginning: `read` is how many there were, and what lies behind
    `safe` may still turn out to belong to a phrase.
    """

    __slots__ = (
        "_book",
        "_direction",
        "_inside",
        "_policy",
        "_seen",
        "_told",
        "_window",
        "read",
        "safe",
        "touched",
    )

    def __init__(self, book: Rulebook, policy: Policy, direction: Direction) -> None:
        self._book = book
        self._policy = policy
        self._direction: Direction = direction
        self._window = ""  # What is open; all before it is decided.
        self._seen = ""  # What stands before the window, for those who want to know why something is said.
        self._inside = False
        self._told: set[tuple[int, str, str]] = set()
        self.read = 0
        self.safe = 0
        self.touched = False  # By any phrase at all, whatever the policy makes of it.

    def feed(self, text: str) -> list[Finding]:
        """What `text` has brought to light. Whoever blocks stops at the first that does."""
        if len(text) <= BLOCK:
            return self._look(fold(text))
        return [
            finding
            for at in range(0, len(text), BLOCK)
            for finding in self._look(fold(text[at : at + BLOCK]))
        ]

    def pause(self) -> list[Finding]:
        """What is there if the text ends here; it may go on all the same, and is then read on."""
        if not self._window:
            return []
        matches, _ = self._book.look(self._window, inside=self._inside, final=True)
        return self._findings(matches, self._window) if matches else []

    def _look(self, folded: str) -> list[Finding]:
        self.read += len(folded)
        window = self._window + folded
        if not window:
            return []
        matches, open_from = self._book.look(window, inside=self._inside)
        found = self._findings(matches, window) if matches else []
        self.safe = self.read - len(window) + open_from
        if self._told:
            self._told = {each for each in self._told if each[0] >= self.safe}
        if open_from:
            self._inside = _is_word(window[open_from - 1])
            self._seen = (self._seen + window[:open_from])[-REACH:]
            self._window = window[open_from:]
        else:
            self._window = window
        return found

    def _findings(self, matches: tuple[Match, ...], window: str) -> list[Finding]:
        base = self.read - len(window)
        self.touched = True
        found = []
        for phrase, rule, start, end in matches:
            if not self._policy.uses(phrase.source):
                continue
            key = (base + start, phrase.source, rule)
            action = self._policy.action(self._direction, phrase.category)
            if action == "off" or key in self._told:
                continue
            self._told.add(key)  # As long as its place is open, it is found at every look.
            passed = (
                phrase.builtin
                and self._policy.refusals_pass
                and passes(phrase.category, self._seen + window[:start], window[start:end])
            )
            found.append(
                Finding(
                    phrase.category,
                    phrase.source,
                    rule,
                    action,
                    at=base + start,
                    end=base + end,
                    passed=passed,
                )
            )
        return found


def _is_word(character: str) -> bool:
    return character not in (GAP, STOP) and not _FREE.match(character)


def findings_in(text: str, book: Rulebook, policy: Policy, direction: Direction) -> list[Finding]:
    """What is in a text that is whole."""
    return read_whole(Watch(book, policy, direction), text, policy, direction)


def read_whole(watch: Watch, text: str, policy: Policy, direction: Direction) -> list[Finding]:
    """The same with a new watch that is the caller's.

    Of what is asked the words behind a phrase are there as well and count; of a reply they are not, for it is
    to be judged alike whether it is streamed or not.
    """
    found = [*watch.feed(text), *watch.pause()]
    if direction == "output" or not policy.refusals_pass or not any(each.blocks for each in found):
        return found
    folded = fold(text)
    return [each if _is_meant(each, folded) else each._replace(passed=True) for each in found]


def _is_meant(finding: Finding, folded: str) -> bool:
    if finding.passed or not finding.source.startswith("builtin:"):
        return not finding.passed
    before, after = folded[max(finding.at - REACH, 0) : finding.at], folded[finding.end : finding.end + REACH]
    return not passes(finding.category, before, folded[finding.at : finding.end], after)
