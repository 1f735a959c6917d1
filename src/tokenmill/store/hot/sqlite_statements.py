"""Says in SQL what each hot operation does on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec

from tokenmill.store.hot import reading
from tokenmill.store.hot.operations import (
    ChangesAsked,
    Counted,
    KeyAsked,
    LatestChangeAsked,
    Read,
    RunningAsked,
    Write,
    WriteProbed,
)
from tokenmill.store.rows import Growth, HoldAnswer, HoldAsked, Settled, Settlement, UsageRow

_USAGE_FIELDS = UsageRow.__struct_fields__
_STARTED_AT = _USAGE_FIELDS.index("started_at")
_SHORTFALL = _USAGE_FIELDS.index("shortfall")

# The texts below are made of our own names; no value is ever put into them.
_ADD_USAGE = (
    f"INSERT INTO usage ({', '.join(_USAGE_FIELDS)}) "  # noqa: S608  (our own names)
    f"VALUES ({', '.join('?' * len(_USAGE_FIELDS))}) ON CONFLICT (id) DO NOTHING"
)
_POSTED = (
    "SELECT -COALESCE(SUM(amount) FILTER (WHERE amount < 0 AND ledger_account <> ?1), 0),"
    " -COALESCE(SUM(amount) FILTER (WHERE ledger_account = ?1), 0) FROM postings WHERE transfer_id = ?2"
)

_PURSE = "SELECT balance, held FROM purses WHERE id = ?"
_FREE = "SELECT balance - held FROM purses WHERE id = ?"
_OPEN_PURSE = (
    "INSERT INTO purses (id, unit, balance, held, expires_at) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING"
)
_SET_ASIDE = "UPDATE purses SET held = held + ? WHERE id = ?"
_TAKE = "UPDATE purses SET balance = balance - ?, held = held - ? WHERE id = ?"

_HOLD = "SELECT purses, amount, state, closed_at FROM holds WHERE id = ?"
_ADD_HOLD = (
    "INSERT INTO holds (id, account_id, purses, amount, state, node, created_at, closed_at, draft,"
    " input_fresh, input_cached, input_written, output, output_reasoning)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING"
)
_GROW_HOLD = "UPDATE holds SET amount = amount + ? WHERE id = ?"
_CLOSE_HOLD = "UPDATE holds SET state = ?, closed_at = ?, draft = '' WHERE id = ?"
_COUNT = (
    "UPDATE holds SET input_fresh = counted.fresh, input_cached = counted.cached,"
    " input_written = counted.written, output = counted.out, output_reasoning = counted.reasoning,"
    " searches = counted.searches"
    " FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS fresh,"
    " json_extract(value, '$[2]') AS cached, json_extract(value, '$[3]') AS written,"
    " json_extract(value, '$[4]') AS out, json_extract(value, '$[5]') AS reasoning,"
    " json_extract(value, '$[6]') AS searches"
    " FROM json_each(?)) AS counted WHERE holds.id = counted.id AND holds.state = 'held'"
)

_ADD_TRANSFER = (
    "INSERT INTO transfers (id, source, kind, account_id, at, memo) VALUES (?, ?, 'exchange', ?, ?, '{}')"
    " ON CONFLICT DO NOTHING"
)
_ADD_TWO_POSTINGS = (
    "INSERT INTO postings (transfer_id, ledger_account, unit, amount) VALUES (?, ?, ?, ?), (?, ?, ?, ?)"
)
_ADD_THREE_POSTINGS = f"{_ADD_TWO_POSTINGS}, (?, ?, ?, ?)"
_PROBE_WRITE = "UPDATE alembic_version SET version_num = version_num"  # Goes to the disk, changes nothing.

_KEY_BY_HASH = reading.KEY_BY_HASH.format("?")
_CHANGES_SINCE = reading.CHANGES_SINCE.format("?", "?")
_RUNNING = reading.RUNNING.format("SELECT value FROM json_each(?)", "?")


def read(cursor: sqlite3.Cursor, asked: Read) -> Any:
    """Its answer, read by itself."""
    match asked:
        case KeyAsked(digest):
            cursor.execute(_KEY_BY_HASH, (digest,))
        case ChangesAsked(last_id, limit):
            cursor.execute(_CHANGES_SINCE, (last_id, limit))
        case LatestChangeAsked():
            cursor.execute(reading.LATEST_CHANGE)
        case RunningAsked(nodes, limit):
            cursor.execute(_RUNNING, (_json(nodes), limit))
        case _:
            assert_never(asked)
    return reading.answer(asked, cursor.fetchall(), _moment)


def open_purses(cursor: sqlite3.Cursor, group: Iterable[Write]) -> None:
    """Opens what the holds of a group ask to be open, for all of the group."""
    for asked in group:
        if isinstance(asked, HoldAsked):
            for purse in asked.purses:
                if purse.opens_with is not None:
                    expires = None if purse.expires_at is None else _time_text(purse.expires_at)
                    cursor.execute(_OPEN_PURSE, (purse.id, asked.unit, purse.opens_with, expires))


def write(cursor: sqlite3.Cursor, asked: Write, again: bool) -> Any:
    """Carries it out within the caller's transaction; `again` after a try whose outcome is unknown."""
    match asked:
        case HoldAsked():
            return _hold(cursor, asked)
        case Settlement():
            return _settle(cursor, asked, again)
        case Growth():
            return _grow(cursor, asked)
        case UsageRow():
            _add_usage(cursor, asked, asked.shortfall)
        case Counted(counts):
            cursor.execute(_COUNT, (_json(counts),))
        case WriteProbed():
            cursor.execute(_PROBE_WRITE)
        case _:
            assert_never(asked)
    return None


