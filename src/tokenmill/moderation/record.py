"""Keeps the record of one direction of one exchange: scanned, skipped and why, failed, found."""

from __future__ import annotations

from tokenmill.kit.clock import Clock
from tokenmill.moderation.judging import CLASSIFIER, Judgement
from tokenmill.moderation.policies import Direction
from tokenmill.moderation.verdicts import MOST_AT_ONCE, Outcome, Verdict, VerdictSink, Whose
from tokenmill.moderation.watch import Finding


class Record:
    """What becomes the audit: a line on the receipt, and a row for each finding."""

    def __init__(self, verdicts: VerdictSink, clock: Clock, whose: Whose, direction: Direction) -> None:
        self._verdicts = verdicts
        self._clock = clock
        self._whose = whose
        self._direction: Direction = direction
        self._scanned: dict[str, None] = {}
        self._skipped: dict[str, str] = {}
        self._failed: str | None = None
        self._blocked: str | None = None
        self._flagged: dict[str, None] = {}
        self._passed = 0
        self._written = 0

    def scanned(self, kind: str) -> None:
        """Text of this kind has been looked at."""
        self._scanned[kind] = None

    def skipped(self, kind: str, why: str) -> None:
        """Something of this kind has not."""
        self._skipped[kind] = why

    def judged(self, place: str, judgement: Judgement) -> None:
        """What a whole text came to."""
        self.found(place, judgement.findings)
        if judgement.unseen:
            self.skipped(f"the middle of {place}", "too long for the classifier")
        if judgement.failed is not None:
            if self._failed is None:
                self._write(place, "failed", "", CLASSIFIER, judgement.failed, 0.0)
            self._failed = judgement.failed

    def found(self, place: str, findings: list[Finding] | tuple[Finding, ...]) -> None:
        """Findings, with where they were made."""
        for finding in findings:
            if finding.passed:
                self._passed += 1
                continue
            outcome: Outcome = "blocked" if finding.blocks else "flagged"
            if finding.blocks:
                self._blocked = self._blocked or finding.category.value
            else:
                self._flagged[finding.category.value] = None
            self._write(place, outcome, finding.category.value, finding.source, finding.rule, finding.score)
            if finding.blocks:
                break  # What comes after it is not said.

    def line(self) -> str:
        """The audit in words, for the receipt."""
        said = []
        if self._blocked is not None:
            said.append(f"blocked: {self._blocked}")
        if self._flagged:
            said.append(f"flagged: {', '.join(self._flagged)}")
        if self._failed is not None:
            said.append(f"failed: the classifier ({self._failed})")
        if self._scanned and not said:
            said.append("passed")
        if self._passed:
            said.append(f"{self._passed} in rules against it")
        said.append(f"scanned: {', '.join(self._scanned) or 'nothing'}")
        if self._skipped:
            said.append("skipped: " + ", ".join(f"{kind} ({why})" for kind, why in self._skipped.items()))
        return "; ".join(said)

    def _write(
        self, place: str, outcome: Outcome, category: str, source: str, rule: str, score: float
    ) -> None:
        self._written += 1
        if self._written > MOST_AT_ONCE:
            return
        self._verdicts.add(
            Verdict(
                whose=self._whose,
                at=self._clock.now(),
                direction=self._direction,
                place=place,
                outcome=outcome,
                category=category,
                source=source,
                rule=rule,
                score=score,
            )
        )
