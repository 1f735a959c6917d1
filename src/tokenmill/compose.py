"""Builds the platform from its settings: the only place that knows concrete classes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from tokenmill.accounts.key_check import KeyCheck
from tokenmill.accounts.rotation import EVERY as ROTATION_EVERY
from tokenmill.accounts.rotation import Rotation, old_sealer
from tokenmill.admin.console import Console
from tokenmill.admin.door import Door
from tokenmill.admin.services import Services, Setting
from tokenmill.api.answering import Answers
from tokenmill.api.app import App
from tokenmill.api.chat import ChatCompletions
from tokenmill.api.files import FilePages
from tokenmill.api.front import Front
from tokenmill.api.health import Health, Probe
from tokenmill.api.messages import Messages
from tokenmill.api.models import Models
from tokenmill.api.moderations import Moderations
from tokenmill.api.reads import ReadLimit
from tokenmill.api.responses import Responses
from tokenmill.api.routes import bases
from tokenmill.api.streaming import SILENCE
from tokenmill.api.usage import UsagePages
from tokenmill.catalog.live import LiveCatalogue
from tokenmill.compose_files import files_kept
from tokenmill.compose_jobs import jobs_running
from tokenmill.compose_moderation import moderation_running
from tokenmill.compose_money import limits_kept, money_running, payment_provider
from tokenmill.compose_search import search_running
from tokenmill.compose_sign_in import people_let_in
from tokenmill.engines.aiohttp_upstream import AiohttpUpstream
from tokenmill.engines.anthropic import AnthropicEngine
from tokenmill.engines.embedded.engine import EmbeddedEngine
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.supervisor import EmbeddedServer
from tokenmill.engines.openai import OpenAIEngine
from tokenmill.exchange.attachments import Attachments
from tokenmill.exchange.attempts import WAITS
from tokenmill.exchange.exchange import Exchanges, KeyReader
from tokenmill.exchange.moderating import Moderators
from tokenmill.exchange.recall import Recall
from tokenmill.files.pdf import PdfReader
from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock, SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.sealing import Sealer
from tokenmill.kit.secrets import KeyKind
from tokenmill.memory.responses import StoredResponses
from tokenmill.memory.vault import SWEEP_EVERY as VAULT_EVERY
from tokenmill.memory.vault import Vault
from tokenmill.ports import Engine, SearchProvider
from tokenmill.settings import Settings, read_secret, shown
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import Database, open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.listening import change_bell

log = structlog.get_logger()

MEBI = 2**20
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: its ASGI application, and the embedded server if there is one."""

    app: App
    embedded: EmbeddedServer | None


