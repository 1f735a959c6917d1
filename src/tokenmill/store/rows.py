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

    `draft` is the usage row, in JSON, as it would be if the node died now; `input_fresh` is what the
    prompt is taken to be until it is counted.
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
    """What was set aside; None when too little was free, and `free` says how much of each purse was."""

    granted: int | None
    free: tuple[int, ...]


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """Ends a hold: charges `cost` to its purses, posts it, and writes the usage row, in one transaction.

    `charged` names the ledger account that earns the cost and `unpaid` the one that bears what the purses
    cannot. `row` is complete but for its shortfall.
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


class RunningCount(msgspec.Struct, frozen=True):
    """What a running exchange has used so far."""

    id: ExchangeId
    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the key check has to know about a key; `models` None means every model."""

    id: KeyId
    account_id: AccountId
    kind: KeyKind
    name: str
    models: frozenset[ModelId] | None
    expires_at: datetime | None
    disabled_at: datetime | None
    deleted_at: datetime | None
    account_disabled_at: datetime | None


class Change(msgspec.Struct, frozen=True):
    """A row of `changes`: `key` of `kind` (`key`, `account`, `catalog`) is not what it was."""

    id: int
    kind: str
    key: str
