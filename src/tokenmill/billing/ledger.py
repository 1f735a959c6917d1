"""Posts balanced transfers: the only place of the business that changes what a purse holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import CursorResult, select, update

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Posting, Purse, Transfer
from tokenmill.store.once import insert_once
from tokenmill.store.tables import Account

CREDITS = "credits"
"""The unit of Token Plans, in milli-credits; every other unit is a currency, in nano-units."""

LARGEST = 2**63 - 1
"""What a purse can hold, as the databases keep it."""

_PURSES = ("wallet/", "credits/")


class Side(NamedTuple):
    """One side of a transfer: `amount` comes to `ledger_account`, or leaves it when negative."""

    ledger_account: str
    unit: str
    amount: int


class PurseState(NamedTuple):
    """What a purse holds, and how much of that running exchanges have set aside."""

    balance: int
    held: int

    @property
    def free(self) -> int:
        """What can be spent now."""
        return self.balance - self.held


def wallet_of(account_id: AccountId) -> str:
    """The purse, and ledger account, of an account's money."""
    return f"wallet/{account_id}"


def credits_of(subscription_id: str) -> str:
    """The purse, and ledger account, of a subscription's credits."""
    return f"credits/{subscription_id}"


async def post(
    work: UnitOfWork,
    clock: Clock,
    *,
    source: str,
    kind: str,
    account_id: AccountId,
    postings: Sequence[Side],
    memo: Mapping[str, str | int | None] | None = None,
) -> bool:
    """Posts one transfer; False, with nothing changed, when `source` has been posted before.

    Purses are changed in the order of their ids, which is how everybody locks them: whoever posts several
    transfers in one unit of work begins with those whose purses come first (`credits/…`, then `wallet/…`).
    Raises ValueError for sides that do not balance in each unit and for a purse that is not there,
    Fault(NO_FUNDS) when a purse would have less than what is set aside in it.
    """
    sides = _merged(postings)
    transfer_id = sortable("tr")
    new = await insert_once(
        work,
        Transfer,
        "source",
        id=transfer_id,
        source=source,
        kind=kind,
        account_id=account_id,
        at=clock.now(),
        memo=msgspec.json.encode(memo or {}).decode(),
    )
    if not new:
        return False
    for side in sides:
        if side.ledger_account.startswith(_PURSES):
            await _move(work, side)
    # Only now, under the purses' locks, so that a purse's postings are numbered in the order of commits.
    for side in sides:
        work.session.add(Posting(transfer_id=transfer_id, **side._asdict()))
    await work.session.flush()
    if any(side.ledger_account.startswith("wallet/") and side.amount > 0 for side in sides):
        await _begin_to_bill(work, account_id)
    return True


async def _begin_to_bill(work: UnitOfWork, account_id: AccountId) -> None:
    """The first operator's account pays nothing until there is money in its wallet."""
    unbilled = update(Account).where(Account.id == account_id, Account.unbilled)
    changed = await work.session.execute(
        unbilled.values(unbilled=False).execution_options(synchronize_session="fetch")
    )
    assert isinstance(changed, CursorResult)
    if changed.rowcount:
        await work.changed("account", account_id)


async def open_purse(work: UnitOfWork, purse_id: str, unit: str) -> bool:
    """An empty purse; False when it is there already."""
    return await insert_once(work, Purse, "id", id=purse_id, unit=unit, balance=0, held=0, expires_at=None)


async def look_into(work: UnitOfWork | ReadWork, purse_id: str) -> PurseState:
    """What the purse holds; nothing when there is none of this id."""
    row = (await work.session.execute(select(Purse.balance, Purse.held).where(Purse.id == purse_id))).first()
    return PurseState(0, 0) if row is None else PurseState(*row)


async def lock_purse(work: UnitOfWork, purse_id: str) -> PurseState:
    """What the purse holds; nobody changes it before this unit of work ends."""
    query = select(Purse.balance, Purse.held).where(Purse.id == purse_id).with_for_update()
    row = (await work.session.execute(query)).first()
    return PurseState(0, 0) if row is None else PurseState(*row)


def _merged(postings: Sequence[Side]) -> list[Side]:
    amounts: Counter[tuple[str, str]] = Counter()
    units: Counter[str] = Counter()
    for account, unit, amount in postings:
        amounts[account, unit] += amount
        units[unit] += amount
    if unbalanced := sorted(unit for unit, total in units.items() if total):
        raise ValueError(f"the sides of a transfer do not add up to zero in {', '.join(unbalanced)}")
    sides = [Side(account, unit, amount) for (account, unit), amount in sorted(amounts.items()) if amount]
    if not sides:
        raise ValueError("a transfer moves something")
    return sides


async def _move(work: UnitOfWork, side: Side) -> None:
    purse_id, unit, amount = side
    room = LARGEST - max(0, amount)  # Not the sum: SQLite would make a float of it.
    moved = await work.session.execute(
        update(Purse)
        .where(Purse.id == purse_id, Purse.unit == unit, Purse.balance <= room)
        .where(Purse.balance + amount >= Purse.held)
        .values(balance=Purse.balance + amount)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(moved, CursorResult)
    if moved.rowcount:
        return
    state = (
        await work.session.execute(select(Purse.balance, Purse.held, Purse.unit).where(Purse.id == purse_id))
    ).first()
    if state is None or state.unit != unit:
        raise ValueError(f"there is no purse {purse_id} in {unit}")
    if state.balance > room:
        raise Fault(Code.CONFLICT, "The balance would be more than can be kept. Spend some of it first.")
    raise no_funds(unit, state.balance - state.held, -amount)


def no_funds(unit: str, free: int, needed: int) -> Fault:
    """The fault of a purse with too little in it."""
    if unit == CREDITS:
        return Fault(Code.NO_FUNDS, "The Token Plan has too few credits left for this.")
    return Fault(
        Code.NO_FUNDS,
        f"The wallet has {show(Nano(free))} {unit} to spend, and this takes {show(Nano(needed))} {unit}. "
        "Top it up, or redeem a code.",
    )
