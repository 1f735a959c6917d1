"""Makes an account's keys, lists them and ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId, sortable
from tokenmill.kit.secrets import KeyKind, keyed_hash, new_key
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.tables import Account, Key

_LONGEST_NAME = 100


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as lists show it: `shown` is `sk-AbCd…wxyz`, the secret itself is not kept."""

    id: KeyId
    account_id: AccountId
    kind: KeyKind
    name: str
    shown: str
    created_at: datetime
    expires_at: datetime | None
    disabled_at: datetime | None
    deleted_at: datetime | None
    models: tuple[ModelId, ...] | None


async def create_key(
    work: UnitOfWork,
    clock: Clock,
    secret: bytes,
    *,
    account_id: AccountId,
    name: str,
    kind: KeyKind = "sk",
    expires_at: datetime | None = None,
    models: Sequence[ModelId] | None = None,
) -> tuple[str, KeyView]:
    """A new key, whole, for the only time; the database keeps its hash under `secret`.

    `models` None allows every model. Raises Fault(BAD_VALUE) for a name that cannot be.
    """
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Fault(
            Code.BAD_VALUE,
            f"A key's name must have 1 to {_LONGEST_NAME} printable characters; lists show it.",
            field="name",
        )
    whole = new_key(kind)
    row = Key(
        id=sortable("key"),
        account_id=account_id,
        kind=kind,
        name=name,
        prefix=whole[:7],
        last4=whole[-4:],
        hash=keyed_hash(secret, whole),
        created_at=clock.now(),
        expires_at=expires_at,
        disabled_at=None,
        deleted_at=None,
        models=None if models is None else list(models),
        last_used_at=None,
    )
    work.session.add(row)
    await work.session.flush()
    await work.changed("key", row.id)
    return whole, _view(row)


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


async def disable_key(work: UnitOfWork, clock: Clock, key_id: str) -> KeyView:
    """Stops the key until further notice; disabling it twice keeps the first time."""
    row = await _live(work, key_id)
    row.disabled_at = row.disabled_at or clock.now()
    await work.changed("key", row.id)
    return _view(row)


async def delete_key(work: UnitOfWork, clock: Clock, key_id: str) -> KeyView:
    """Stops the key for ever. Its row stays, so that usage made with it keeps a name."""
    row = await _live(work, key_id)
    row.deleted_at = clock.now()
    await work.changed("key", row.id)
    return _view(row)


async def account_emails(work: ReadWork | UnitOfWork) -> dict[AccountId, str]:
    """The address of every account, to name the owners in a list of keys."""
    rows = await work.session.execute(select(Account.id, Account.email))
    return {AccountId(account_id): email for account_id, email in rows}


async def _live(work: UnitOfWork, key_id: str) -> Key:
    row = await work.session.get(Key, key_id)
    if row is None or row.deleted_at is not None:
        raise Fault(
            Code.NOT_FOUND,
            f"There is no key with the id {_shortened(key_id)}. See `tokenmill keys list`.",
            field="id",
        )
    return row


def _shortened(key_id: str) -> str:
    """Whoever passes the key itself instead of its id must not find it in a log."""
    return f"{key_id[:7]}…" if key_id[:3] in ("sk-", "tp-") else repr(key_id)


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
        deleted_at=row.deleted_at,
        models=None if row.models is None else tuple(map(ModelId, row.models)),
    )
