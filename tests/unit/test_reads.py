"""Reading is free, and bounded."""

from __future__ import annotations

from typing import Any

import pytest

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.api.reads import ReadLimit
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.limits.limiter import Quota
from tokenmill.limits.local import LocalLimiter
from tokenmill.testing import FixedClock


def caller(account: str) -> Caller:
    return Caller(
        account_id=AccountId(account),
        key_id=KeyId("key"),
        key_kind="sk",
        name="k",
        models=None,
        currency="USD",
    )


async def test_an_account_reads_so_often_a_minute_and_no_more() -> None:
    """All its keys together; other accounts, and its own questions to models, are not held up by that."""
    clock = FixedClock()
    limiter = LocalLimiter(clock)
    read: list[str] = []

    async def face(call: Call, caller: Caller, name: str) -> None:
        read.append(name)

    limited = ReadLimit(limiter, rpm=3)(face)
    nothing: Any = None
    for name in "abc":
        await limited(nothing, caller("acc_1"), name)

    with pytest.raises(Fault) as refused:
        await limited(nothing, caller("acc_1"), "d")
    await limited(nothing, caller("acc_2"), "e")
    await limiter.enter((Quota(scope="acc_1/mimo-v2.5-pro", rpm=1),), 10)
    clock.advance(61)
    await limited(nothing, caller("acc_1"), "f")

    assert Code.RATE_LIMITED is refused.value.code
    assert list("abcef") == read
