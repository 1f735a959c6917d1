"""Gives tests and plugin authors a real platform with a scripted engine and a clock that stands still."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.passwords import hash_password
from tokenmill.accounts.preferences import switch_web_search
from tokenmill.api.app import App
from tokenmill.api.protocol import BoundedHttpProtocol
from tokenmill.api.streaming import SILENCE
from tokenmill.billing.ledger import Side, open_purse, post, wallet_of
from tokenmill.catalog.file import read_catalogue
from tokenmill.catalog.repository import apply
from tokenmill.compose import open_platform
from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.attempts import WAITS
from tokenmill.kit.clock import Clock, SystemClock
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.kit.money import Nano, parse
from tokenmill.kit.secrets import new_secret
from tokenmill.ports import Engine, OpenReply, Route, SearchProvider, ServedBy
from tokenmill.settings import Settings, load_settings
from tokenmill.store.database import Database, UnitOfWork, open_database
from tokenmill.store.migrate import migrate


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 8, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds


Step = Event | Fault | Callable[[], Awaitable[None]]
"""What a script holds: an event to send, a fault to raise, or something to await in between."""


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves the test runner's signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Scripted:
    wire = None

    def __init__(self, script: Iterable[Step], drops: tuple[Drop, ...]) -> None:
        self._script = script
        self.drops = drops

    async def frames(self) -> AsyncGenerator[Frame]:
        for step in self._script:
            if isinstance(step, Fault):
                raise step
            if callable(step):
                await step()
            else:
                yield Frame((step,))


class ScriptedEngine:
    """An engine that says what it is told to, one script after the other, and remembers what it was asked."""

    def __init__(
        self, *scripts: Iterable[Step] | Fault, real: ServedBy | None = None, counts: int | None = None
    ) -> None:
        """`counts` is what it says every prompt takes; None: it cannot tell."""
        self._scripts = list(scripts)
        self._real = real
        self._counts = counts
        self.asked: list[tuple[Request, Route]] = []
        self.left_early = 0
        self.closed = asyncio.Event()

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        """Plays the next script; the last one is played again and again. A Fault is raised at once."""
        self.asked.append((request, route))
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        if isinstance(script, Fault):
            raise script
        try:
            yield _Scripted(script, ())
        except BaseException:
            self.left_early += 1
            raise
        finally:
            self.closed.set()

    async def count(self, request: Request, route: Route) -> int | None:
        """What the test said every prompt takes."""
        return self._counts

    def served_by(self, route: Route) -> ServedBy | None:
        """What the test said it really is."""
        return self._real


EMAIL = "dev@example.com"
OPERATOR = "operator@example.com"
PASSWORD = "a password for tests"  # noqa: S105  (the operator's, on platforms that live for a test)
NO_PASSWORD = "*"  # noqa: S105  (no password hashes to this, so nobody can sign in)

CATALOGUE = """
[[targets]]
id = "scripted"
engine = "openai"
base_url = "http://127.0.0.1:9/v1"

[[models]]
id = "mimo-v2.5-pro"
targets = [{ target = "scripted", model = "upstream-name" }]
"""
"""One model behind one target; the address answers nobody, since a ScriptedEngine stands in its place."""


@dataclass(frozen=True, slots=True)
class TestPlatform:
    """A platform that listens on a free port, with one account and its key."""

    __test__ = False  # pytest, this is not a test.

    url: str
    key: str
    key_id: KeyId
    account_id: AccountId
    settings: Settings
    database: Database


@asynccontextmanager
async def open_test_platform(
    directory: Path,
    engines: Mapping[str, Engine] | None = None,
    *,
    catalogue: str = CATALOGUE,
    clock: Clock | None = None,
    silence: float = SILENCE,
    waits: tuple[float, ...] = WAITS,
    balance: str = "1000.00",
    database_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    operator: bool = False,
    web_search: bool = False,
    provider: SearchProvider | None = None,
) -> AsyncIterator[TestPlatform]:
    """The whole platform over HTTP, its data in `directory`; `engines` replace the built-in ones by name.

    `balance` is what the account has in its wallet, in dollars. `database_url` is that of an empty database;
    None: SQLite in `directory`. `environ` holds further settings; `operator` adds an account for OPERATOR,
    who signs in with PASSWORD. `web_search` switches the account's search on; `provider` is who searches.
    """
    (directory / "secret").write_text(new_secret())
    settings = load_settings(directory, None, {**_environ(directory, database_url), **(environ or {})})
    migrate(settings.database.url, directory / "lock")
    async with open_database(settings.database.url) as database:
        async with database.write() as work:
            secret = (directory / "secret").read_bytes()
            account = await create_account(work, SystemClock(), email=EMAIL, password_hash=NO_PASSWORD)
            key, view = await create_key(work, SystemClock(), secret, account_id=account.id, name="test")
            if operator:
                await create_account(
                    work,
                    SystemClock(),
                    email=OPERATOR,
                    password_hash=await hash_password(PASSWORD),
                    role="operator",
                )
            await apply(work, read_catalogue(catalogue, "test"))
            await _fill(work, account.id, parse(balance))
            if web_search:
                await switch_web_search(work, account.id, on=True)
        async with (
            open_platform(
                settings,
                directory,
                engines=engines,
                clock=clock,
                silence=silence,
                waits=waits,
                provider=provider,
            ) as platform,
            _listening(platform.app) as url,
        ):
            yield TestPlatform(url, key, view.id, account.id, settings, database)


def _environ(directory: Path, database_url: str | None) -> dict[str, str]:
    if database_url is None:
        return {}
    secret = f"file:{directory / 'secret'}"
    return {"TOKENMILL__DATABASE__URL": database_url, "TOKENMILL__SECURITY__SECRET": secret}


async def _fill(work: UnitOfWork, account: AccountId, amount: Nano) -> None:
    wallet = wallet_of(account)
    await open_purse(work, wallet, "USD")
    if amount:
        sides = [Side(wallet, "USD", amount), Side("platform/granted", "USD", -amount)]
        await post(work, SystemClock(), source="grant:test", kind="grant", account_id=account, postings=sides)


@asynccontextmanager
async def _listening(app: App) -> AsyncIterator[str]:
    # Only of a socket that knows its protocol does asyncio switch the delay of small packets off.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
        server = _QuietServer(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