@asynccontextmanager
async def open_platform(
    settings: Settings,
    data: Path,
    *,
    model: ModelFile | None = None,
    embedded: EmbeddedServer | None = None,
    engines: Mapping[str, Engine] | None = None,
    clock: Clock | None = None,
    silence: float = SILENCE,
    waits: tuple[float, ...] = WAITS,
    provider: SearchProvider | None = None,
) -> AsyncIterator[Platform]:
    """Everything that answers requests, closed in reverse on leaving.

    `data` is the directory of what is local. `model` is the file the embedded engine loads, or `embedded`
    a server that somebody else keeps; without either it runs without one. `engines` adds to the built-in
    ones or replaces them by name. `silence` is in seconds, after which a waiting stream gets a ping;
    `waits` are those before further rounds over failing targets; `provider` searches the web in place of the
    one of the settings.
    Raises Fault(MISCONFIGURED) before anything listens.
    """
    clock = clock or SystemClock()
    security = settings.security
    secret = read_secret(security.secret, os.environ)
    secrets_next = [read_secret(each, os.environ) for each in security.secrets_next]
    secrets_gone = [read_secret(each, os.environ) for each in security.secrets_old]
    secrets_old = [*secrets_next, *secrets_gone]
    async with AsyncExitStack() as held:
        database = await held.enter_async_context(open_database(settings.database.url))
        hot = await held.enter_async_context(
            HotStore(settings.database.url, synchronous=settings.database.synchronous)
        )
        bell = await held.enter_async_context(change_bell(settings.database.url))
        feed = await held.enter_async_context(ChangeFeed(hot, bell=bell))
        bases_of: dict[KeyKind, str] = {"sk": public_url(settings), "tp": plan_url(settings)}
        webhooks = Sealer(secret, secrets_old, purpose="webhooks")
        rotation = Rotation(database, webhooks, old_sealer(secrets_gone, "webhooks"))
        held.push_async_callback(rotation.finish)
        if secrets_gone:
            await held.enter_async_context(sweeping("keys under old secrets", ROTATION_EVERY, rotation.sweep))
        keys = KeyCheck(
            hot,
            clock,
            secret,
            secrets_gone,
            secrets_next=secrets_next,
            found_old=rotation.note,
            bases=bases_of,
        )
        catalogue = LiveCatalogue(database)
        feed.subscribe(keys.forget)
        feed.subscribe(catalogue.take)
        await catalogue.renew()  # After it subscribed, so that no change falls between.

        upstream = AiohttpUpstream()
        held.push_async_callback(upstream.close)
        chat_engine = OpenAIEngine(upstream)
        running: dict[str, Engine] = {"openai": chat_engine, "anthropic": AnthropicEngine(upstream)}
        if model is not None:
            embedded = await held.enter_async_context(EmbeddedServer(model))
        if embedded is not None:
            running["embedded"] = EmbeddedEngine(embedded, chat_engine)
        running.update(engines or {})

        limits = await held.enter_async_context(limits_kept(settings.cache.url, clock))
        money = await held.enter_async_context(
            money_running(database, hot, feed, limits.limiter, clock, data)
        )
        vault = await held.enter_async_context(
            _vault(settings, database, feed, clock, (secret, *secrets_old))
        )
        files = await held.enter_async_context(files_kept(settings.files, database, feed, clock))
        moderation = await held.enter_async_context(
            moderation_running(
                settings.moderation,
                database,
                feed,
                clock,
                data,
                upstream=upstream,
                engines=running,
                catalogue=catalogue,
                read_key=upstream_keys(data, os.environ),
            )
        )
        search = await held.enter_async_context(search_running(settings, database, clock, provider))
        exchanges = Exchanges(
            catalogue=catalogue,
            engines=running,
            admission=money.admission,
            settlements=money.settlements,
            clock=clock,
            read_key=upstream_keys(data, os.environ),
            sealer=Sealer(secret, secrets_old, purpose="reasoning"),
            recall=Recall(vault, clock),
            moderators=Moderators(moderation),
            attachments=Attachments(files, PdfReader()),
            finder=search,
            waits=waits,
        )
        stored = StoredResponses(
            database,
            clock,
            Sealer(secret, secrets_old, purpose="responses"),
            days=settings.responses.retention_days,
        )
        await held.enter_async_context(sweeping("stored responses", HOUR, stored.sweep))
        people = await held.enter_async_context(
            people_let_in(
                settings,
                database,
                clock,
                secrets=(secret, *secrets_old),
                public_url=public_url(settings),
            )
        )
        webhooks = Sealer(secret, secrets_old, purpose="webhooks")
        jobs = jobs_running(
            settings,
            database,
            clock,
            node=money.node,
            catalogue=catalogue,
            secrets=(secret, *secrets_old),
            webhooks=webhooks,
            public_url=public_url(settings),
        )
        await held.enter_async_context(jobs)
        answers = Answers(exchanges, silence)
        limit = settings.server.max_body_mb * MEBI
        app = App(
            keys=keys,
            bases=bases(
                chat=ChatCompletions(answers, body_limit=limit),
                responses=Responses(answers, exchanges, stored, body_limit=limit),
                messages=Messages(answers, exchanges, body_limit=limit),
                models=Models(catalogue, exchanges, clock),
                usage=UsagePages(database, clock),
                files=FilePages(files, limits.limiter),
                moderations=Moderations(moderation, body_limit=limit),
                reading=ReadLimit(limits.limiter),
            ),
            plan_hosts=settings.token_plan.hosts,
            health=Health(_probes(hot, embedded) | limits.probes, clock),
            front=Front(Console(public_url(settings))),
            admin=Door(
                Services(
                    database=database,
                    clock=clock,
                    secret=secret,
                    secrets_old=secrets_old,
                    webhooks=webhooks,
                    webhooks_loopback=settings.webhooks.loopback,
                    catalogue=catalogue,
                    engines=running,
                    read_key=upstream_keys(data, os.environ),
                    public_url=public_url(settings),
                    plan_url=plan_url(settings),
                    signup=settings.accounts.signup,
                    settings=settings_in_force(settings),
                    moderation=moderation,
                    sessions=people.sessions,
                    sign_in=people.sign_in,
                    throttle=people.throttle,
                    oidc=people.oidc,
                    passwords=settings.oidc.local_sign_in,
                    payments=payment_provider(settings.payments),
                    search=search,
                    limiter=limits.limiter,
                    files=files,
                ),
                lambda *request: app.play(*request),  # Called when there is an app.
            ),
        )
        yield Platform(app, embedded)


