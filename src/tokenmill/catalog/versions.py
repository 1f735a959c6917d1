"""Records each price a model has had, under the name that receipts give it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import insert, select

from tokenmill.catalog.entries import Credits, Price, Prices
from tokenmill.kit.versions import version_of
from tokenmill.store.database import UnitOfWork
from tokenmill.store.ledger_tables import PriceVersion


async def record_versions(
    work: UnitOfWork, model: str, price: Prices | None, credits: Credits | None, now: datetime
) -> None:
    """Adds the rates that the model has never had; each currency's and the credits' are one of their own."""
    rates: list[Price | Credits | None] = [credits]
    if price is not None:
        rates += [price.usd, price.cny]
    specs = {
        version_of(each): msgspec.json.encode(each, order="deterministic").decode() for each in rates if each
    }
    known = set(
        await work.session.scalars(
            select(PriceVersion.version).where(PriceVersion.model == model, PriceVersion.version.in_(specs))
        )
    )
    for version, spec in specs.items():
        if version not in known:
            row = {"model": model, "version": version, "spec": spec, "since": now}
            await work.session.execute(insert(PriceVersion).values(**row))
