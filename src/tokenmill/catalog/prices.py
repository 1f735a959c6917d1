"""Keeps what models have cost, and what they cost single accounts."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from tokenmill.catalog.entries import Credits, Model, Price, Prices
from tokenmill.catalog.repository import load
from tokenmill.catalog.versions import record_versions
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import PriceOverride, PriceVersion
from tokenmill.store.tables import Account

CHANGE_KIND = "price_override"


class Override(msgspec.Struct, frozen=True):
    """What a model costs one account; what is None stays as the catalogue has it.

    A currency that `price` lacks stays so too: an override sells what is not for sale, and stops no sale.
    """

    price: Prices | None = None
    credits: Credits | None = None


class OverrideView(msgspec.Struct, frozen=True, kw_only=True):
    """An override as lists show it."""

    account_id: AccountId
    model: str
    override: Override
    updated_at: datetime


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The rates that a receipt names by `version`, and since when the model has had them."""

    version: str
    rates: Price | Credits
    since: datetime


async def set_override(
    work: UnitOfWork, clock: Clock, account_id: AccountId, model: str, override: Override
) -> OverrideView:
    """From now on the model costs the account this; exchanges that run keep their price.

    `model` is an id or alias. Raises Fault: NOT_FOUND for the account, UNKNOWN_MODEL, BAD_VALUE for an
    override that changes nothing.
    """
    if override == Override() or override.price == Prices():
        raise Fault(Code.BAD_VALUE, "State a price or credit rates.", field="override")
    if await work.session.get(Account, account_id) is None:
        raise Fault(Code.NOT_FOUND, f"There is no account {account_id}.", field="account")
    named = (await load(work)).find(model)
    now = clock.now()
    values = {
        "account_id": account_id,
        "model": named.id,
        "spec": msgspec.json.encode(override, order="deterministic").decode(),
        "updated_at": now,
    }
    await record_versions(work, named.id, override.price, override.credits, now)
    await work.session.execute(_put(work, values))
    await work.changed(CHANGE_KIND, account_id)
    return OverrideView(account_id=account_id, model=named.id, override=override, updated_at=now)


async def clear_override(work: UnitOfWork, account_id: AccountId, model: str) -> None:
    """The account pays the catalogue's price again. Raises Fault(NOT_FOUND) when it does already."""
    gone = delete(PriceOverride).where(PriceOverride.account_id == account_id, PriceOverride.model == model)
    if (await work.session.execute(gone.returning(PriceOverride.model))).first() is None:
        raise Fault(Code.NOT_FOUND, "This account has no price of its own for that model.", field="model")
    await work.changed(CHANGE_KIND, account_id)


async def list_overrides(
    work: ReadWork | UnitOfWork, account_id: AccountId | None = None
) -> list[OverrideView]:
    """The overrides of one account, or all there are."""
    query = select(PriceOverride).order_by(PriceOverride.account_id, PriceOverride.model)
    if account_id is not None:
        query = query.where(PriceOverride.account_id == account_id)
    return [
        OverrideView(
            account_id=AccountId(row.account_id),
            model=row.model,
            override=msgspec.json.decode(row.spec, type=Override),
            updated_at=row.updated_at,
        )
        for row in await work.session.scalars(query.execution_options(populate_existing=True))
    ]


async def list_versions(work: ReadWork | UnitOfWork, model: Model) -> list[Version]:
    """Every price and every credit rate the model has had, the newest first."""
    query = select(PriceVersion).where(PriceVersion.model == model.id)
    rows = await work.session.scalars(query.order_by(PriceVersion.since.desc(), PriceVersion.version))
    return [Version(version=row.version, rates=_rates(row.spec), since=row.since) for row in rows]


def _rates(spec: str) -> Price | Credits:
    """Money has members that credits lack, and every member is always written."""
    has_searches = "web_search" in msgspec.json.decode(spec, type=dict[str, int | None])
    return msgspec.json.decode(spec, type=Price) if has_searches else msgspec.json.decode(spec, type=Credits)


def _put(work: UnitOfWork, values: dict[str, object]) -> sqlite.Insert | postgresql.Insert:
    changed = {name: values[name] for name in ("spec", "updated_at")}
    key = ["account_id", "model"]
    if work.session.get_bind().dialect.name == "sqlite":
        return (
            sqlite.insert(PriceOverride)
            .values(**values)
            .on_conflict_do_update(index_elements=key, set_=changed)
        )
    return (
        postgresql.insert(PriceOverride)
        .values(**values)
        .on_conflict_do_update(index_elements=key, set_=changed)
    )
