"""Keeps subscriptions and the prices of single accounts in memory, so that admission need not wait."""

from __future__ import annotations

from collections import OrderedDict

import msgspec
from sqlalchemy import select

from tokenmill.billing.plans import decode_plan
from tokenmill.billing.terms import Subscribed
from tokenmill.catalog.entries import Credits, Currency, Model, Price
from tokenmill.catalog.prices import Override
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import Database
from tokenmill.store.ledger_tables import PriceOverride
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.rows import Change

KEPT = 10_000
"""Subscriptions in memory; each takes about 2 KiB."""


class LiveBooks:
    """Subscribe `take` to the change feed, then `renew` once."""

    def __init__(self, database: Database, *, kept: int = KEPT) -> None:
        self._database = database
        self._kept = kept
        self._subscriptions: OrderedDict[str, Subscribed] = OrderedDict()
        self._overrides: dict[tuple[str, str], Override] = {}
        self._changes = 0

    async def subscription(self, subscription_id: str) -> Subscribed | None:
        """The subscription as the last change left it; None when there is none of this id."""
        known = self._subscriptions.get(subscription_id)
        if known is not None:
            return known
        before = self._changes
        async with self._database.read() as work:
            row = await work.session.get(Subscription, subscription_id)
        if row is None:
            return None
        read = Subscribed(
            id=row.id,
            account_id=AccountId(row.account_id),
            plan=decode_plan(row.spec),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            active=row.state == "active",
            renews=row.renews,
        )
        if before == self._changes:  # Else what was read may be what the change has ended.
            self._subscriptions[read.id] = read
            if len(self._subscriptions) > self._kept:
                self._subscriptions.popitem(last=False)
        return read

    async def successor(self, subscription_id: str) -> Subscribed | None:
        """The running subscription that has taken over the keys of this one; None when none has."""
        successor = select(Subscription.id).where(
            Subscription.previous_id == subscription_id, Subscription.state == "active"
        )
        async with self._database.read() as work:
            found = await work.session.scalar(successor)
        return None if found is None else await self.subscription(found)

    def rates(
        self, account: AccountId, model: Model, currency: Currency
    ) -> tuple[Price | None, Credits | None]:
        """What `model` costs this account, in `currency` and in credits; None: not for sale."""
        override = self._overrides.get((account, model.id), _NONE)
        price = None if override.price is None else override.price.of(currency)
        return price or model.price.of(currency), override.credits or model.credits

    async def take(self, change: Change) -> None:
        """Forgets or reads anew what the change concerns."""
        match change.kind:
            case "subscription":
                self._changes += 1
                self._subscriptions.pop(change.key, None)
            case "price_override":
                await self.renew()
            case _:
                pass

    async def renew(self) -> None:
        """Reads all overrides; there are few."""
        async with self._database.read() as work:
            columns = (PriceOverride.account_id, PriceOverride.model, PriceOverride.spec)
            rows = (await work.session.execute(select(*columns))).all()
        self._overrides = {
            (account, model): msgspec.json.decode(spec, type=Override) for account, model, spec in rows
        }


_NONE = Override()
