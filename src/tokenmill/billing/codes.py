"""Makes codes that put money into a wallet once, redeems them, and takes them out of use."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import CursorResult, or_, select, update

from tokenmill.billing.ledger import Side, look_into, open_purse, post, wallet_of
from tokenmill.billing.wallet import MOST_AT_ONCE
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, sortable
from tokenmill.kit.money import CURRENCIES, Nano
from tokenmill.kit.secrets import keyed_hash
from tokenmill.store.database import ReadWork, UnitOfWork
from tokenmill.store.ledger_tables import RedeemCode
from tokenmill.store.tables import Account

MOST_IN_A_BATCH = 10_000

# Crockford's base 32: no I, L, O, U, which people misread.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHANCE = 18  # 90 bits: nobody finds one by guessing.
_SUM = 2
_GROUP = 5
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


Reason = Literal["code_used", "code_expired", "code_disabled", "code_unknown", "code_currency"]


class UnusableCode(Fault):
    """A code that brings nothing, and for what reason."""

    def __init__(self, reason: Reason, code: Code, message: str) -> None:
        super().__init__(code, message, field="code")
        self.reason = reason


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A code as lists show it; the code itself is not kept."""

    id: str
    batch: str
    shown: str
    amount: Nano
    currency: str
    created_at: datetime
    expires_at: datetime | None
    disabled_at: datetime | None
    redeemed_at: datetime | None
    redeemed_by: AccountId | None


class Redeemed(msgspec.Struct, frozen=True, kw_only=True):
    """What a code brought, and the balance since."""

    amount: Nano
    balance: Nano
    currency: str


async def create_codes(
    work: UnitOfWork,
    clock: Clock,
    secret: bytes,
    *,
    amount: Nano,
    currency: str,
    count: int = 1,
    expires_at: datetime | None = None,
) -> tuple[str, list[str]]:
    """A batch of new codes, whole for the only time; its id comes first.

    The database keeps their hashes under `secret`. Raises Fault(BAD_VALUE).
    """
    if currency not in CURRENCIES:
        raise Fault(Code.BAD_VALUE, f"Use one of {', '.join(CURRENCIES)}.", field="currency")
    if not 0 < amount <= MOST_AT_ONCE:
        raise Fault(Code.BAD_VALUE, "Give an amount above 0, and of at most a billion.", field="amount")
    if not 1 <= count <= MOST_IN_A_BATCH:
        raise Fault(Code.BAD_VALUE, f"A batch has 1 to {MOST_IN_A_BATCH} codes.", field="count")
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise Fault(Code.BAD_VALUE, f"{rfc3339(expires_at)} is over already.", field="expires_at")
    batch = sortable("batch")
    codes = [_new_code() for _ in range(count)]
    ids = sorted(sortable("code") for _ in codes)  # Lists show them in the order they are given out in.
    work.session.add_all(
        RedeemCode(
            id=code_id,
            batch=batch,
            hash=keyed_hash(secret, _normal(code)),
            shown=f"{code[:5]}…{code[-2:]}",
            amount=amount,
            currency=currency,
            created_at=now,
            expires_at=expires_at,
            disabled_at=None,
            redeemed_at=None,
            redeemed_by=None,
        )
        for code_id, code in zip(ids, codes, strict=True)
    )
    await work.session.flush()
    return batch, codes


