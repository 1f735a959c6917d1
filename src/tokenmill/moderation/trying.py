"""Tries a text in the operator's name, as it would be judged for somebody else."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from tokenmill.moderation.folding import fold
from tokenmill.moderation.judging import judge
from tokenmill.moderation.live import Moderation
from tokenmill.moderation.policies import Direction, Policy
from tokenmill.moderation.watch import Finding, findings_in


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, and how long it took, in microseconds."""

    verdict: Literal["block", "flag", "pass", "off"]
    policy_id: str | None
    policy: Policy
    findings: tuple[Finding, ...]
    normalised: str
    failed: str | None
    lists_us: float
    classifier_us: float | None


async def try_text(
    moderation: Moderation, text: str, direction: Direction, *, account_id: str, model: str, classifier: bool
) -> Tried:
    """Judges `text` by what counts for this account and model; a direction that is off is looked at too."""
    policy, policy_id = moderation.policies.of(account_id, model)
    off = not policy.acts(direction)
    looked = msgspec.structs.replace(policy, **{direction: "flag"}) if off else policy
    book = await moderation.book()
    began = time.perf_counter()
    found: tuple[Finding, ...] = tuple(findings_in(text, book, looked, direction))
    lists_us = (time.perf_counter() - began) * 1e6
    failed: str | None = None
    classifier_us: float | None = None
    if classifier and policy.classifier and moderation.moderator is not None:
        began = time.perf_counter()
        judged = await judge(text, book, looked, direction, moderation.moderator)
        found, failed = judged.findings, judged.failed
        classifier_us = (time.perf_counter() - began) * 1e6
    verdict: Literal["block", "flag", "pass", "off"] = "pass"
    if off:
        verdict = "off"
    elif any(each.blocks for each in found) or (failed and policy.on_failure == "closed"):
        verdict = "block"
    elif any(not each.passed for each in found):
        verdict = "flag"
    return Tried(
        verdict=verdict,
        policy_id=policy_id,
        policy=policy,
        findings=found,
        normalised=fold(text),
        failed=failed,
        lists_us=round(lists_us, 1),
        classifier_us=None if classifier_us is None else round(classifier_us, 1),
    )
