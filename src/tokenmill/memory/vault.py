"""Keeps the reasoning of turns that called tools, sealed and for a time, for clients that drop it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import islice
from typing import Final

import msgspec
import structlog
from sqlalchemy import delete, func, insert, select

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.kit.sealing import Sealer
from tokenmill.memory.remembered import CallKey, Recent, Remembered, Story, Thought, is_of
from tokenmill.store.database import Database, UnitOfWork
from tokenmill.store.rows import Change
from tokenmill.store.vault_tables import VaultCall, VaultTurn

MEBI: Final = 2**20
AT_HAND: Final = 64 * MEBI
"""Bytes of the memory in front of the database."""
MOST_WAITING: Final = 32 * MEBI
"""Bytes that wait for a database that is away; beyond, the oldest are given up."""
MOST_READ: Final = 16 * MEBI
"""Bytes of the newest turns that a request reads from the database; more would hold up others."""
READ_SECONDS: Final = 2.0
"""How long a request waits for the database; then it goes on without."""
SWEEP_EVERY: Final = 300.0
"""Seconds; an account may be over its bound by what it brings in so long."""

_PURPOSE: Final = "vault"
_CHANGE: Final = "vault"
_WRITTEN_AT_ONCE: Final = 200
_BYTES_AT_ONCE: Final = 4 * MEBI
_CALLS_AT_ONCE: Final = 2_000
_ASKED_AT_ONCE: Final = 500
_SWEPT_AT_ONCE: Final = 500
_CALL_BYTES: Final = 100
_STOP_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0

log = structlog.get_logger()


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed."""

    before: Story
    calls: tuple[CallKey, ...]
    thoughts: tuple[Thought, ...]


_content = msgspec.msgpack.Decoder(_Content)


