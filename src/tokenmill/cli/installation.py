"""Checks an installation: secret, database, embedded model, address, clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import aiohttp
from sqlalchemy import func, select, text

from tokenmill.compose import public_url
from tokenmill.conversation.parts import Value
from tokenmill.engines.embedded.store import ModelStore
from tokenmill.kit.faults import Fault
from tokenmill.kit.secrets import fingerprint
from tokenmill.settings import Settings, read_secret
from tokenmill.store.database import Database, open_database
from tokenmill.store.ledger_tables import Transfer
from tokenmill.store.migrate import newest_revision, require_migrated
from tokenmill.store.postgres import on_postgres
from tokenmill.store.tables import Usage
from tokenmill.store.work_tables import Fact

SKEW: Final = timedelta(seconds=5)
"""Nodes' leases last 20 seconds; clocks that differ by more than this soon take the living for dead."""
PATIENCE: Final = aiohttp.ClientTimeout(total=5)

Verdict = Literal["ok", "warning", "failed"]


class Check(Value, frozen=True):
    """One thing that was looked at; `detail` says what was found and, if need be, what to do."""

    name: str
    verdict: Verdict
    detail: str


async def check_installation(settings: Settings, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Everything that a platform needs beside its targets. Nothing is changed."""
    stored = await asyncio.to_thread(_migrations, settings)
    checks = [stored]
    if stored.verdict == "ok":
        checks += await _database(settings, environ)
    else:
        checks.append(_secret(settings, environ, None))
    checks.append(_embedded(settings, environ))
    checks.append(await _public_url(settings))
    return tuple(checks)


def _migrations(settings: Settings) -> Check:
    try:
        require_migrated(settings.database.url)
    except Fault as fault:
        return Check("migrations", "failed", fault.message)
    return Check("migrations", "ok", f"the schema is revision {newest_revision()}, the newest")


async def _database(settings: Settings, environ: Mapping[str, str]) -> list[Check]:
    kind = "PostgreSQL" if on_postgres(settings.database.url) else "SQLite"
    try:
        async with open_database(settings.database.url) as database:
            async with database.write() as work:
                fact = await work.session.get(Fact, "secret")
            taken = Check("database", "ok", f"{kind} takes a write")
            secret = _secret(settings, environ, None if fact is None else fact.value)
            return [taken, secret, await _clock(settings, database)]
    except Fault as fault:
        return [Check("database", "failed", fault.message)]


def _secret(settings: Settings, environ: Mapping[str, str], known: str | None) -> Check:
    """Is the secret there, and the one that the keys were made with? `known` is that one's fingerprint."""
    security = settings.security
    try:
        mine = fingerprint(read_secret(security.secret, environ))
        others = [
            fingerprint(read_secret(each, environ))
            for each in (*security.secrets_old, *security.secrets_next)
        ]
    except Fault as fault:
        return Check("secret", "failed", fault.message)
    if known is None or known == mine:
        return Check("secret", "ok", "it is there")
    if known in others:
        return Check("secret", "ok", "it follows or precedes the one that the keys were made with")
    return Check(
        "secret",
        "failed",
        "it is not the one that this platform's keys were made with, so that no key works. Put that one "
        "back, or name it in [security] secrets_old.",
    )


async def _clock(settings: Settings, database: Database) -> Check:
    now = datetime.now(UTC)
    async with database.read() as work:
        if on_postgres(settings.database.url):
            there = await work.session.scalar(text("SELECT clock_timestamp()"))
            if there is not None and abs(there - now) > SKEW:
                off = abs(there - now).total_seconds()
                return Check(
                    "clock", "failed", f"it is {off:.0f} seconds off the database's; run NTP on both"
                )
        latest = [
            await work.session.scalar(select(func.max(column))) for column in (Transfer.at, Usage.started_at)
        ]
    seen = max((each for each in latest if each is not None), default=now)
    if seen - now > SKEW:
        ahead = (seen - now).total_seconds()
        return Check(
            "clock",
            "failed",
            f"it has gone back: the latest row is {ahead:.0f} seconds ahead of it. Set it right, then serve.",
        )
    return Check("clock", "ok", "it agrees with the database")


def _embedded(settings: Settings, environ: Mapping[str, str]) -> Check:
    wanted = settings.embedded
    if not wanted.enabled:
        return Check("embedded model", "ok", "switched off")
    if ModelStore.of_environment(environ).has(wanted.model):
        return Check("embedded model", "ok", f"{wanted.model} is on this machine")
    return Check(
        "embedded model",
        "warning",
        f"{wanted.model} is not on this machine yet; `tokenmill serve` and `tokenmill models fetch` bring it",
    )


async def _public_url(settings: Settings) -> Check:
    """Does a platform answer where callers are sent?"""
    url = public_url(settings)
    name = "public URL"
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.get(url + "/", headers={"accept": "application/json"}) as reply,
        ):
            said = await reply.content.read(200)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        advice = "" if settings.server.public_url else "; [server] public_url is not set"
        return Check(name, "warning", f"nobody answers at {url}: the platform does not run there{advice}")
    if b"TokenMill" in said:
        return Check(name, "ok", f"the platform answers at {url}")
    return Check(
        name,
        "failed",
        f"something else answers at {url}. Correct [server] public_url, or the proxy before it.",
    )
