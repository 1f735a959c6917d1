"""Proves that the ledger, the purses, the holds and the usage rows tell the same story."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold, Posting, Purse, Transfer
from tokenmill.store.marks import USAGE_KEPT, mark_at
from tokenmill.store.tables import Usage
from tokenmill.store.work_tables import Node

SILENT: Final = timedelta(seconds=20)
"""A node that has not renewed its lease for so long is dead."""
MOST_DIFFERENCES: Final = 1000
_PAGE: Final = 2000
_EXCHANGE: Final = "exchange:"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What `tokenmill ledger verify --json` prints; `differences` are sentences, cut after a thousand."""

    ok: bool
    transfers: int
    orphan_holds: int
    differences: tuple[str, ...]


LONGEST_EXCHANGE = timedelta(days=1)
"""How long after its beginning an exchange may have been posted; a target's own limit is a day at most."""


class _Found(list[str]):
    """Differences, of which only so many are kept."""

    def note(self, difference: str) -> None:
        if len(self) < MOST_DIFFERENCES:
            self.append(difference)


async def verify(work: ReadWork, now: datetime) -> Verified:
    """Checks everything there is, in pages, within one view of the database that does not move.

    `orphan_holds` are those of nodes that are dead: a sweep will settle them, so they are no difference,
    but as long as there are any the books are not closed, and `ok` is false.
    """
    found = _Found()
    transfers = await _check_transfers(work, found)
    held, orphans = await _holds(work, now)
    await _check_purses(work, held, found)
    await _check_usage(work, found)
    await _check_charges(work, found)
    return Verified(
        ok=not found and not orphans,
        transfers=transfers,
        orphan_holds=orphans,
        differences=tuple(found),
    )


async def _check_transfers(work: ReadWork, found: _Found) -> int:
    """Every transfer has sides, and they add up to zero in each unit; how many transfers there are."""
    count = 0
    async for page in _pages(work, select(Transfer.id, Transfer.source), Transfer.id):
        count += len(page)
        sources = {row.id: row.source for row in page}
        sums = await work.session.execute(
            select(Posting.transfer_id, Posting.unit, func.sum(Posting.amount).label("total"))
            .where(Posting.transfer_id.in_(sources))
            .group_by(Posting.transfer_id, Posting.unit)
        )
        empty = set(sources)
        for transfer_id, unit, total in sums:
            empty.discard(transfer_id)
            if total:
                found.note(f"transfer {sources[transfer_id]}: its sides add up to {int(total)} in {unit}")
        for transfer_id in sorted(empty):
            found.note(f"transfer {sources[transfer_id]}: it has no sides")
    return count


async def _holds(work: ReadWork, now: datetime) -> tuple[Counter[str], int]:
    """What open holds set aside in each purse, and how many holds belong to dead nodes."""
    held: Counter[str] = Counter()
    orphans = 0
    alive = set(
        await work.session.scalars(
            select(Node.id).where(Node.ended_at.is_(None), Node.renewed_at > now - SILENT)
        )
    )
    query = select(Hold.id, Hold.purses, Hold.amount, Hold.node).where(Hold.state == "held")
    async for page in _pages(work, query, Hold.id):
        for _, purses, amount, node in page:
            orphans += node not in alive
            for purse in purses.split():
                held[purse] += amount
    return held, orphans


async def _check_purses(work: ReadWork, held: Counter[str], found: _Found) -> None:
    """Each purse holds what was posted to it, and has set aside what open holds say; no posting lacks one."""
    async for page in _pages(work, select(Purse.id, Purse.unit, Purse.balance, Purse.held), Purse.id):
        ids = [row.id for row in page if _in_ledger(row.id)]
        sums = await work.session.execute(
            select(Posting.ledger_account, Posting.unit, func.sum(Posting.amount))
            .where(Posting.ledger_account.in_(ids))
            .group_by(Posting.ledger_account, Posting.unit)
        )
        posted = {(account, unit): int(total) for account, unit, total in sums}
        for row in page:
            balance = posted.pop((row.id, row.unit), 0)
            if _in_ledger(row.id) and balance != row.balance:
                found.note(f"purse {row.id}: it holds {row.balance}, and {balance} was posted to it")
            aside = held.pop(row.id, 0)
            if aside != row.held:
                found.note(f"purse {row.id}: it has {row.held} set aside, and open holds say {aside}")
            if not 0 <= row.held <= row.balance:
                found.note(f"purse {row.id}: {row.held} of {row.balance} is set aside")
        for account, unit in posted:
            found.note(f"purse {account}: postings in {unit}, which is not its unit")
    for purse, amount in sorted(held.items()):
        if amount:
            found.note(f"purse {purse}: open holds set {amount} aside in it, and it is not there")
    await _check_strays(work, found)


