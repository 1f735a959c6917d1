"""Builds what runs beside requests: deliveries, reminders, renewals, sums and retention."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from tokenmill.billing.renewals import lapse_leftovers, renew_due
from tokenmill.catalog.live import LiveCatalogue
from tokenmill.jobs import reminders, retention, rollups, tasks
from tokenmill.jobs.deliveries import Deliveries
from tokenmill.jobs.leases import Leases
from tokenmill.jobs.reminders import Reminders
from tokenmill.jobs.sweeps import sweeping
from tokenmill.jobs.tasks import TaskRunner
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.kit.sealing import Sealer
from tokenmill.notify.mail import SmtpMailer, SmtpServer
from tokenmill.notify.webhooks import WebhookSender
from tokenmill.ports import Mailer
from tokenmill.settings import Mail, Settings, read_password
from tokenmill.store.database import Database

RENEW_EVERY: Final = 60.0
"""Seconds between two looks for subscriptions that are over."""
_LEASE: Final = 2.5
"""How many rounds a lease lasts: whoever has it keeps it, and a dead node's job waits no longer than that."""


@asynccontextmanager
async def jobs_running(
    settings: Settings,
    database: Database,
    clock: Clock,
    *,
    node: str,
    catalogue: LiveCatalogue,
    secrets: Sequence[bytes],
    webhooks: Sealer,
    public_url: str,
) -> AsyncIterator[None]:
    """Every job that a node does by itself or by lease, until the block is left.

    `secrets` are the platform's, the one in force first. Raises Fault(MISCONFIGURED) for a mail password
    that cannot be read.
    """
    deliveries = Deliveries(
        database=database,
        clock=clock,
        mailer=_mailer(settings.mail),
        poster=WebhookSender(loopback=settings.webhooks.loopback),
        webhooks=webhooks,
        secrets=secrets,
        public_url=public_url,
    )
    reminding = Reminders(database, clock, catalogue)
    usage_days = settings.retention.usage_days

    async def renew() -> None:
        await renew_due(database, clock)
        async with database.write() as work:
            await lapse_leftovers(work, clock)

    async def sum_up() -> None:
        await rollups.roll_up(database, clock, usage_days=usage_days)

    async def take_away() -> None:
        await retention.take_away(database, clock, usage_days=usage_days)

    by_lease: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
        "renewals": (RENEW_EVERY, renew),
        "reminders": (reminders.EVERY, reminding.remind),
        "retirements": (reminders.RETIRING_EVERY, reminding.remind_of_retirements),
        "rollups": (rollups.EVERY, sum_up),
        "retention": (retention.EVERY, take_away),
    }
    leases = Leases(database, clock, node)
    async with AsyncExitStack() as held:
        held.push_async_callback(_give_back, leases)
        runner = await held.enter_async_context(TaskRunner(database, clock, node, deliveries.chores()))
        await held.enter_async_context(sweeping("tasks", tasks.EVERY, runner.run_due))
        for name, (every, job) in by_lease.items():
            guarded = leases.guarded(name, every * _LEASE, job)
            await held.enter_async_context(sweeping(name, every, guarded))
        yield


async def _give_back(leases: Leases) -> None:
    with suppress(Fault):  # A database that is away: they run out.
        await leases.give_back()


def _mailer(mail: Mail) -> Mailer | None:
    if not mail.host:
        return None
    return SmtpMailer(
        SmtpServer(
            host=mail.host,
            port=mail.port,
            sender=mail.sender,
            user=mail.user,
            password=read_password(mail.password, os.environ) if mail.password else "",
            starttls=mail.starttls,
        )
    )
