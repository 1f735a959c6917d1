"""Limits: what models allow, who has limits of their own, who is near theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from fastapi import APIRouter
from sqlalchemy import func, select

from tokenmill.accounts.accounts import limits_of
from tokenmill.admin.caller import Desk, Operator
from tokenmill.admin.shapes import Moment, Shown
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.store.database import ReadWork
from tokenmill.store.rows import RateLimits
from tokenmill.store.tables import Account, Key, Usage

router = APIRouter(prefix="/operator/limits", tags=["operator: accounts"])

_MINUTE: Final = timedelta(minutes=1)
_NEAR: Final = 0.5
_MOST: Final = 500
_SHOWN: Final = 50


class ModelLimits(Shown):
    """What one account may do with one model in a minute, where it has no limits of its own."""

    model: str
    rpm: int
    tpm: int


class OwnLimits(Shown):
    """Limits of an account, or of one of its keys; null leaves it to the next wider limit."""

    kind: Literal["account", "key"]
    account_id: str
    email: str
    key_id: str | None
    name: str
    rpm: int | None
    tpm: int | None
    concurrency: int | None


class Near(Shown):
    """What an account has done with a model within the last minute, beside what it may.

    Counted from the exchanges that have ended; requests that were refused are not among them.
    """

    account_id: str
    email: str
    model: str
    requests: int
    rpm: int
    tokens: int
    tpm: int


class LimitsShown(Shown):
    """`near` has used half of a limit or more, who is closest first; `own` is cut after 500 of each kind."""

    at: Moment
    models: list[ModelLimits]
    own: list[OwnLimits]
    near: list[Near]


@router.get("")
async def limits(_: Operator, desk: Desk) -> LimitsShown:
    """All of it; ask again every few seconds."""
    now = desk.clock.now()
    catalogue = desk.catalogue()
    async with desk.database.read() as work:
        own = [*await _accounts(work), *await _keys(work)]
        near = await _near(work, catalogue, now - _MINUTE)
    return LimitsShown(
        at=now,
        models=[
            ModelLimits(model=each.id, rpm=each.limits.rpm, tpm=each.limits.tpm)
            for each in catalogue.models(now)
        ],
        own=own,
        near=near,
    )


async def _accounts(work: ReadWork) -> list[OwnLimits]:
    query = select(Account).where(Account.limits.is_not(None), Account.deleted_at.is_(None))
    rows = await work.session.scalars(query.order_by(Account.email).limit(_MOST))
    return [_own("account", row, None, "", limits_of(row.limits)) for row in rows]


async def _keys(work: ReadWork) -> list[OwnLimits]:
    query = (
        select(Key, Account)
        .join(Account, Account.id == Key.account_id)
        .where(Key.limits.is_not(None), Key.deleted_at.is_(None))
    )
    rows = await work.session.execute(query.order_by(Account.email, Key.name).limit(_MOST))
    return [_own("key", owner, key.id, key.name, limits_of(key.limits)) for key, owner in rows]


def _own(
    kind: Literal["account", "key"], owner: Account, key_id: str | None, name: str, found: RateLimits
) -> OwnLimits:
    return OwnLimits(
        kind=kind,
        account_id=owner.id,
        email=owner.email,
        key_id=key_id,
        name=name,
        rpm=found.rpm,
        tpm=found.tpm,
        concurrency=found.concurrency,
    )


async def _near(work: ReadWork, catalogue: Catalogue, since: Moment) -> list[Near]:
    tokens = Usage.input_fresh + Usage.input_cached + Usage.input_written + Usage.output
    query = (
        select(Usage.model, Account, func.count(), func.sum(tokens))
        .join(Account, Account.id == Usage.account_id)
        .where(Usage.started_at >= since)
        .group_by(Usage.model, Account.id)
    )
    offered = {model.id: model.limits for model in catalogue.models()}
    found = []
    for model, owner, requests, used in await work.session.execute(query):
        if model not in offered:
            continue
        own = limits_of(owner.limits)
        found.append(
            Near(
                account_id=owner.id,
                email=owner.email,
                model=model,
                requests=requests,
                rpm=own.rpm or offered[model].rpm,
                tokens=int(used or 0),
                tpm=own.tpm or offered[model].tpm,
            )
        )
    near = [each for each in found if _used(each) >= _NEAR]
    return sorted(near, key=_used, reverse=True)[:_SHOWN]


def _used(near: Near) -> float:
    return max(near.requests / near.rpm, near.tokens / near.tpm)
