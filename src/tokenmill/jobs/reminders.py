"""Finds out what accounts are to be reminded of: what runs low, what renews, ends or retires."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import literal, or_, select, update

from tokenmill.billing.plans import MILLI
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model
from tokenmill.conversation.parts import Value
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import Database, ReadWork
from tokenmill.store.ledger_tables import Purse, Rollup
from tokenmill.store.outbox import announce
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account
from tokenmill.store.work_tables import Event

T = TypeVar("T")
Payload = dict[str, str | int | None]

EVERY: Final = 60.0
RETIRING_EVERY: Final = 3600.0
"""Seconds between two looks; who used which model is known by the day."""

USED_UP: Final = ((999, 100), (900, 90), (500, 50))
"""From so many permille on it is said that so many percent are used.

The last thousandth may be too little for a request, and then it is never used.
"""
RENEWS: Final = timedelta(days=5)
ENDS: Final = timedelta(days=2)
RETIRES: Final = timedelta(days=14)
USED_WITHIN: Final = timedelta(days=30)
_PAGE: Final = 200
_LOW: Final = "wallet.low:"


class Reminder(Value, frozen=True):
    """What is to be said, once for each `key`."""

    kind: str
    account_id: str
    payload: Payload
    key: str


class Reminders:
    """Says each thing once, however many nodes look and however often."""

    def __init__(self, database: Database, clock: Clock, catalogue: Callable[[], Catalogue]) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue

    async def remind(self) -> int:
        """Plans and wallets; how many reminders were new."""
        await self._forget_low()
        now = self._clock.now()
        async with self._database.read() as view:
            found = [each async for each in _of_plans(view, now)]
            found += [each async for each in _of_wallets(view)]
        return await self._say(found)

    async def remind_of_retirements(self) -> int:
        """Models that retire soon, to whoever has used them lately; how many reminders were new."""
        now = self._clock.now()
        found: list[Reminder] = []
        async with self._database.read() as view:
            for model in self._catalogue().models(now):
                if model.retires_at is not None and model.retires_at - RETIRES <= now:
                    found += [each async for each in _of_model(view, model, model.retires_at, now)]
        return await self._say(found)

    async def _say(self, found: Sequence[Reminder]) -> int:
        said = 0
        for page in _pages(found):
            keys = [each.key for each in page]
            async with self._database.read() as view:  # Most were said before; that takes no writer's turn.
                known = set(
                    await view.session.scalars(select(Event.dedupe_key).where(Event.dedupe_key.in_(keys)))
                )
            new = [each for each in page if each.key not in known]
            if not new:
                continue
            async with self._database.write() as work:
                for each in new:
                    account = AccountId(each.account_id)
                    said += await announce(work, self._clock, each.kind, account, each.payload, each.key)
        return said

    async def _forget_low(self) -> None:
        """A balance that is enough again may run low again: what was said of the last time frees its key."""
        query = (
            select(Event.id, Event.dedupe_key)
            .join(Account, Event.dedupe_key == literal(_LOW) + Account.id)
            .join(Purse, Purse.id == literal("wallet/") + Account.id)
            .where(or_(Account.low_balance.is_(None), Purse.balance >= Account.low_balance))
        )
        async with self._database.read() as view:
            enough = (await view.session.execute(query)).all()
        for page in _pages(enough):
            async with self._database.write() as work:
                for event_id, key in page:
                    freed = update(Event).where(Event.id == event_id)
                    await work.session.execute(freed.values(dedupe_key=f"{key}:{event_id}"))


async def _of_plans(view: ReadWork, now: datetime) -> AsyncIterator[Reminder]:
    """Of every running subscription that is half used, or soon over."""
    half_used = Purse.balance <= Subscription.credits // 2
    query = (
        select(Subscription, Purse.balance)
        .join(Purse, Purse.id == literal("credits/") + Subscription.id)
        .join(Account, Account.id == Subscription.account_id)
        .where(Subscription.state == "active", Subscription.ends_at > now)
        .where(or_(half_used, Subscription.ends_at <= now + RENEWS))
        .where(Account.disabled_at.is_(None), Account.deleted_at.is_(None))
    )
    for row, balance in await view.session.execute(query):
        used = row.credits - balance
        percent = next((said for permille, said in USED_UP if used * 1000 >= row.credits * permille), None)
        if percent is not None:
            more: Payload = {
                "percent": percent,
                "used": str(used // MILLI),
                "credits": str(row.credits // MILLI),
            }
            yield _of_plan(row, "plan.usage", more, f":{percent}")
        if row.renews:
            if row.ends_at - RENEWS <= now:
                yield _of_plan(row, "plan.renews_soon", {"next_plan": row.next_plan_id or row.plan_id})
        elif row.ends_at.date() == now.date():
            yield _of_plan(row, "plan.ends_today", {})
        elif row.ends_at - ENDS <= now:
            yield _of_plan(row, "plan.ends_soon", {})


def _of_plan(row: Subscription, kind: str, more: Payload, which: str = "") -> Reminder:
    told: Payload = {
        "subscription": row.id,
        "plan": row.plan_id,
        "ends_at": rfc3339(row.ends_at),
    }
    return Reminder(kind, row.account_id, told | more, f"{kind}:{row.id}{which}")


async def _of_wallets(view: ReadWork) -> AsyncIterator[Reminder]:
    query = (
        select(Account.id, Account.currency, Account.low_balance, Purse.balance)
        .join(Purse, Purse.id == literal("wallet/") + Account.id)
        .where(Account.low_balance.is_not(None), Purse.balance < Account.low_balance)
        .where(Account.disabled_at.is_(None), Account.deleted_at.is_(None))
    )
    for account, currency, threshold, balance in await view.session.execute(query):
        payload: Payload = {
            "balance": show(Nano(balance)),
            "threshold": show(Nano(threshold or 0)),
            "currency": currency,
        }
        yield Reminder("wallet.low", account, payload, f"{_LOW}{account}")


async def _of_model(
    view: ReadWork, model: Model, retires_at: datetime, now: datetime
) -> AsyncIterator[Reminder]:
    since = (now - USED_WITHIN).date().isoformat()
    query = (
        select(Rollup.account_id)
        .join(Account, Account.id == Rollup.account_id)
        .where(Rollup.model == model.id, Rollup.day >= since, Account.deleted_at.is_(None))
        .where(Account.disabled_at.is_(None))
        .distinct()
    )
    for account in await view.session.scalars(query):
        payload: Payload = {
            "model": model.id,
            "retires_at": rfc3339(retires_at),
            "successor": model.successor,
        }
        key = f"model.retires:{model.id}:{rfc3339(retires_at)}:{account}"
        yield Reminder("model.retires", account, payload, key)


def _pages(items: Sequence[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        yield page
