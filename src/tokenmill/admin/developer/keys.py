"""The keys of the caller's account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from tokenmill.accounts.caps import spent
from tokenmill.accounts.keys import (
    KEEP,
    KeyView,
    change_key,
    create_key,
    delete_key,
    disable_key,
    enable_key,
    find_key,
    list_keys,
    reset_key,
)
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Caller, ConfirmedOwner, Desk, Member
from tokenmill.admin.key_usage import KeyUse, uses_of
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Amount, AmountAsked, Asked, Done, Everything, Line, Moment, Shown
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import KeyId
from tokenmill.kit.money import Nano
from tokenmill.kit.secrets import KeyKind
from tokenmill.store.rows import RateLimits

router = APIRouter(tags=["keys"])

_RECENT = timedelta(days=30)


class Rates(Asked):
    """Requests and tokens a minute, requests at once; null leaves it to the account's limits."""

    rpm: int | None = Field(default=None, ge=1, le=10**12)
    tpm: int | None = Field(default=None, ge=1, le=10**12)
    concurrency: int | None = Field(default=None, ge=1, le=10**6)

    def limits(self) -> RateLimits:
        """As the floors below have them."""
        return RateLimits(rpm=self.rpm, tpm=self.tpm, concurrency=self.concurrency)


class RatesShown(Shown):
    rpm: int | None
    tpm: int | None
    concurrency: int | None


class KeyAsked(Asked):
    """A new pay-as-you-go key; only the name is needed. `cap` is what it may spend in all."""

    name: Line
    expires_at: Moment | None = None
    models: list[Line] | None = Field(default=None, max_length=200)
    cap: AmountAsked | None = None
    addresses: list[Line] | None = Field(default=None, max_length=64)
    limits: Rates = Rates()


class KeyChange(Asked):
    """What is left out stays as it is; null takes a limit away."""

    name: Line | None = None
    expires_at: Moment | None = None
    models: list[Line] | None = Field(default=None, max_length=200)
    cap: AmountAsked | None = None
    addresses: list[Line] | None = Field(default=None, max_length=64)
    limits: Rates | None = None


class Recent(Shown):
    """What the key was used for in the last 30 days; `client` is the tool seen last."""

    requests: int
    cost: Amount
    client: str


class KeyShown(Shown):
    """A key; `spent` counts towards its cap. `stopped`: disabled by an operator, who alone can enable it."""

    id: str
    kind: KeyKind
    name: str
    shown: str
    state: Literal["active", "disabled", "expired"]
    created_at: Moment
    expires_at: Moment | None
    disabled_at: Moment | None
    stopped: bool
    last_used_at: Moment | None
    models: list[str] | None
    cap: Amount | None
    spent: Amount
    addresses: list[str] | None
    limits: RatesShown
    subscription_id: str | None
    recent: Recent


class KeyMade(Shown):
    """`secret` is the key, whole for the only time."""

    secret: str
    key: KeyShown


@router.get("/keys")
async def keys(caller: Member, desk: Desk) -> Everything[KeyShown]:
    """The account's keys that are not deleted, the newest first."""
    async with desk.database.read() as work:
        views = await list_keys(work, caller.account_id)
        ids = [view.id for view in views]
        used = await uses_of(work, ids, desk.clock.now() - _RECENT)
        sums = await spent(work, ids, caller.who.currency)
    return Everything(data=[_shown(desk, view, sums[view.id], used.get(view.id)) for view in reversed(views)])


@router.post("/keys", status_code=201)
async def make_key(asked: KeyAsked, caller: Member, desk: Desk) -> KeyMade:
    """Make a key."""
    async with acting(desk, caller, "key.create") as act:
        whole, view = await create_key(
            act.work,
            desk.clock,
            desk.secret,
            account_id=caller.account_id,
            name=asked.name,
            expires_at=asked.expires_at,
            models=None if asked.models is None else _ids(desk, asked.models),
            cap=asked.cap,
            addresses=asked.addresses,
            limits=asked.limits.limits(),
        )
        act.on(view.id, name=view.name, key=view.shown)
    return KeyMade(secret=whole, key=_shown(desk, view, Nano(0), None))


@router.get("/keys/{key_id}")
async def key(key_id: str, caller: Member, desk: Desk) -> KeyShown:
    """One key."""
    return await _look(desk, caller, key_id)


