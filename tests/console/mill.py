"""One platform for the console's tests: two people, a plan, keys, and some traffic."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import aiohttp
from sqlalchemy import update

from tests.clients import model
from tests.flow.admin_client import browser
from tests.flow.upstreams import Answer, ScriptedUpstream, listening
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.passwords import hash_password
from tokenmill.billing.ledger import Side, post, wallet_of
from tokenmill.billing.offers import seed_plans
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.money import parse
from tokenmill.store.tables import User
from tokenmill.testing import EMAIL, OPERATOR, PASSWORD, TestPlatform, open_test_platform

Role = Literal["operator", "developer"]
PEOPLE: dict[Role, str] = {"operator": OPERATOR, "developer": EMAIL}

MODELS = ("mimo-v2.5-pro", "mimo-v2.5-flash")
CATALOGUE = """
[[targets]]
id = "gpu-1"
engine = "openai"
base_url = "{url}/v1"

[[targets]]
id = "gpu-2"
engine = "openai"
base_url = "http://127.0.0.1:9/v1"

[[models]]
id = "mimo-v2.5-pro"
input = ["text", "image"]
context_window = 1048576
max_output_tokens = 131072
thinking = "on"
web_search = true
price.USD = {{ input = 0.435, cached_input = 0.0036, output = 0.87, web_search = 0.005 }}
price.CNY = {{ input = 3, cached_input = 0.025, output = 6, web_search = 0.016 }}
credits = {{ input = 300, cached_input = 2.5, output = 600 }}
targets = [{{ target = "gpu-1", model = "up-model" }}]

[[models]]
id = "mimo-v2.5-flash"
context_window = 262144
max_output_tokens = 65536
thinking = "off"
price.USD = {{ input = 0.14, cached_input = 0.0028, output = 0.28 }}
price.CNY = {{ input = 1, cached_input = 0.02, output = 2 }}
credits = {{ input = 100, cached_input = 2, output = 200 }}
targets = [
  {{ target = "gpu-1", model = "up-model" }},
  {{ target = "gpu-2", model = "up-model", priority = 1 }},
]
"""
"""`gpu-1` answers by the rules of `tests.clients.model`; `gpu-2` answers nobody."""

_DAYS = 9
_TOOLS = ("claude-cli/2.1.0 (external, cli)", "codex_cli_rs/0.63.0", "OpenAI/Python 2.8.0")


class PastClock:
    """A clock that runs, and begins some days ago; what lasts seconds is not confused by it."""

    def __init__(self, days: int) -> None:
        self._behind = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def monotonic(self) -> float:
        return time.monotonic()

    def catch_up(self, days: int = 1) -> None:
        """Lets days pass."""
        self._behind -= timedelta(days=days)


@dataclass(frozen=True)
class Mill:
    """A running platform. All tests look at its two people; those that change something take a newcomer."""

    platform: TestPlatform
    upstream: ScriptedUpstream
    plan_key: str
    _password_hash: str

    @property
    def url(self) -> str:
        return self.platform.url

    async def newcomer(
        self, *, role: Role = "developer", balance: str = "100.00", currency: str = "USD"
    ) -> str:
        """The e-mail address of a new account, which signs in with PASSWORD and has nothing but money."""
        email = f"{role}-{secrets.token_hex(4)}@example.com"
        clock = SystemClock()
        async with self.platform.database.write() as work:
            account = await create_account(
                work, clock, email=email, password_hash=self._password_hash, role=role, currency=currency
            )
            if amount := parse(balance):
                sides = [
                    Side(wallet_of(account.id), currency, amount),
                    Side("platform/granted", currency, -amount),
                ]
                source = f"grant:{account.id}"
                await post(work, clock, source=source, kind="grant", account_id=account.id, postings=sides)
        return email

    async def call(
        self, key: str, words: str = "Hello", *, tool: str = _TOOLS[0], name: str = MODELS[0], base: str = ""
    ) -> tuple[int, Any]:
        """The status and body of a chat completion; `base` is "/token-plan" for a `tp-` key."""
        body = {"model": name, "messages": [{"role": "user", "content": words}]}
        headers = {"authorization": f"Bearer {key}", "user-agent": tool}
        url = f"{self.url}{base}/v1/chat/completions"
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, json=body, headers=headers) as reply,
        ):
            return reply.status, json.loads(await reply.read())


@asynccontextmanager
async def open_mill(directory: Path, answer: Answer = model.answer) -> AsyncIterator[Mill]:
    """A mill of one's own, which a test may stop or wreck; its data in `directory`."""
    async with listening(ScriptedUpstream(answer)) as upstream:
        text = CATALOGUE.format(url=upstream.url)
        clock = PastClock(_DAYS)
        opening = open_test_platform(directory, catalogue=text, clock=clock, waits=(0.0,), operator=True)
        async with opening as platform:
            password_hash = await hash_password(PASSWORD)
            async with platform.database.write() as work:
                owner = update(User).where(User.email == EMAIL).values(password_hash=password_hash)
                await work.session.execute(owner)
                await seed_plans(work, SystemClock())
            mill = Mill(platform, upstream, await _fill(platform), password_hash)
            for day in range(_DAYS + 1):
                await _work(mill, day)
                if day < _DAYS:
                    clock.catch_up()
            await roll_up(platform.database, clock)
            yield mill


async def _work(mill: Mill, day: int) -> None:
    """A day's traffic on both purses, less of it at first."""
    for number in range(1 + day % 4):
        tool = _TOOLS[(day + number) % len(_TOOLS)]
        words = "Hello " * (1 + day)
        status, said = await mill.call(mill.platform.key, words, tool=tool, name=MODELS[number % 2])
        assert status == 200, said
    status, said = await mill.call(mill.plan_key, base="/token-plan")
    assert status == 200, said


async def _fill(platform: TestPlatform) -> str:
    """Keys in several states, and a plan, whose key is returned."""
    async with browser(platform, EMAIL) as developer, browser(platform) as operator:
        await developer.do("POST", "/keys", {"name": "laptop", "cap": "50.00"})
        idle = await developer.do("POST", "/keys", {"name": "ci", "models": [MODELS[1]]})
        await developer.do("POST", f"/keys/{idle['key']['id']}/disable")
        given = await operator.do(
            "POST", f"/operator/accounts/{platform.account_id}/plan", {"plan_id": "pro"}
        )
        secret: str = given["secret"]
        return secret
