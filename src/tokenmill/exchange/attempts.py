"""Judges whether a fault of one target is worth another attempt, there or elsewhere."""

from __future__ import annotations

from tokenmill.kit.faults import Code, Fault

ELSEWHERE = frozenset(
    {
        Code.UPSTREAM_AWAY,
        Code.UPSTREAM_BUSY,
        Code.UPSTREAM_TIMEOUT,
        Code.UPSTREAM_BROKE,
        Code.ENGINE_LOADING,
        Code.MISCONFIGURED,
    }
)
"""Faults that another target may not have; all others would meet the same request there."""

PASSING = frozenset({Code.UPSTREAM_AWAY, Code.UPSTREAM_BUSY, Code.UPSTREAM_BROKE})
"""Faults that the same target may not have a moment later; a time-out has cost its caller enough already."""

WAITS = (0.25, 1.0)
"""Seconds before each further round over the targets. Agents repeat by themselves after a second or two, so
what has not passed by then is theirs to know."""

PATIENCE = 3.0
"""Seconds that the attempts may take in all before no further round begins; also the longest wait that is
granted to an upstream which names one."""


def passes_elsewhere(fault: Fault) -> bool:
    """May another target answer the same request?"""
    return fault.code in ELSEWHERE


def wait_of(fault: Fault, usual: float) -> float | None:
    """Seconds after which the same target may answer, `usual` unless it named them; None: not soon enough."""
    if fault.code not in PASSING:
        return None
    named = fault.retry_after if fault.code is Code.UPSTREAM_BUSY else None
    if named is None:
        return usual
    return max(usual, named) if named <= PATIENCE else None