@router.patch("/keys/{key_id}")
async def change(key_id: str, asked: KeyChange, caller: Member, desk: Desk) -> KeyShown:
    """Rename a key, or change its limits; running nodes follow within a second."""
    given = asked.model_fields_set
    if "name" in given and asked.name is None:
        raise Fault(Code.BAD_VALUE, "A key has a name.", field="name")
    async with acting(desk, caller, "key.change") as act:
        before = await find_key(act.work, key_id, caller.account_id)
        models = None if asked.models is None else _ids(desk, asked.models, before.models or ())
        await change_key(
            act.work,
            desk.clock,
            key_id,
            account_id=caller.account_id,
            name=asked.name or KEEP,
            expires_at=asked.expires_at if "expires_at" in given else KEEP,
            models=models if "models" in given else KEEP,
            cap=asked.cap if "cap" in given else KEEP,
            addresses=asked.addresses if "addresses" in given else KEEP,
            limits=KEEP if "limits" not in given else (asked.limits or Rates()).limits(),
        )
        act.on(key_id, changed=", ".join(sorted(given)))
    return await _look(desk, caller, key_id)


@router.post("/keys/{key_id}/disable")
async def disable(key_id: str, caller: Member, desk: Desk) -> KeyShown:
    """Stop a key until further notice; running nodes refuse it within a second."""
    async with acting(desk, caller, "key.disable") as act:
        await disable_key(act.work, desk.clock, key_id, caller.account_id)
        act.on(key_id)
    return await _look(desk, caller, key_id)


@router.post("/keys/{key_id}/enable")
async def enable(key_id: str, caller: Member, desk: Desk) -> KeyShown:
    """Undo disabling; what an operator disabled is refused."""
    async with acting(desk, caller, "key.enable") as act:
        await enable_key(act.work, key_id, caller.account_id)
        act.on(key_id)
    return await _look(desk, caller, key_id)


@router.post("/keys/{key_id}/reset", status_code=201)
async def reset(key_id: str, caller: ConfirmedOwner, desk: Desk) -> KeyMade:
    """Replace the secret: the old key is dead for ever on every node within a second."""
    async with acting(desk, caller, "key.reset") as act:
        whole, view = await reset_key(act.work, desk.clock, desk.secret, key_id, account_id=caller.account_id)
        act.on(key_id, new=view.id, key=view.shown)
    return KeyMade(secret=whole, key=_shown(desk, view, Nano(0), None))


@router.delete("/keys/{key_id}")
async def delete(key_id: str, caller: Member, desk: Desk) -> Done:
    """Stop a key for ever; its usage keeps its name."""
    async with acting(desk, caller, "key.delete") as act:
        view = await delete_key(act.work, desk.clock, key_id, caller.account_id)
        act.on(key_id, name=view.name)
    return Done()


def _ids(desk: Services, names: Sequence[str], held: Collection[str] = ()) -> list[str]:
    """The models of these names; those that the key has already may have left the catalogue since."""
    catalogue, now = desk.catalogue(), desk.clock.now()
    return [name if name in held else catalogue.id_of(name, now) for name in names]


async def _look(desk: Services, caller: Caller, key_id: str) -> KeyShown:
    async with desk.database.read() as work:
        view = await find_key(work, key_id, caller.account_id)
        used = await uses_of(work, [view.id], desk.clock.now() - _RECENT)
        sums = await spent(work, [KeyId(key_id)], caller.who.currency)
    return _shown(desk, view, sums[view.id], used.get(view.id))


def _shown(desk: Services, view: KeyView, used_up: Nano, use: KeyUse | None) -> KeyShown:
    expired = view.expires_at is not None and view.expires_at <= desk.clock.now()
    state: Literal["active", "disabled", "expired"] = "expired" if expired else "active"
    return KeyShown(
        id=view.id,
        kind=view.kind,
        name=view.name,
        shown=view.shown,
        state="disabled" if view.disabled_at is not None else state,
        created_at=view.created_at,
        expires_at=view.expires_at,
        disabled_at=view.disabled_at,
        stopped=view.stopped,
        last_used_at=view.last_used_at if use is None else use.last_at,
        models=None if view.models is None else list(view.models),
        cap=view.cap,
        spent=used_up,
        addresses=None if view.addresses is None else list(view.addresses),
        limits=RatesShown.of(view.limits),
        subscription_id=view.subscription_id,
        recent=Recent(
            requests=0 if use is None else use.requests,
            cost=0 if use is None else use.cost,
            client="" if use is None else use.client,
        ),
    )
