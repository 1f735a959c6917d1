"""Slows down whoever guesses: passwords, codes, sign-ups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal

import msgspec
from sqlalchemy import delete, select, update

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import Database, ReadWork, UnitOfWork
from tokenmill.store.work_tables import SignInFailure

Kind = Literal["email", "address", "code", "reset", "sign-up", "provider"]
WINDOW: Final = timedelta(days=1)
"""Attempts are forgotten that long after the first of them."""


class Patience(msgspec.Struct, frozen=True):
    """So many attempts are free; after each further one there is a wait, twice as long as the last."""

    free: int
    first: int
    longest: int

    def wait(self, attempts: int) -> int | None:
        """Seconds to wait after so many attempts; None: there is no wait yet."""
        if attempts < self.free:
            return None
        return min(self.longest, self.first << min(attempts - self.free, 20))


PATIENCE: Final[Mapping[Kind, Patience]] = {
    "email": Patience(5, 30, 15 * 60),  # Not longer, since anybody can keep an owner out with it.
    "address": Patience(20, 30, 60 * 60),  # A whole office may share one.
    "code": Patience(5, 60, 60 * 60),
    "reset": Patience(3, 60, 60 * 60),
    "sign-up": Patience(5, 600, 60 * 60),
    "provider": Patience(20, 30, 15 * 60),  # Ways back from it that came to nothing.
}


class Subject(msgspec.Struct, frozen=True):
    """Who or what is slowed down."""

    kind: Kind
    name: str

    @property
    def key(self) -> str:
        """Its name in the database."""
        return f"{self.kind}:{self.name}"


def address_subjects(address: str, kind: Kind = "address") -> tuple[Subject, ...]:
    """The caller's IP address; of IPv6 the network, since everybody has 2^64 addresses there."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ()
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return (Subject(kind, str(ip_network(f"{parsed}/64", strict=False))),)
        parsed = parsed.ipv4_mapped
    return (Subject(kind, str(parsed)),)


class Throttle:
    """Counts attempts before they are made, so that a thousand at once are a thousand, not one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def admit(self, *subjects: Subject) -> None:
        """Counts an attempt of each. Raises Fault(RATE_LIMITED) while one of them has to wait."""
        async with self._database.read() as view:  # A flood of blocked attempts writes nothing.
            await self._rows(view, subjects)
        async with self._database.write() as work:
            rows = await self._rows(work, subjects)
            for subject in subjects:
                self._count(work, subject, rows.get(subject.key))

    async def forgive(self, work: UnitOfWork, *subjects: Subject) -> None:
        """The attempt was a good one. An address keeps what others of it did; the rest begin anew."""
        for subject in subjects:
            mine = SignInFailure.subject == subject.key
            if subject.kind == "address":
                one_less = update(SignInFailure).where(mine, SignInFailure.failures > 0)
                await work.session.execute(
                    one_less.values(failures=SignInFailure.failures - 1, blocked_until=None)
                )
            else:
                await work.session.execute(delete(SignInFailure).where(mine))

    async def sweep(self) -> None:
        """Forgets what is too old to count."""
        old = self._clock.now() - WINDOW - timedelta(hours=1)
        async with self._database.write() as work:
            await work.session.execute(delete(SignInFailure).where(SignInFailure.since < old))

    async def _rows(
        self, work: ReadWork | UnitOfWork, subjects: Sequence[Subject]
    ) -> dict[str, SignInFailure]:
        keys = [subject.key for subject in subjects]
        rows = await work.session.scalars(select(SignInFailure).where(SignInFailure.subject.in_(keys)))
        found = {row.subject: row for row in rows}
        waits = [row.blocked_until for row in found.values() if row.blocked_until is not None]
        now = self._clock.now()
        if waits and (longest := max(waits)) > now:
            raise _too_many(longest, now)
        return found

    def _count(self, work: UnitOfWork, subject: Subject, row: SignInFailure | None) -> None:
        now = self._clock.now()
        if row is None:
            row = SignInFailure(subject=subject.key, failures=0, since=now, blocked_until=None)
            work.session.add(row)
        elif now - row.since >= WINDOW:
            row.failures, row.since = 0, now
        row.failures += 1
        wait = PATIENCE[subject.kind].wait(row.failures)
        row.blocked_until = None if wait is None else now + timedelta(seconds=wait)


def _too_many(until: datetime, now: datetime) -> Fault:
    seconds = math.ceil((until - now).total_seconds())
    return Fault(
        Code.RATE_LIMITED, f"Too many attempts. Try again in {seconds} seconds.", retry_after=seconds
    )
