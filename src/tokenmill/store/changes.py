"""Tells a running node what other processes have changed in the database."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import structlog

from tokenmill.kit.faults import Fault
from tokenmill.store.rows import Change

Subscriber = Callable[[Change], Awaitable[None] | None]
POLL_SECONDS = 0.25
_PAGE = 1000

_log = structlog.get_logger(__name__)


class ChangeSource(Protocol):
    """The part of the hot store that the feed reads."""

    async def changes_since(self, last_id: int, limit: int) -> list[Change]:
        """The oldest `limit` changes after `last_id`, in order."""
        ...

    async def latest_change(self) -> int:
        """The id of the newest change; 0 when there is none."""
        ...


@dataclass(slots=True)
class _Subscription:
    subscriber: Subscriber
    name: str
    last: int
    failing: bool = False


class ChangeFeed:
    """Calls its subscribers with every change that is committed after the feed was opened, in order.

    Open the feed before filling a cache, so that no change falls between. A
    subscriber that fails gets the same change again at the next poll until it
    takes it (so it must bear repetition), and the others do not wait for it.

    Ids have to become visible in their order, else one that comes late would be missed. SQLite
    has one writer; on PostgreSQL a trigger lets one transaction at a time write changes.
    """

    def __init__(
        self, source: ChangeSource, *, every: float = POLL_SECONDS, bell: asyncio.Event | None = None
    ) -> None:
        """Looks `every` so many seconds, and at once when `bell` is set (`store.listening`)."""
        self._source = source
        self._every = every
        self._bell = bell or asyncio.Event()
        self._subscriptions: list[_Subscription] = []
        self._seen = 0
        self._failing = False

    async def __aenter__(self) -> Self:
        self._seen = await self._source.latest_change()
        self._polling = asyncio.create_task(self._poll(), name="change-feed")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._polling.cancel()
        await asyncio.wait([self._polling])

    def subscribe(self, subscriber: Subscriber) -> None:
        """From now on `subscriber` is called with each change."""
        name = getattr(subscriber, "__qualname__", type(subscriber).__qualname__)
        self._subscriptions.append(_Subscription(subscriber, name, self._seen))

    async def catch_up(self) -> None:
        """Reads what is new and passes it on; a failure to read is raised."""
        listening = list(self._subscriptions)
        first = min((subscription.last for subscription in listening), default=self._seen)
        while changes := await self._source.changes_since(first, _PAGE):
            first = changes[-1].id
            self._seen = max(self._seen, first)
            # Who failed here gets no later page, else the change would be skipped.
            listening = [each for each in listening if await self._deliver(each, changes)]

    async def _deliver(self, subscription: _Subscription, changes: list[Change]) -> bool:
        for change in changes:
            if change.id <= subscription.last:
                continue
            try:
                called = subscription.subscriber(change)
                if inspect.isawaitable(called):
                    await called
            except Exception:
                if not subscription.failing:
                    _log.exception(
                        "a change could not be applied; trying again", subscriber=subscription.name
                    )
                subscription.failing = True
                return False
            subscription.last = change.id
            subscription.failing = False
        return True

    async def _poll(self) -> None:
        while True:
            self._bell.clear()  # Before looking: what comes while we look rings for the next time.
            try:
                await self.catch_up()
                self._failing = False
            except Exception as error:
                if not self._failing:
                    expected = isinstance(error, Fault)  # The database is away: that needs no traceback.
                    _log.error(
                        "changes cannot be read; trying again", reason=str(error), exc_info=not expected
                    )
                self._failing = True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._bell.wait()
