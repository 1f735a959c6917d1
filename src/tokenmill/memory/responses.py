"""Keeps responses that their callers asked to be stored, sealed and for a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import Database
from tokenmill.store.tables import ResponseRow

LARGEST = 32 * 2**20
"""Bytes of one response, sealed; more than any request body brings but for inline media."""
LONGEST_THREAD = 1_000
"""Responses in one conversation, one after another."""
LARGEST_THREAD = 64 * 2**20
"""Bytes of all items of one conversation; as much as a request may bring by itself."""
_SWEPT_AT_ONCE = 500

log = structlog.get_logger()


class StoredResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One response: its own input items as the caller wrote them, its output items, and how it was given.

    Items and `response` are JSON.
    """

    id: str
    account_id: AccountId
    previous_id: str | None
    created_at: datetime
    input: tuple[bytes, ...]
    output: tuple[bytes, ...]
    response: bytes


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed."""

    input: tuple[bytes, ...]
    output: tuple[bytes, ...]
    response: bytes


_content = msgspec.msgpack.Decoder(_Content)


class StoredResponses:
    """The responses of all accounts; each is found by its own account only."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        *,
        days: int,
        largest: int = LARGEST,
        longest_thread: int = LONGEST_THREAD,
    ) -> None:
        """`days` is how long a response is kept; 0 keeps none."""
        self._largest = largest
        self._longest_thread = longest_thread
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._days = days

    async def keep(self, stored: StoredResponse) -> bool:
        """Stores it; False where it is not kept: too large, or storage is switched off.

        Raises Fault(UNAVAILABLE).
        """
        if self._days <= 0:
            return False
        plain = msgspec.msgpack.encode(_Content(stored.input, stored.output, stored.response))
        sealed = self._sealer.seal(plain, _context(stored.account_id, stored.id))
        if len(sealed) > self._largest:
            return False
        async with self._database.write() as work:
            work.session.add(
                ResponseRow(
                    id=stored.id,
                    account_id=stored.account_id,
                    previous_id=stored.previous_id,
                    created_at=stored.created_at,
                    expires_at=stored.created_at + timedelta(days=self._days),
                    sealed=sealed,
                )
            )
        return True

    async def find(self, account: AccountId, response_id: str, field: str | None = None) -> StoredResponse:
        """The response. Raises Fault(NOT_FOUND), which blames `field`; another's is as absent as none."""
        async with self._database.read() as work:
            return await self._find(work.session, account, response_id, field)

    async def thread(self, account: AccountId, response_id: str) -> tuple[bytes, ...]:
        """Every item of the conversation up to this response and with it, the oldest first.

        Raises Fault(NOT_FOUND) that names the missing link, and BAD_VALUE for a conversation that has
        become too long to go on.
        """
        links: list[tuple[bytes, ...]] = []
        size = 0
        at: str | None = response_id
        async with self._database.read() as work:
            while at is not None:
                stored = await self._find(work.session, account, at, "previous_response_id")
                items = stored.input + stored.output
                size += sum(map(len, items))
                links.append(items)
                at = stored.previous_id
                if len(links) > self._longest_thread or size > LARGEST_THREAD:
                    raise Fault(
                        Code.BAD_VALUE,
                        "This stored conversation is too long to go on. Begin a new one, with what still "
                        "matters in its input.",
                        field="previous_response_id",
                    )
        return tuple(item for items in reversed(links) for item in items)

    async def forget(self, account: AccountId, response_id: str) -> None:
        """Deletes it; responses after it stay. Raises Fault(NOT_FOUND)."""
        async with self._database.write() as work:
            await self._find(work.session, account, response_id, None)
            await work.session.execute(delete(ResponseRow).where(ResponseRow.id == response_id))

    async def sweep(self) -> int:
        """Deletes what has expired, in small transactions; returns how many responses."""
        swept = 0
        while True:
            async with self._database.write() as work:
                expired = select(ResponseRow.id).where(ResponseRow.expires_at <= self._clock.now())
                ids = list(await work.session.scalars(expired.limit(_SWEPT_AT_ONCE)))
                await work.session.execute(delete(ResponseRow).where(ResponseRow.id.in_(ids)))
            swept += len(ids)
            if len(ids) < _SWEPT_AT_ONCE:
                return swept

    async def _find(
        self, session: AsyncSession, account: AccountId, response_id: str, field: str | None
    ) -> StoredResponse:
        row = await session.get(ResponseRow, response_id)
        if row is None or row.account_id != account or row.expires_at <= self._clock.now():
            raise _missing(response_id, field)
        plain = self._sealer.open(row.sealed, _context(account, response_id))
        if plain is None:
            log.error("a stored response does not open: was the secret replaced?", response=response_id)
            raise _missing(response_id, field)
        content = _content.decode(plain)
        return StoredResponse(
            id=row.id,
            account_id=account,
            previous_id=row.previous_id,
            created_at=row.created_at,
            input=content.input,
            output=content.output,
            response=content.response,
        )


def _context(account: AccountId, response_id: str) -> bytes:
    return f"{account} {response_id}".encode()


def _missing(response_id: str, field: str | None) -> Fault:
    shown = response_id if len(response_id) <= 100 and response_id.isprintable() else "with this id"
    return Fault(
        Code.NOT_FOUND,
        f"There is no stored response {shown}: it was not stored, has expired or was deleted. Send the whole "
        "conversation as input instead.",
        field=field,
    )