async def redeem(
    work: UnitOfWork, clock: Clock, hashed_under: Sequence[bytes], *, account_id: AccountId, code: str
) -> Redeemed:
    """Puts the code's money into the wallet; the first account to do so has it.

    `hashed_under` are the platform's secrets, the present one first. Raises Fault: BAD_VALUE for what no
    code looks like and for another currency, NOT_FOUND for an unknown code, CONFLICT for one that was
    redeemed, is out of use, or has expired.
    """
    if not looks_like_code(code):
        raise UnusableCode(
            "code_unknown", Code.BAD_VALUE, "This is not a code. It looks like ABCDE-12345-FGHJK-67890."
        )
    row = await _find(work, hashed_under, _normal(code))
    account = await work.session.get(Account, account_id)
    if account is None:
        raise Fault(Code.NOT_FOUND, f"There is no account {account_id}.", field="account")
    now = clock.now()
    _refuse_dead(row, now)
    if row.currency != account.currency:
        raise UnusableCode(
            "code_currency",
            Code.BAD_VALUE,
            f"This code is for a wallet in {row.currency}, and yours is in {account.currency}.",
        )
    taken = await work.session.execute(
        update(RedeemCode)
        .where(
            RedeemCode.id == row.id,
            RedeemCode.redeemed_at.is_(None),
            RedeemCode.disabled_at.is_(None),
            or_(RedeemCode.expires_at.is_(None), RedeemCode.expires_at > now),
        )
        .values(redeemed_at=now, redeemed_by=account_id)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(taken, CursorResult)
    if not taken.rowcount:
        raise _used()
    purse = wallet_of(account_id)
    await open_purse(work, purse, row.currency)
    await post(
        work,
        clock,
        source=f"code:{row.id}",
        kind="code",
        account_id=account_id,
        postings=[
            Side("platform/redeemed", row.currency, -row.amount),
            Side(purse, row.currency, row.amount),
        ],
        memo={"code": row.shown, "batch": row.batch},
    )
    balance = Nano((await look_into(work, purse)).balance)
    return Redeemed(amount=Nano(row.amount), balance=balance, currency=row.currency)


async def list_codes(
    work: ReadWork | UnitOfWork, *, batch: str | None = None, after: str = "", limit: int = 1000
) -> list[CodeView]:
    """Codes of one batch, or of all, the oldest first; `after` is the last id of the page before."""
    query = select(RedeemCode).where(RedeemCode.id > after).order_by(RedeemCode.id).limit(limit)
    if batch is not None:
        query = query.where(RedeemCode.batch == batch)
    return [_view(row) for row in await work.session.scalars(query)]


async def disable_codes(work: UnitOfWork, clock: Clock, batch_or_id: str) -> int:
    """Takes a batch, or one code by its id, out of use; how many could still have been redeemed.

    Raises Fault(NOT_FOUND) for an id that names neither.
    """
    named = or_(RedeemCode.batch == batch_or_id, RedeemCode.id == batch_or_id)
    if await work.session.scalar(select(RedeemCode.id).where(named).limit(1)) is None:
        raise Fault(
            Code.NOT_FOUND,
            "There is no batch and no code of this id. See `tokenmill codes list`.",
            field="id",
        )
    disabled = await work.session.execute(
        update(RedeemCode)
        .where(named, RedeemCode.redeemed_at.is_(None), RedeemCode.disabled_at.is_(None))
        .values(disabled_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(disabled, CursorResult)
    return disabled.rowcount


def looks_like_code(text: str) -> bool:
    """Could this be a code, by its length, letters and checksum?"""
    code = _normal(text)
    return (
        len(code) == _CHANCE + _SUM
        and all(letter in _ALPHABET for letter in code)
        and code[_CHANCE:] == _checksum(code[:_CHANCE])
    )


def _new_code() -> str:
    chance = "".join(secrets.choice(_ALPHABET) for _ in range(_CHANCE))
    code = chance + _checksum(chance)
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def _checksum(chance: str) -> str:
    value = zlib.crc32(chance.encode())
    return _ALPHABET[value & 31] + _ALPHABET[value >> 5 & 31]


def _normal(text: str) -> str:
    """As it is hashed: what people write in its place is read as what was meant."""
    return text.strip().upper().translate(_READ_AS)


async def _find(work: UnitOfWork, hashed_under: Sequence[bytes], code: str) -> RedeemCode:
    digests = [keyed_hash(secret, code) for secret in hashed_under]
    row = (await work.session.scalars(select(RedeemCode).where(RedeemCode.hash.in_(digests)))).first()
    if row is None:
        raise UnusableCode("code_unknown", Code.NOT_FOUND, "This code is not known here.")
    row.hash = digests[0]  # Once an old secret is dropped, its codes are still known to be used.
    return row


def _refuse_dead(row: RedeemCode, now: datetime) -> None:
    if row.redeemed_at is not None:
        raise _used()
    if row.disabled_at is not None:
        message = "This code is out of use. Ask whoever gave it to you."
        raise UnusableCode("code_disabled", Code.CONFLICT, message)
    if row.expires_at is not None and row.expires_at <= now:
        raise UnusableCode("code_expired", Code.CONFLICT, f"This code expired at {rfc3339(row.expires_at)}.")


def _used() -> UnusableCode:
    return UnusableCode("code_used", Code.CONFLICT, "This code has been redeemed already.")


def _view(row: RedeemCode) -> CodeView:
    return CodeView(
        id=row.id,
        batch=row.batch,
        shown=row.shown,
        amount=Nano(row.amount),
        currency=row.currency,
        created_at=row.created_at,
        expires_at=row.expires_at,
        disabled_at=row.disabled_at,
        redeemed_at=row.redeemed_at,
        redeemed_by=None if row.redeemed_by is None else AccountId(row.redeemed_by),
    )
