"""Builds what lets exchanges begin and ends them: purses, rate windows, node leases, payments."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tokenmill.api.health import Probe
from tokenmill.exchange.admission import Admission
from tokenmill.exchange.books import LiveBooks
from tokenmill.exchange.settlement import COUNT_EVERY, RETRY_EVERY, Settlements
from tokenmill.jobs.nodes import Nodes, node_lease
from tokenmill.jobs.orphans import EVERY as ORPHANS_EVERY
from tokenmill.jobs.orphans import OrphanSweep
from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.limits.limiter import Limiter
from tokenmill.limits.local import LocalLimiter
from tokenmill.ports import Payments
from tokenmill.settings import Payments as PaymentSettings
from tokenmill.settings import read_password
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import Database
from tokenmill.store.hot import HotStore


@dataclass(frozen=True, slots=True)
class Money:
    """What lets exchanges begin, what ends them, and as which node."""

    admission: Admission
    settlements: Settlements
    node: str


@asynccontextmanager
async def money_running(
    database: Database, hot: HotStore, feed: ChangeFeed, limiter: Limiter, clock: Clock, data: Path
) -> AsyncIterator[Money]:
    """This node's lease, and the sweeps that settle what it or others left open."""
    async with AsyncExitStack() as held:
        settlements = Settlements(hot, clock)
        node = await held.enter_async_context(node_lease(database, clock, data, settlements.void))
        books = LiveBooks(database)
        feed.subscribe(books.take)
        await books.renew()
        orphans = OrphanSweep(database, hot, Nodes(database, clock), clock)
        held.push_async_callback(settlements.give_up)
        await held.enter_async_context(sweeping("running counts", COUNT_EVERY, settlements.write_counts))
        await held.enter_async_context(sweeping("late settlements", RETRY_EVERY, settlements.settle_late))
        await held.enter_async_context(sweeping("orphans", ORPHANS_EVERY, orphans.sweep))
        admission = Admission(
            books=books,
            purses=hot,
            settlements=settlements,
            limiter=limiter,
            node=node,
            clock=clock,
        )
        yield Money(admission, settlements, node)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where rate windows are kept, and what tells whether all nodes share them."""

    limiter: Limiter
    probes: dict[str, Probe]


@asynccontextmanager
async def limits_kept(url: str, clock: Clock) -> AsyncIterator[Limits]:
    """In this process, or where `url` says, for all nodes."""
    if not url:
        yield Limits(LocalLimiter(clock), {})
        return
    from tokenmill.limits.scripts import SCRIPTS  # Only who shares windows pays for the client's memory.
    from tokenmill.limits.shared import RENEW_EVERY, SharedLimiter
    from tokenmill.limits.valkey import ValkeyLink

    async with ValkeyLink(url, SCRIPTS) as link:
        limiter = SharedLimiter(link, LocalLimiter(clock))
        async with sweeping("places in shared windows", RENEW_EVERY, limiter.renew):
            yield Limits(limiter, {"cache": link.probe})


def payment_provider(settings: PaymentSettings) -> Payments | None:
    """Who takes payments, if anybody. Raises Fault(MISCONFIGURED) for a provider without its secrets."""
    if settings.provider == "none":
        return None
    from tokenmill.billing.stripe import StripePayments  # An extra, which few install.

    if not settings.api_key or not settings.webhook_secret:
        raise Fault(
            Code.MISCONFIGURED,
            "[payments] provider is stripe, which needs api_key and webhook_secret (env:NAME or file:PATH).",
        )
    return StripePayments(
        read_password(settings.api_key, os.environ), read_password(settings.webhook_secret, os.environ)
    )
