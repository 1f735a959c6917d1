"""Makes an account's keys, changes them, lists them and ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Final, Literal

import msgspec
from sqlalchemy import select

from tokenmill.accounts.accounts import get_account, limits_of
from tokenmill.accounts.caps import set_cap, spent
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId, sortable
from tokenmill.kit.money import Nano
from tokenmill.kit.secrets import KeyKind, keyed_hash, new_key
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.rows import RateLimits
from tokenmill.store.tables import Account, Key

_LONGEST_NAME = 100
_MOST_ADDRESSES = 64
_MOST_CAP = 10**18
_MOST_KEYS = 1000
KEEP: Final = "keep"
"""What `change_key` is given for what stays as it is."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as lists show it: `shown` is `sk-AbCd…wxyz`, the secret itself is not kept.

    `cap` is in nano-units of the account's currency; `addresses` are IP networks. None does not limit.
    `stopped`: an operator disabled it, and only an operator may enable it.
    """

    id: KeyId
    account_id: AccountId
    kind: KeyKind
    name: str
    shown: str
    created_at: datetime
    expires_at: datetime | None
    disabled_at: datetime | None
    stopped: bool
    deleted_at: datetime | None
    models: tuple[ModelId, ...] | None
    subscription_id: str | None = None
    cap: Nano | None = None
    addresses: tuple[str, ...] | None = None
    limits: RateLimits = RateLimits()
    last_used_at: datetime | None = None


async def create_key(
    work: UnitOfWork,
    clock: Clock,
    secret: bytes,
    *,
    account_id: AccountId,
    name: str,
    kind: KeyKind = "sk",
    expires_at: datetime | None = None,
    models: Sequence[str] | None = None,
    cap: Nano | None = None,
    addresses: Sequence[str] | None = None,
    limits: RateLimits | None = None,
    subscription_id: str | None = None,
) -> tuple[str, KeyView]:
    """A new key, whole, for the only time; the database keeps its hash under `secret`.

    `models`, `cap` (nano-units of the account's currency, in all) and `addresses` (IP networks) None do not
    limit it. Raises Fault(BAD_VALUE) for what cannot be, Fault(CONFLICT) for a key too many.
    """
    account = await get_account(work, account_id)
    held = select(Key.id).where(Key.account_id == account_id, Key.deleted_at.is_(None)).limit(_MOST_KEYS)
    if len((await work.session.scalars(held)).all()) == _MOST_KEYS:
        raise Fault(Code.CONFLICT, f"An account has at most {_MOST_KEYS} keys. Delete some first.")
    whole = new_key(kind)
    row = Key(
        id=sortable("key"),
        account_id=account_id,
        kind=kind,
        name=_name(name),
        prefix=whole[:7],
        last4=whole[-4:],
        hash=keyed_hash(secret, whole),
        created_at=clock.now(),
        expires_at=_future(expires_at, clock),
        disabled_at=None,
        stopped=False,
        deleted_at=None,
        models=_models(models),
        last_used_at=None,
        subscription_id=subscription_id,
        cap=_cap(cap, kind),
        addresses=_networks(addresses),
        limits=_limits(limits),
    )
    work.session.add(row)
    await work.session.flush()
    if cap is not None:
        await set_cap(work, KeyId(row.id), cap, account.currency)
    await work.changed("key", row.id)
    return whole, _view(row)


async def change_key(
    work: UnitOfWork,
    clock: Clock,
    key_id: str,
    *,
    account_id: AccountId | None = None,
    name: str | Literal["keep"] = KEEP,
    expires_at: datetime | Literal["keep"] | None = KEEP,
    models: Sequence[str] | Literal["keep"] | None = KEEP,
    cap: Nano | Literal["keep"] | None = KEEP,
    addresses: Sequence[str] | Literal["keep"] | None = KEEP,
    limits: RateLimits | Literal["keep"] | None = KEEP,
) -> KeyView:
    """Changes what is not "keep"; None takes a limit away. Raises Fault as `create_key` does, and NOT_FOUND.

    A key that was called "keep" cannot be renamed to that.
    """
    row = await _live(work, key_id, account_id)
    if name != KEEP:
        row.name = _name(name)
    if expires_at != KEEP:
        row.expires_at = _future(expires_at, clock)
    if models != KEEP:
        row.models = _models(models)
    if addresses != KEEP:
        row.addresses = _networks(addresses)
    if limits != KEEP:
        row.limits = _limits(limits)
    if cap != KEEP:
        row.cap = _cap(cap, row.kind)
        if cap is not None:
            account = await work.session.get_one(Account, row.account_id)
            await set_cap(work, KeyId(row.id), cap, account.currency)
    await work.session.flush()
    await work.changed("key", row.id)
    return _view(row)


async def reset_key(
    work: UnitOfWork, clock: Clock, secret: bytes, key_id: str, *, account_id: AccountId | None = None
) -> tuple[str, KeyView]:
    """A new secret for what the key may do: the old key is dead for ever, the new one has another id.

    Of a cap it has what the old one left. Raises Fault(FORBIDDEN) for a key that an operator disabled.
    """
    old = await _live(work, key_id, account_id)
    must_not_be_stopped(old)
    cap = None
    if old.cap is not None:
        account = await work.session.get_one(Account, old.account_id)
        used = await spent(work, [KeyId(old.id)], account.currency)
        cap = Nano(max(1, old.cap - used[KeyId(old.id)]))
    old.deleted_at = clock.now()
    await work.session.flush()
    await work.changed("key", old.id)
    return await create_key(
        work,
        clock,
        secret,
        account_id=AccountId(old.account_id),
        name=old.name,
        kind=old.kind,
        expires_at=old.expires_at,
        models=old.models,
        cap=cap,
        addresses=old.addresses,
        limits=limits_of(old.limits),
        subscription_id=old.subscription_id,
    )


async def list_keys(
    work: ReadWork | UnitOfWork, account_id: AccountId | None = None, *, deleted: bool = False
) -> list[KeyView]:
    """The keys of one account, or all there are, the oldest first; deleted ones only if asked for."""
    query = select(Key).order_by(Key.id)
    if account_id is not None:
        query = query.where(Key.account_id == account_id)
    if not deleted:
        query = query.where(Key.deleted_at.is_(None))
    return [_view(row) for row in await work.session.scalars(query)]


async def find_key(work: ReadWork | UnitOfWork, key_id: str, account_id: AccountId | None = None) -> KeyView:
    """A key that is not deleted, of this account unless None. Raises Fault(NOT_FOUND)."""
    return _view(await _live(work, key_id, account_id))


async def disable_key(
    work: UnitOfWork,
    clock: Clock,
    key_id: str,
    account_id: AccountId | None = None,
    *,
    by_operator: bool = False,
) -> KeyView:
    """Stops the key until further notice; disabling it twice keeps the first time.

    What an operator has disabled stays so until an operator enables it, whatever the account's people do.
    """
    row = await _live(work, key_id, account_id)
    row.disabled_at = row.disabled_at or clock.now()
    row.stopped = row.stopped or by_operator
    await work.changed("key", row.id)
    return _view(row)


async def enable_key(
    work: UnitOfWork, key_id: str, account_id: AccountId | None = None, *, by_operator: bool = False
) -> KeyView:
    """Undoes `disable_key`. Raises Fault(FORBIDDEN) where an operator did that, and none undoes it."""
    row = await _live(work, key_id, account_id)
    if not by_operator:
        must_not_be_stopped(row)
    row.disabled_at = None
    row.stopped = False
    await work.changed("key", row.id)
    return _view(row)


async def delete_key(
    work: UnitOfWork, clock: Clock, key_id: str, account_id: AccountId | None = None
) -> KeyView:
    """Stops the key for ever. Its row stays, so that usage made with it keeps a name."""
    row = await _live(work, key_id, account_id)
    row.deleted_at = clock.now()
    await work.changed("key", row.id)
    return _view(row)


async def account_emails(work: ReadWork | UnitOfWork) -> dict[AccountId, str]:
    """The address of every account, to name the owners in a list of keys."""
    rows = await work.session.execute(select(Account.id, Account.email))
    return {AccountId(account_id): email for account_id, email in rows}


async def _live(work: ReadWork | UnitOfWork, key_id: str, account_id: AccountId | None) -> Key:
    row = await work.session.get(Key, key_id)
    if row is None or row.deleted_at is not None or account_id not in (None, row.account_id):
        raise Fault(
            Code.NOT_FOUND,
            f"There is no key with the id {_shortened(key_id)}. See `tokenmill keys list`.",
            field="id",
        )
    return row


def must_not_be_stopped(row: Key) -> None:
    """Raises Fault(FORBIDDEN) for a key that an operator disabled: its account cannot bring it back."""
    if row.stopped:
        raise Fault(
            Code.FORBIDDEN,
            "An operator of this platform has disabled this key, and only an operator can bring it back. "
            "Ask them, or use another key.",
            field="id",
        )


def _shortened(key_id: str) -> str:
    """Whoever passes the key itself instead of its id must not find it in a log."""
    return f"{key_id[:7]}…" if key_id[:3] in ("sk-", "tp-") else repr(key_id)


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Fault(
            Code.BAD_VALUE,
            f"A key's name must have 1 to {_LONGEST_NAME} printable characters; lists show it.",
            field="name",
        )
    return name


def _future(moment: datetime | None, clock: Clock) -> datetime | None:
    if moment is not None and moment <= clock.now():
        raise Fault(Code.BAD_VALUE, "A key's expiry must lie in the future.", field="expires_at")
    return moment


def _models(models: Sequence[str] | None) -> list[str] | None:
    if models is not None and not models:
        raise Fault(
            Code.BAD_VALUE, "Name at least one model, or leave the list out to allow all.", field="models"
        )
    return None if models is None else list(dict.fromkeys(models))


def _cap(cap: Nano | None, kind: KeyKind) -> Nano | None:
    if cap is not None and kind == "tp":
        raise Fault(Code.BAD_VALUE, "A Token Plan key spends credits and takes no cap of money.", field="cap")
    if cap is not None and not 0 < cap <= _MOST_CAP:
        raise Fault(Code.BAD_VALUE, "A cap is more than nothing; leave it out to have none.", field="cap")
    return cap


def _networks(addresses: Sequence[str] | None) -> list[str] | None:
    if addresses is None:
        return None
    if not 1 <= len(addresses) <= _MOST_ADDRESSES:
        raise Fault(
            Code.BAD_VALUE,
            f"Name 1 to {_MOST_ADDRESSES} addresses or networks, or leave the list out to allow all.",
            field="addresses",
        )
    try:
        return list(dict.fromkeys(str(ip_network(each.strip(), strict=False)) for each in addresses))
    except ValueError as error:
        raise Fault(
            Code.BAD_VALUE, f"{error}. Write addresses like 10.0.0.7 or 10.0.0.0/8.", field="addresses"
        ) from None


def _limits(limits: RateLimits | None) -> str | None:
    if limits is None or limits == RateLimits():
        return None
    if any(value is not None and value < 1 for value in msgspec.structs.astuple(limits)):
        raise Fault(Code.BAD_VALUE, "A limit is 1 or more; leave it out to have none.", field="limits")
    return msgspec.json.encode(limits).decode()


def _view(row: Key) -> KeyView:
    return KeyView(
        id=KeyId(row.id),
        account_id=AccountId(row.account_id),
        kind=row.kind,
        name=row.name,
        shown=f"{row.prefix}…{row.last4}",
        created_at=row.created_at,
        expires_at=row.expires_at,
        disabled_at=row.disabled_at,
        stopped=row.stopped,
        deleted_at=row.deleted_at,
        models=None if row.models is None else tuple(map(ModelId, row.models)),
        subscription_id=row.subscription_id,
        cap=None if row.cap is None else Nano(row.cap),
        addresses=None if row.addresses is None else tuple(row.addresses),
        limits=limits_of(row.limits),
        last_used_at=row.last_used_at,
    )