async def _check_strays(work: ReadWork, found: _Found) -> None:
    purse_like = or_(Posting.ledger_account.like("wallet/%"), Posting.ledger_account.like("credits/%"))
    strays = await work.session.scalars(
        select(Posting.ledger_account)
        .outerjoin(Purse, Purse.id == Posting.ledger_account)
        .where(purse_like, Purse.id.is_(None))
        .distinct()
        .limit(MOST_DIFFERENCES)
    )
    for account in strays:
        found.note(f"purse {account}: it was posted to, and is not there")


async def _check_usage(work: ReadWork, found: _Found) -> None:
    """Each usage row that cost something was posted, with the same cost and shortfall."""
    query = (
        select(Usage.id, Usage.unit, Usage.cost, Usage.shortfall, Transfer.id.label("transfer"))
        .outerjoin(Transfer, Transfer.source == literal(_EXCHANGE) + Usage.id)
        .where(or_(Usage.cost != 0, Usage.shortfall != 0))
    )
    async for page in _pages(work, query, Usage.id):
        charges = await _charges(work, [row.transfer for row in page if row.transfer is not None])
        for row in page:
            if row.transfer is None:
                found.note(f"exchange {row.id}: it cost {row.cost} {row.unit}, and nothing was posted")
                continue
            posted = charges.get(row.transfer, (row.unit, 0, 0))
            if posted != (row.unit, row.cost, row.shortfall):
                unit, cost, shortfall = posted
                found.note(
                    f"exchange {row.id}: its row says {row.cost} {row.unit}, {row.shortfall} of it unpaid, "
                    f"and its transfer {cost} {unit}, {shortfall} unpaid"
                )


async def _check_charges(work: ReadWork, found: _Found) -> None:
    """Each exchange that was charged has its usage row."""
    query = (
        select(Transfer.id, Transfer.source)
        .outerjoin(Usage, Usage.id == func.substr(Transfer.source, len(_EXCHANGE) + 1))
        .where(Transfer.kind == "exchange", or_(Usage.id.is_(None), Usage.cost == 0))
    )
    kept = await mark_at(work, USAGE_KEPT)
    if kept is not None:
        query = query.where(Transfer.at >= kept + LONGEST_EXCHANGE)
    async for page in _pages(work, query, Transfer.id):
        for _, source in page:
            exchange = source.removeprefix(_EXCHANGE)
            found.note(f"exchange {exchange}: it was charged, and no usage row says so")


async def _charges(work: ReadWork, transfers: Sequence[str]) -> dict[str, tuple[str, int, int]]:
    """Unit, cost and unpaid share of each exchange's transfer."""
    unpaid = or_(Posting.ledger_account == "platform/shortfall", Posting.ledger_account.like("shortfall/%"))
    charged = or_(Posting.ledger_account == "platform/revenue", Posting.ledger_account.like("used/%"))
    rows = await work.session.execute(
        select(
            Posting.transfer_id,
            Posting.unit,
            func.sum(case((charged, Posting.amount), else_=0)),
            func.sum(case((and_(unpaid, Posting.amount < 0), -Posting.amount), else_=0)),
        )
        .where(Posting.transfer_id.in_(transfers))
        .group_by(Posting.transfer_id, Posting.unit)
    )
    return {transfer: (unit, int(cost), int(short)) for transfer, unit, cost, short in rows}


async def _pages(
    work: ReadWork, query: Select[*tuple[Any, ...]], key: InstrumentedAttribute[str]
) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]:
    """The query's rows, some at a time, in the order of `key`, its first column."""
    after = ""
    while True:
        rows = (await work.session.execute(query.where(key > after).order_by(key).limit(_PAGE))).all()
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def _in_ledger(purse_id: str) -> bool:
    return purse_id.startswith(("wallet/", "credits/"))