@asynccontextmanager
async def _vault(
    settings: Settings, database: Database, feed: ChangeFeed, clock: Clock, secrets: Sequence[bytes]
) -> AsyncIterator[Vault | None]:
    """The reasoning vault with what writes and sweeps it; None where it is switched off."""
    bounds = settings.vault
    if not bounds.enabled:
        yield None
        return
    vault = Vault(database, clock, secrets, days=bounds.days, max_mb_per_account=bounds.max_mb_per_account)
    feed.subscribe(vault.take)
    async with vault.running(), sweeping("the vault", VAULT_EVERY, vault.sweep):
        yield vault


def public_url(settings: Settings) -> str:
    """The address that callers are told: the one in the settings, else where the server listens."""
    if settings.server.public_url:
        return settings.server.public_url.rstrip("/")
    host = settings.server.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  (compared, not bound)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{settings.server.port}"


def plan_url(settings: Settings) -> str:
    """The address below which the Token Plan's Base URLs are: on its own host, scheme and port the same."""
    url = public_url(settings)
    hosts = settings.token_plan.hosts
    if not hosts:
        return f"{url}/token-plan"
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{hosts[0]}{port}"


def settings_in_force(settings: Settings) -> tuple[Setting, ...]:
    """Every setting with its source; secrets are masked."""
    return tuple(
        Setting(section, key, value, settings.source_of(section, key))
        for section, values in shown(settings).items()
        for key, value in values.items()
    )


def upstream_keys(directory: Path, environ: Mapping[str, str]) -> KeyReader:
    """Reads the keys of targets; relative paths are relative to `directory`."""

    def read(reference: str) -> str:
        scheme, _, name = reference.partition(":")
        try:
            value = environ.get(name, "") if scheme == "env" else (directory / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            value = ""
        if not value.strip().isprintable() or not value.strip():
            log.error("the key of a target is missing, or more than one line", reference=reference)
            raise Fault(
                Code.MISCONFIGURED,
                "The platform has no credentials for this model's server. Please tell its operator.",
            )
        return value.strip()

    return read


def _probes(hot: HotStore, embedded: EmbeddedServer | None) -> dict[str, Probe]:
    probes: dict[str, Probe] = {"database": hot.probe_write}
    if embedded is not None:
        probes["embedded_model"] = _when(embedded.endpoint)
    return probes


def _when(check: Callable[[], object]) -> Probe:
    async def probe() -> None:
        check()

    return probe
