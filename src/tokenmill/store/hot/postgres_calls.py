"""Writes operations as the arguments of `tokenmill_apply`, which carries them out, and reads its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec

from tokenmill.store.hot.operations import Counted, Write, WriteProbed
from tokenmill.store.rows import Growth, HoldAnswer, HoldAsked, Settled, Settlement, UsageRow

APPLY = "SELECT tokenmill_apply($1::jsonb, $2::text[], $3::text[], $4::jsonb, $5::boolean, $6::boolean)"
_DURABLE = (Settlement, UsageRow, WriteProbed)


def arguments(operations: Sequence[Write], again: bool) -> tuple[Any, ...]:
    """What `tokenmill_apply` takes.

    The operations; the holds they enlarge; the purses they touch, which it locks in order before it begins,
    with those of the holds that grow; purses to open if they are not there; whether the commit has to be on
    the disk; and whether this was tried before with an unknown outcome.
    """
    grown: list[str] = []
    touched: set[str] = set()
    opening: list[tuple[Any, ...]] = []
    for asked in operations:
        match asked:
            case HoldAsked():
                touched.update([purse.id for purse in asked.purses])
                opening += [
                    (purse.id, asked.unit, purse.opens_with, purse.expires_at)
                    for purse in asked.purses
                    if purse.opens_with is not None
                ]
            case Settlement():
                touched.update(asked.purses)
            case Growth():
                grown.append(asked.id)
            case _:
                pass
    return (
        _json([_call(asked) for asked in operations]),
        grown,
        list(touched),
        _json(opening) if opening else None,
        any(isinstance(asked, _DURABLE) for asked in operations),
        again,
    )


def answers(operations: Sequence[Write], text: str) -> list[Any]:
    """What it answered, in the order of the operations."""
    found = msgspec.json.decode(text)
    return [_answer(asked, value) for asked, value in zip(operations, found, strict=True)]


def _call(asked: Write) -> tuple[Any, ...]:
    match asked:
        case HoldAsked():
            purses = " ".join([purse.id for purse in asked.purses])
            amounts = (asked.want, asked.least)
            rest = (asked.node, asked.at, asked.draft, asked.input_fresh)
            return ("hold", asked.id, asked.account_id, purses, *amounts, *rest)
        case Settlement():
            purses = " ".join(asked.purses)
            posted = (asked.unit, asked.cost, asked.charged, asked.unpaid)
            return ("settle", asked.id, asked.account_id, purses, *posted, asked.state, asked.at, asked.row)
        case Growth():
            return ("grow", asked.id, asked.held, asked.want, asked.least)
        case UsageRow():
            return ("usage", asked)
        case Counted(counts):
            return ("count", counts)
        case WriteProbed():
            return ("probe",)
        case _:
            assert_never(asked)


def _answer(asked: Write, value: Any) -> Any:
    match asked:
        case HoldAsked():
            granted, free, balances = value
            return HoldAnswer(granted, tuple(free), tuple(balances))
        case Settlement():
            return Settled(*value)
        case Growth():
            return value
        case _:
            return None


def _json(value: Sequence[Any]) -> str:
    return msgspec.json.encode(value).decode()