class Vault:
    """The remembered turns of all accounts; each is found by its own account only."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secrets: Sequence[bytes],
        *,
        days: int,
        max_mb_per_account: int,
        at_hand: int = AT_HAND,
        most_waiting: int = MOST_WAITING,
        most_read: int = MOST_READ,
    ) -> None:
        """`secrets` are the platform's, the one in force first; what was sealed under the others still opens.

        `days` is how long a turn is kept; the oldest of an account go when it has more than its bound.
        """
        self._database = database
        self._clock = clock
        self._sealer = Sealer(secrets[0], secrets[1:], purpose=_PURPOSE)
        label = b"tokenmill vault calls"
        self._labels = [hmac.digest(known, label, hashlib.sha256) for known in secrets]
        self._kept_for = timedelta(days=days)
        self._most_each = max_mb_per_account * MEBI
        self._recent = Recent(at_hand)
        self._waiting: deque[Remembered] = deque()
        self._waiting_size = 0
        self._most_waiting = most_waiting
        self._most_read = most_read
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def keep(self, turn: Remembered) -> None:
        """Remembers it from now on; it is written down soon, by the task of `running`."""
        self._recent.add(turn)
        self._waiting.append(turn)
        self._waiting_size += turn.size
        while self._waiting_size > self._most_waiting:
            self._waiting_size -= self._waiting.popleft().size
            log.error("remembered reasoning is given up: the database has been away for too long")
        self._wake.set()

    def at_hand(self, account: AccountId, calls: Collection[CallKey]) -> list[Remembered]:
        """What the memory knows of these calls, without asking the database."""
        oldest = self._clock.now() - self._kept_for
        return [turn for turn in self._recent.of(account, calls) if turn.created_at > oldest]

    async def find(self, account: AccountId, calls: Collection[CallKey]) -> list[Remembered]:
        """What is known of these calls at all. Raises Fault(UNAVAILABLE) and TimeoutError."""
        found: dict[str, Remembered] = {}
        async with asyncio.timeout(READ_SECONDS):
            for some in _in_pieces(list(calls), max(_ASKED_AT_ONCE // len(self._labels), 1)):
                for turn in await self._read(account, some):
                    found[turn.id] = turn
        for turn in found.values():
            self._recent.add(turn)
        for turn in self.at_hand(account, calls):  # What is not written yet is here only.
            found[turn.id] = turn
        return list(found.values())

    def take(self, change: Change) -> None:
        """Takes note of what was deleted, on whatever node."""
        if change.kind != _CHANGE:
            return
        account, _, key = change.key.partition(" ")
        whose = (AccountId(account), KeyId(key) if key else None)
        self._recent.forget(*whose)
        self._waiting = deque(turn for turn in self._waiting if not is_of(turn, *whose))
        self._waiting_size = sum(turn.size for turn in self._waiting)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes what is kept until the block is left, and then what is still waiting."""
        task = asyncio.create_task(self._write_on(), name="vault")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.write()
            except (Fault, TimeoutError):
                log.error("remembered reasoning could not be written", turns=len(self._waiting))

    async def write(self) -> None:
        """Writes what is waiting. Raises Fault(UNAVAILABLE); what was not written goes on waiting."""
        async with self._writing:
            while self._waiting:
                batch = next_batch(self._waiting)
                try:
                    await self._insert(batch)
                except Fault:
                    raise
                except Exception:
                    log.exception("remembered reasoning is refused by the database", turns=len(batch))
                self._done(batch)

    async def sweep(self) -> int:
        """Deletes what has expired or is too much, in small transactions; returns how many turns."""
        swept = 0
        expired = select(VaultTurn.id).where(VaultTurn.expires_at <= self._clock.now()).limit(_SWEPT_AT_ONCE)
        while some := await self._delete(expired):
            swept += some
        async with self._database.read() as view:
            total = func.sum(VaultTurn.size)
            over = select(VaultTurn.account_id).group_by(VaultTurn.account_id)
            accounts = list(await view.session.scalars(over.having(total > self._most_each)))
        for account in accounts:
            newer = func.sum(VaultTurn.size).over(order_by=VaultTurn.id.desc())
            sums = select(VaultTurn.id, newer.label("sum")).where(VaultTurn.account_id == account).subquery()
            oldest = select(sums.c.id).where(sums.c.sum > self._most_each).order_by(sums.c.id)
            while some := await self._delete(oldest.limit(_SWEPT_AT_ONCE)):
                swept += some
        return swept

    async def _write_on(self) -> None:
        failing = False
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.write()
                failing = False
            except Fault as fault:
                if not failing:  # One line for a database that is away for an hour.
                    log.warning("remembered reasoning waits for the database", fault=fault.code.value)
                failing = True
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()

    def _done(self, batch: list[Remembered]) -> None:
        written = {turn.id for turn in batch}
        while self._waiting and self._waiting[0].id in written:
            self._waiting_size -= self._waiting.popleft().size

    async def _insert(self, batch: list[Remembered]) -> None:
        turns: list[dict[str, object]] = []
        calls: list[dict[str, object]] = []
        for turn in batch:
            plain = msgspec.msgpack.encode(_Content(turn.before, turn.calls, turn.thoughts))
            sealed = self._sealer.seal(plain, _context(turn.account_id, turn.id))
            keys = set(turn.calls)
            turns.append(
                {
                    "id": turn.id,
                    "account_id": turn.account_id,
                    "key_id": turn.key_id,
                    "created_at": turn.created_at,
                    "expires_at": turn.created_at + self._kept_for,
                    "size": len(sealed) + len(keys) * _CALL_BYTES,
                    "sealed": sealed,
                }
            )
            calls += [
                {"digest": self._digest(turn.account_id, key, self._labels[0]), "turn_id": turn.id}
                for key in keys
            ]
        async with self._database.write() as work:
            await work.session.execute(insert(VaultTurn), turns)
            await work.session.execute(insert(VaultCall), calls)

    async def _read(self, account: AccountId, calls: Sequence[CallKey]) -> list[Remembered]:
        digests = [self._digest(account, call, label) for call in calls for label in self._labels]
        newer = func.sum(VaultTurn.size).over(order_by=VaultTurn.id.desc())
        sums = (
            select(VaultTurn.id, newer.label("sum"))
            .where(
                VaultTurn.id.in_(select(VaultCall.turn_id).where(VaultCall.digest.in_(digests))),
                VaultTurn.account_id == account,
                VaultTurn.expires_at > self._clock.now(),
            )
            .subquery()
        )
        wanted = (
            select(VaultTurn)
            .join(sums, VaultTurn.id == sums.c.id)
            .where(sums.c.sum <= self._most_read)
            .order_by(VaultTurn.id.desc())
            .limit(2 * _ASKED_AT_ONCE)
        )
        async with self._database.read() as view:
            rows = list(await view.session.scalars(wanted))
        return [turn for turn in map(self._opened, rows) if turn is not None]

    def _opened(self, row: VaultTurn) -> Remembered | None:
        account = AccountId(row.account_id)
        plain = self._sealer.open(row.sealed, _context(account, row.id))
        if plain is None:
            log.error("remembered reasoning does not open: was the secret replaced?", turn=row.id)
            return None
        content = _content.decode(plain)
        return Remembered(
            id=row.id,
            account_id=account,
            key_id=KeyId(row.key_id),
            created_at=row.created_at,
            before=content.before,
            calls=content.calls,
            thoughts=content.thoughts,
        )

    def _digest(self, account: AccountId, call: CallKey, label: bytes) -> bytes:
        return hmac.digest(label, account.encode() + b" " + call, hashlib.sha256)

    async def _delete(self, ids: object) -> int:
        async with self._database.write() as work:
            found = list(await work.session.scalars(ids))  # type: ignore[call-overload]  # A query of ids.
            await work.session.execute(delete(VaultTurn).where(VaultTurn.id.in_(found)))
        return len(found)


def next_batch(waiting: Iterable[Remembered]) -> list[Remembered]:
    """What is written next, the oldest first: one turn or more, but so little that nobody waits long."""
    batch: list[Remembered] = []
    size = calls = 0
    for turn in islice(waiting, _WRITTEN_AT_ONCE):
        size, calls = size + turn.size, calls + len(turn.calls)
        if batch and (size > _BYTES_AT_ONCE or calls > _CALLS_AT_ONCE):
            break
        batch.append(turn)
    return batch


async def forget_account(work: UnitOfWork, account: AccountId) -> None:
    """Deletes everything remembered for the account; every node forgets it within a second."""
    await work.session.execute(delete(VaultTurn).where(VaultTurn.account_id == account))
    await work.changed(_CHANGE, account)


async def forget_key(work: UnitOfWork, account: AccountId, key: KeyId) -> None:
    """Deletes what was remembered of requests with this key of the account."""
    mine = delete(VaultTurn).where(VaultTurn.account_id == account, VaultTurn.key_id == key)
    await work.session.execute(mine)
    await work.changed(_CHANGE, f"{account} {key}")


def _context(account: AccountId, turn_id: str) -> bytes:
    return f"{account} {turn_id}".encode()


def _in_pieces(calls: list[CallKey], most: int) -> Iterator[list[CallKey]]:
    for at in range(0, len(calls), most):
        yield calls[at : at + most]
