"""Turns what the databases' drivers read into rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never

import msgspec

from tokenmill.kit.ids import ModelId
from tokenmill.store.hot.operations import ChangesAsked, KeyAsked, LatestChangeAsked, Read, RunningAsked
from tokenmill.store.rows import Change, KeyRow, RunningCount, RunningHold

Moment = Callable[[Any], datetime | None]
Rows = Sequence[Sequence[Any]]

KEY_BY_HASH = (
    "SELECT k.id, k.account_id, k.kind, k.name, k.subscription_id, k.cap, k.limits, k.models, k.addresses,"
    " k.expires_at, k.disabled_at, k.deleted_at, a.disabled_at, a.deleted_at, a.currency, a.limits,"
    " a.vault, a.unbilled, a.web_search"
    " FROM keys k JOIN accounts a ON a.id = k.account_id WHERE k.hash = {}"
)
CHANGES_SINCE = "SELECT id, kind, key FROM changes WHERE id > {} ORDER BY id LIMIT {}"
LATEST_CHANGE = "SELECT COALESCE(MAX(id), 0) FROM changes"
RUNNING = (
    "SELECT id, account_id, purses, amount, node, created_at, draft,"
    " input_fresh, input_cached, input_written, output, output_reasoning, searches"
    " FROM holds WHERE state = 'held' AND node IN ({}) ORDER BY id LIMIT {}"
)


def answer(asked: Read, rows: Rows, moment: Moment) -> Any:
    """What the rows say; `moment` makes an aware time, or None, of what the driver gives for one."""
    match asked:
        case KeyAsked():
            return _key(rows[0], moment) if rows else None
        case ChangesAsked():
            return [Change(*row) for row in rows]
        case LatestChangeAsked():
            return int(rows[0][0])
        case RunningAsked():
            return [_running(row, moment) for row in rows]
        case _:
            assert_never(asked)


def _key(row: Sequence[Any], moment: Moment) -> KeyRow:
    key_id, account_id, kind, name, subscription_id, cap, limits, models, addresses, *rest = row
    *times, currency, account_limits, vault, unbilled, web_search = rest
    expires, disabled, deleted, account_disabled, account_deleted = map(moment, times)
    named, allowed = _texts(models), _texts(addresses)
    return KeyRow(
        id=key_id,
        account_id=account_id,
        kind=kind,
        name=name,
        models=None if named is None else frozenset(map(ModelId, named)),
        expires_at=expires,
        disabled_at=disabled,
        deleted_at=deleted,
        subscription_id=subscription_id,
        cap=cap,
        addresses=None if allowed is None else tuple(allowed),
        limits=limits,
        currency=currency,
        account_disabled_at=account_disabled,
        account_deleted_at=account_deleted,
        account_limits=account_limits,
        vault=bool(vault),
        unbilled=bool(unbilled),
        web_search=bool(web_search),
    )


def _texts(json: str | None) -> list[str] | None:
    return None if json is None else msgspec.json.decode(json, type=list[str])


def _running(row: Sequence[Any], moment: Moment) -> RunningHold:
    hold_id, account_id, purses, amount, node, created_at, draft, *counts = row
    created = moment(created_at)
    assert created is not None
    return RunningHold(
        hold_id,
        account_id,
        tuple(purses.split()),
        amount,
        node,
        created,
        draft,
        RunningCount(hold_id, *counts),
    )
