"""What people and their programs hear of, from a whole platform."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, update

from tests.flow.conftest import Opener
from tests.flow.test_chat import HELLO
from tests.receivers import hook, letterbox
from tokenmill.accounts.preferences import set_webhook
from tokenmill.billing.offers import seed_plans
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.sealing import Sealer
from tokenmill.store.tables import Account
from tokenmill.store.work_tables import Lease
from tokenmill.testing import ScriptedEngine, TestPlatform

CLOCK = SystemClock()


async def until(arrived: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not arrived():  # noqa: ASYNC110  (the receivers are other people's servers)
            await asyncio.sleep(0.05)


async def with_plan(platform: TestPlatform, hook_url: str, secret: bytes) -> str:
    """A webhook on this machine, and a plan as a gift; the webhook's secret."""
    async with platform.database.write() as work:
        sealer = Sealer(secret, purpose="webhooks")
        signs = await set_webhook(work, sealer, platform.account_id, "https://hooks.example.com/")
        await work.session.execute(update(Account).values(webhook_url=hook_url))
        await seed_plans(work, CLOCK)
        await grant_subscription(work, CLOCK, account_id=platform.account_id, plan_id="lite")
    assert signs is not None
    return signs


async def test_a_gift_is_told_by_mail_and_webhook(database_url: str, platform_with: Opener) -> None:
    """Without anybody asking: the jobs run inside the server."""
    async with letterbox() as box, hook() as receiver:
        environ = {
            "TOKENMILL__MAIL__HOST": "127.0.0.1",
            "TOKENMILL__MAIL__PORT": str(box.port),
            "TOKENMILL__MAIL__FROM": "Mill <mill@example.com>",
            "TOKENMILL__MAIL__STARTTLS": "false",
            "TOKENMILL__WEBHOOKS__LOOPBACK": "true",
            "TOKENMILL__SERVER__PUBLIC_URL": "https://mill.example",
        }
        platform = await platform_with(ScriptedEngine(HELLO), environ=environ, database_url=database_url)
        reference = platform.settings.security.secret.removeprefix("file:")
        secret = Path(reference).read_bytes().strip()
        await with_plan(platform, receiver.url, secret)
        await until(lambda: bool(box.letters and receiver.posted))

        (letter,) = box.letters
        assert "dev@example.com" == letter["to"]
        assert "You have been given the Token Plan lite" in letter["subject"]
        assert "https://mill.example/console/" in letter.get_content()
        told = json.loads(receiver.posted[0].body)
        assert ("plan.granted", platform.account_id) == (told["type"], told["data"]["account"])

    async with platform.database.read() as view:
        leases = set(await view.session.scalars(select(Lease.name)))
    assert {"renewals", "reminders", "retirements", "rollups", "retention"} == leases
