"""Gives the hot path's rows as frozen values."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId, TargetId
from tokenmill.kit.secrets import KeyKind

Status = Literal["answered", "failed", "cancelled"]
Quality = Literal["reported", "counted", "suspect", "none"]


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as it was metered; a row of `usage`, field for field.

    `started_at` is aware; `duration_ms` and `first_ms` count from there. Token
    counts are disjoint, but for `output_reasoning`, which is part of `output`.
    `quality` says where they come from: `reported` by the upstream, `counted`
    here, `suspect` (reported as nothing although text passed), `none`.
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
