"""Keeps what a capped key has left to spend."""

from __future__ import annotations

from sqlalchemy import func, select

from tokenmill.kit.ids import KeyId
from tokenmill.kit.money import Nano
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import Purse
from tokenmill.store.once import insert_once
from tokenmill.store.tables import Usage


async def set_cap(work: UnitOfWork, key_id: KeyId, cap: Nano, currency: str) -> None:
    """Lets the key spend `cap` in all: what it has spent before counts, what is set aside now stays so."""
    purse_id = f"cap/{key_id}"
    await insert_once(work, Purse, "id", id=purse_id, unit=currency, balance=0, held=0, expires_at=None)
    # Locked before the usage is read: a settlement takes this lock first, so it is in the sum or comes after.
    purse = (await work.session.scalars(select(Purse).where(Purse.id == purse_id).with_for_update())).one()
    left = max(0, cap - (await spent(work, [key_id], currency))[key_id])
    purse.balance = max(purse.held, left)
    await work.session.flush()


async def spent(work: ReadWork | UnitOfWork, keys: list[KeyId], currency: str) -> dict[KeyId, Nano]:
    """Nano-units of the account's currency that each key has taken from the wallet, ever."""
    query = (
        select(Usage.key_id, func.sum(Usage.cost - Usage.shortfall))
        .where(Usage.key_id.in_(keys), Usage.unit == currency)
        .group_by(Usage.key_id)
    )
    found = {KeyId(key_id): Nano(int(amount)) for key_id, amount in await work.session.execute(query)}
    return {key_id: found.get(key_id, Nano(0)) for key_id in keys}
