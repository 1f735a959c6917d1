"""Serves `/v1/usage`: what a key's account has left, and what its exchanges cost."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.billing.chain import active_row
from tokenmill.billing.ledger import CREDITS, credits_of, look_into, wallet_of
from tokenmill.billing.plans import Plan, decode_plan
from tokenmill.billing.receipts import ExchangeView, exchanges, find_exchange, shown_amount
from tokenmill.billing.windows import window_states
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import Database, ReadWork
from tokenmill.store.plan_tables import Subscription
from tokenmill.wire.members import bad_value

MOST_ON_A_PAGE = 100


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """Decimal strings; `available` is what running exchanges have not set aside."""

    unit: str
    balance: str
    available: str


class WindowOut(msgspec.Struct, frozen=True, kw_only=True):
    """A plan's extra limit, in credits, with the moment at which it is fresh again."""

    name: str
    limit: str
    left: str
    renews_at: datetime


class PlanOut(msgspec.Struct, frozen=True, kw_only=True):
    """The Token Plan of the key, in credits."""

    id: str
    name: str
    period: str
    starts_at: datetime
    ends_at: datetime
    renews: bool
    granted: str
    used: str
    left: str
    windows: tuple[WindowOut, ...]


class UsageOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, and the newest exchanges of this key; `has_more` says that older ones follow."""

    object: str = "usage"
    key: str
    currency: str
    wallet: Amount | None
    cap: Amount | None
    plan: PlanOut | None
    exchanges: list[ExchangeView]
    has_more: bool


class UsagePages:
    """Reading never costs anything."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def show(self, call: Call, caller: Caller) -> None:
        """`GET /v1/usage?limit=&before=`: a pay-as-you-go key sees the wallet, a Token Plan key its plan."""
        query = {name.decode(): values[-1].decode() for name, values in parse_qs(call.query).items()}
        limit = query.get("limit", "20")
        if not limit.isdecimal() or int(limit) > MOST_ON_A_PAGE:
            raise bad_value("limit", f"send a number from 0 to {MOST_ON_A_PAGE}")
        async with self._database.read() as work:
            newest = await exchanges(
                work,
                caller.account_id,
                key_id=caller.key_id,
                limit=int(limit) + 1,
                before=query.get("before"),
            )
            out = UsageOut(
                key=caller.name,
                currency=caller.currency,
                wallet=await self._wallet(work, caller),
                cap=await _cap(work, caller),
                plan=await self._plan(work, caller),
                exchanges=newest[: int(limit)],
                has_more=len(newest) > int(limit),
            )
        await call.respond(200, msgspec.json.encode(out))

    async def receipt(self, call: Call, caller: Caller, exchange_id: str) -> None:
        """`GET /v1/usage/{id}`: one exchange of this key, by its own id or that of its request."""
        async with self._database.read() as work:
            found = await find_exchange(work, caller.account_id, exchange_id, key_id=caller.key_id)
        if found is None:
            raise Fault(
                Code.NOT_FOUND,
                "This key has no such exchange. Use the id in the reply's x-tokenmill-exchange header, and "
                "the key that was used then; GET /v1/usage lists the newest.",
            )
        await call.respond(200, msgspec.json.encode(found))

    async def _wallet(self, work: ReadWork, caller: Caller) -> Amount | None:
        if caller.key_kind == "tp":
            return None  # A plan's key never spends money, and whoever has it need not know of any.
        return await _amount(work, wallet_of(caller.account_id), caller.currency)

    async def _plan(self, work: ReadWork, caller: Caller) -> PlanOut | None:
        if caller.key_kind == "sk":
            return None
        row = await active_row(work, caller.account_id)
        if row is None or row.id != caller.subscription_id:
            return None
        plan = decode_plan(row.spec)
        state = await look_into(work, credits_of(row.id))
        return PlanOut(
            id=plan.id,
            name=plan.name.en,
            period=row.period,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            renews=row.renews,
            granted=shown_amount(row.credits, CREDITS),
            used=shown_amount(row.credits - state.balance, CREDITS),
            left=shown_amount(state.balance, CREDITS),
            windows=await _windows(work, row, plan, self._clock.now()),
        )


async def _windows(work: ReadWork, row: Subscription, plan: Plan, now: datetime) -> tuple[WindowOut, ...]:
    return tuple(
        WindowOut(
            name=state.name,
            limit=shown_amount(state.limit, CREDITS),
            left=shown_amount(state.left, CREDITS),
            renews_at=state.renews_at,
        )
        for state in await window_states(work, row.id, plan, row.starts_at, now)
    )


async def _cap(work: ReadWork, caller: Caller) -> Amount | None:
    return await _amount(work, f"cap/{caller.key_id}", caller.currency) if caller.capped else None


async def _amount(work: ReadWork, purse: str, unit: str) -> Amount:
    state = await look_into(work, purse)
    return Amount(
        unit=unit, balance=shown_amount(state.balance, unit), available=shown_amount(state.free, unit)
    )