def _hold(cursor: sqlite3.Cursor, asked: HoldAsked) -> HoldAnswer:
    states = [cursor.execute(_PURSE, (purse.id,)).fetchone() or (0, 0) for purse in asked.purses]
    free = tuple([balance - held for balance, held in states])
    granted = min(asked.want, *free) if free else asked.want
    if granted < asked.least or not _add_hold(cursor, asked, granted):
        return _held(cursor, asked.id) or HoldAnswer(None, free, tuple([state[0] for state in states]))
    for purse in asked.purses:
        cursor.execute(_SET_ASIDE, (granted, purse.id))
    return HoldAnswer(granted, free, tuple([state[0] for state in states]))


def _add_hold(cursor: sqlite3.Cursor, asked: HoldAsked, granted: int) -> bool:
    purses = " ".join([purse.id for purse in asked.purses])
    at = _time_text(asked.at)
    held = (asked.id, asked.account_id, purses, granted, "held", asked.node, at, None, asked.draft)
    return cursor.execute(_ADD_HOLD, (*held, asked.input_fresh)).rowcount > 0


def _held(cursor: sqlite3.Cursor, exchange: str) -> HoldAnswer | None:
    row = cursor.execute(_HOLD, (exchange,)).fetchone()
    if row is None:
        return None
    return HoldAnswer(row[1] if row[2] == "held" else None)


def _grow(cursor: sqlite3.Cursor, asked: Growth) -> int:
    row = cursor.execute(_HOLD, (asked.id,)).fetchone()
    if row is None or row[2] != "held":
        return 0
    if row[1] != asked.held:
        return max(0, int(row[1]) - asked.held)  # It has grown already, and whoever asked did not hear of it.
    purses = row[0].split()
    grown = min(asked.want, _left(cursor, purses)) if purses else asked.want
    if grown < asked.least:
        return 0
    for purse in purses:
        cursor.execute(_SET_ASIDE, (grown, purse))
    cursor.execute(_GROW_HOLD, (grown, asked.id))
    return grown


def _settle(cursor: sqlite3.Cursor, asked: Settlement, again: bool) -> Settled:
    row = cursor.execute(_HOLD, (asked.id,)).fetchone()
    at = _time_text(asked.at)
    if row is not None and row[2] != "held":
        return _settled_before(cursor, asked, again and row[2:] == (asked.state, at))
    cost = asked.cost
    if cost and not _add_transfer(cursor, asked, at):
        if row is None:  # The hold was swept since.
            return _settled_before(cursor, asked, False)
        cost = 0
    held = 0
    if row is None:
        purses = " ".join(asked.purses)
        made_up = (asked.id, asked.account_id, purses, 0, asked.state, "", at, at, "", 0)
        cursor.execute(_ADD_HOLD, made_up)
    else:
        held = _close(cursor, asked, at, row)
    taken = _take(cursor, asked.purses, cost, held)
    if cost:
        _post(cursor, asked, taken, cost - taken)
    _add_usage(cursor, asked.row, cost - taken)
    return Settled(taken, cost - taken)


def _settled_before(cursor: sqlite3.Cursor, asked: Settlement, by_us: bool) -> Settled:
    taken, shortfall = cursor.execute(_POSTED, (asked.unpaid, asked.id)).fetchone()
    return Settled(taken, shortfall, by_us)


def _close(cursor: sqlite3.Cursor, asked: Settlement, at: str, row: Sequence[Any]) -> int:
    """Closes the hold; what of it is still to be given back to the purses of the settlement."""
    cursor.execute(_CLOSE_HOLD, (asked.state, at, asked.id))
    held: int = row[1]
    if row[0] == " ".join(asked.purses):
        return held
    for purse in row[0].split():
        cursor.execute(_TAKE, (0, held, purse))
    return 0


def _take(cursor: sqlite3.Cursor, purses: Sequence[str], cost: int, held: int) -> int:
    """Gives `held` back to every purse and takes the cost from it, or what all of them have; how much."""
    if not purses:
        return 0
    taken = cost if cost <= held else min(cost, held + _left(cursor, purses))
    if taken or held:
        for purse in purses:
            cursor.execute(_TAKE, (taken, held, purse))
    return taken


def _left(cursor: sqlite3.Cursor, purses: Sequence[str]) -> int:
    """What is free in all of them; a limit that has been swept limits nothing."""
    rows = [cursor.execute(_FREE, (purse,)).fetchone() for purse in purses]
    if rows[0] is None:
        return 0
    return int(min(row[0] for row in rows if row is not None))


def _add_transfer(cursor: sqlite3.Cursor, asked: Settlement, at: str) -> bool:
    values = (asked.id, f"exchange:{asked.id}", asked.account_id, at)
    return cursor.execute(_ADD_TRANSFER, values).rowcount > 0


def _post(cursor: sqlite3.Cursor, asked: Settlement, taken: int, shortfall: int) -> None:
    sides: list[str | int] = [asked.id, asked.charged, asked.unit, asked.cost]
    if shortfall:
        sides += (asked.id, asked.unpaid, asked.unit, -shortfall)
    if taken:
        sides += (asked.id, asked.purses[0], asked.unit, -taken)
    cursor.execute(_ADD_THREE_POSTINGS if shortfall and taken else _ADD_TWO_POSTINGS, sides)


def _add_usage(cursor: sqlite3.Cursor, row: UsageRow, shortfall: int) -> None:
    values = list(msgspec.structs.astuple(row))
    values[_STARTED_AT] = _time_text(row.started_at)
    values[_SHORTFALL] = shortfall
    cursor.execute(_ADD_USAGE, values)


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()


def _time_text(moment: datetime) -> str:
    """As SQLAlchemy keeps times in SQLite, so that both sides compare them as text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
