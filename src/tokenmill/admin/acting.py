"""Runs an act that changes something, with its audit entry in the same transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tokenmill.accounts.audit import Actor, Detail, record
from tokenmill.admin.caller import Caller
from tokenmill.admin.services import Services
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import UnitOfWork


class Act:
    """An act that is under way; it has to say what it acted upon before it ends."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work
        self.subject: str | None = None
        self.details: dict[str, Detail] = {}

    def on(self, subject: str, **details: Detail) -> None:
        """Upon what, by its id, and what is worth knowing; never a secret."""
        self.subject = subject
        self.details = details


@asynccontextmanager
async def acting(
    desk: Services, caller: Caller, action: str, account_id: AccountId | None = None
) -> AsyncIterator[Act]:
    """A unit of work for `action` (`key.create`); `account_id` is whose thing it is, if not the caller's."""
    async with _acting(desk, caller.actor, action, account_id or caller.account_id) as act:
        yield act


@asynccontextmanager
async def acting_as(
    desk: Services, actor: Actor, action: str, account_id: AccountId | None = None
) -> AsyncIterator[Act]:
    """The same for who is not signed in yet."""
    async with _acting(desk, actor, action, account_id) as act:
        yield act


@asynccontextmanager
async def _acting(
    desk: Services, actor: Actor, action: str, account_id: AccountId | None
) -> AsyncIterator[Act]:
    async with desk.database.write() as work:
        act = Act(work)
        yield act
        assert act.subject is not None, action
        await record(work, desk.clock, actor, action, act.subject, account_id=account_id, details=act.details)
