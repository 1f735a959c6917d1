"""Which faults are worth another attempt."""

from __future__ import annotations

import pytest

from tokenmill.exchange.attempts import PATIENCE, passes_elsewhere, wait_of
from tokenmill.kit.faults import Code, Fault


@pytest.mark.parametrize(
    "code", [Code.UPSTREAM_REFUSED, Code.CONTEXT_EXCEEDED, Code.TOO_LARGE, Code.BAD_VALUE]
)
def test_what_every_target_would_refuse_is_not_asked_again(code: Code) -> None:
    """The request itself is at fault."""
    fault = Fault(code, "no")

    assert not passes_elsewhere(fault)
    assert wait_of(fault, 0.25) is None


def test_a_time_out_goes_to_another_target_but_not_to_the_same_again() -> None:
    """The caller has waited for a whole time-out already."""
    fault = Fault(Code.UPSTREAM_TIMEOUT, "late", retry_after=2)

    assert passes_elsewhere(fault)
    assert wait_of(fault, 0.25) is None


def test_a_busy_upstream_is_given_the_time_it_asks_for_unless_that_is_long() -> None:
    """A wait that the caller would not sit through is his to decide on."""
    assert wait_of(Fault(Code.UPSTREAM_BUSY, "busy", retry_after=1.5), 0.25) == 1.5
    assert wait_of(Fault(Code.UPSTREAM_BUSY, "busy", retry_after=0.0), 0.25) == 0.25
    assert wait_of(Fault(Code.UPSTREAM_BUSY, "busy"), 0.25) == 0.25
    assert wait_of(Fault(Code.UPSTREAM_BUSY, "busy", retry_after=PATIENCE + 1), 0.25) is None


def test_the_advice_that_a_fault_has_for_callers_is_not_taken_for_the_upstreams() -> None:
    """An upstream that is away named no time; the two seconds are ours, for the caller."""
    assert wait_of(Fault(Code.UPSTREAM_AWAY, "away", retry_after=2.0), 0.25) == 0.25
