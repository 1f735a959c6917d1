"""Gives the hot path's rows as frozen values."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId, TargetId
from tokenmill.kit.secrets import KeyKind

Status = Literal["answered", "failed", "cancelled"]
Quality = Literal["reported", "counted", "recovered", "suspect", "none"]
HoldState = Literal["settled", "released", "recovered"]


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as it was metered; a row of `usage`, field for field.

    `started_at` is aware; `duration_ms` and `first_ms` count from there. Token
    counts are disjoint, but for `output_reasoning`, which is part of `output`.
    `quality` says where they come from: `reported` by the upstream, `counted`
    here, `recovered` (counted by a node that died), `suspect` (reported as
    nothing although text passed), `none`. `cost` and `shortfall` are in nano-units
    of a currency or in milli-credits, as `unit` says; `tariff` is a
    `billing.pricing.Tariff` in JSON.
    """

    id: ExchangeId
    account_id: AccountId
    key_id: KeyId
    model: ModelId
    target: TargetId | Literal[""]
    upstream_model: str
    protocol: str
    stream: bool
    started_at: datetime
    duration_ms: int
    first_ms: int | None
    status: Status
    http_status: int
    stop: str | None
    fault: str | None
    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int
    quality: Quality
    client: str
    request_id: str
    drops: str = "[]"
    subscription_id: str = ""
    searches: int = 0
    unit: str = ""
    cost: int = 0
    shortfall: int = 0
    tariff: str = ""


class PurseAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A purse that a hold draws on; one that is not there yet opens with `opens_with`, if that is given."""

    id: str
    opens_with: int | None = None
    expires_at: datetime | None = None


class HoldAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Sets aside up to `want` in every one of `purses` at once, or nothing where less than `least` is free.

    The first purse is a ledger account, the others are limits; none at all make a hold of an exchange
    that costs nothing. `draft` is the usage row, in JSON, as it would be if the node died now;
    `input_fresh` is what the prompt is taken to be until it is counted.
    """

    id: ExchangeId
    account_id: AccountId
    purses: tuple[PurseAsked, ...]
    unit: str
    want: int
    least: int
    node: str
    at: datetime
    draft: str
    input_fresh: int = 0


class HoldAnswer(msgspec.Struct, frozen=True):
    """What was set aside; None when too little was free.

    `free` says how much of each purse was, and `balances` how much there is with what running exchanges
    have set aside. An id that is held already answers with what it was given then, one that is settled
    with None, and both with neither `free` nor `balances`.
    """

    granted: int | None
    free: tuple[int, ...] = ()
    balances: tuple[int, ...] = ()

    def could_pay(self, amount: int) -> bool:
        """Would every purse have so much, if running exchanges used nothing of what they set aside?"""
        return bool(self.balances) and min(self.balances) >= amount


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """Enlarges a running hold of `held` by up to `want` in all its purses, unless less than `least` is free.

    `held` is what the asker knows it to be, so that a repeated growth does not grow it twice.
    """

    id: ExchangeId
    held: int
    want: int
    least: int


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """Ends a hold: charges `cost` to its purses, posts it, and writes the usage row, in one transaction.

    `purses` are those of the hold, in its order. `charged` names the ledger account that earns the cost
    and `unpaid` the one that bears what the purses cannot. `row` is complete but for its shortfall.
    """

    id: ExchangeId
    account_id: AccountId
    purses: tuple[str, ...]
    unit: str
    cost: int
    charged: str
    unpaid: str
    state: HoldState
    at: datetime
    row: UsageRow


class Settled(msgspec.Struct, frozen=True):
    """What a settlement took, and what nobody paid; `first` is false when it had been settled before."""

    taken: int
    shortfall: int
    first: bool = True


class RunningCount(msgspec.Struct, frozen=True, array_like=True):
    """What a running exchange has used so far."""

    id: ExchangeId
    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int
    searches: int = 0


class RunningHold(msgspec.Struct, frozen=True):
    """A hold that nobody has settled yet, with its last counts and the draft of its usage row."""

    id: ExchangeId
    account_id: AccountId
    purses: tuple[str, ...]
    amount: int
    node: str
    created_at: datetime
    draft: str
    count: RunningCount


class RateLimits(msgspec.Struct, frozen=True, omit_defaults=True):
    """Requests and tokens a minute, and requests at once; None leaves it to the next wider limit."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the key check has to know about a key and its account.

    `models` and `addresses` (IP networks) None allow all; `cap` is in nano-units of `currency`; both
    limits are JSON text, as their tables keep them.
    """

    id: KeyId
    account_id: AccountId
    kind: KeyKind
    name: str
    models: frozenset[ModelId] | None
    expires_at: datetime | None
    disabled_at: datetime | None
    deleted_at: datetime | None
    subscription_id: str | None = None
    cap: int | None = None
    addresses: tuple[str, ...] | None = None
    limits: str | None = None
    currency: Literal["USD", "CNY"]
    account_disabled_at: datetime | None
    account_deleted_at: datetime | None = None
    account_limits: str | None = None
    unbilled: bool = False
    vault: bool = True
    web_search: bool = False


class Change(msgspec.Struct, frozen=True):
    """A row of `changes`: `key` of `kind` (`key`, `account`, `catalog`) is not what it was."""

    id: int
    kind: str
    key: str
