"""Makes a data directory ready to run: secret, schema, first operator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tokenmill.accounts.accounts import AccountView, create_account, find_operator
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.passwords import hash_password
from tokenmill.billing.offers import missing_presets, seed_plans
from tokenmill.catalog.presets import seed
from tokenmill.cli.secret_files import make_secret
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.secrets import fingerprint, new_password
from tokenmill.settings import SECRET_NAME, Settings, read_secret
from tokenmill.store import postgres, sqlite
from tokenmill.store.database import Database, open_database
from tokenmill.store.migrate import LOCK_NAME, migrate
from tokenmill.store.once import insert_once
from tokenmill.store.work_tables import Fact

OPERATOR = "operator@localhost"
FIRST_KEY = "first"


class Initialised(msgspec.Struct, frozen=True, kw_only=True):
    """A platform that can run; `password` and `key` are there only when this call has made them."""

    account_id: AccountId
    email: str
    password: str | None
    key: str | None


async def initialise(settings: Settings, data: Path, environ: Mapping[str, str] = os.environ) -> Initialised:
    """Makes what is missing and touches nothing that is there; several may run at once.

    Raises Fault(MISCONFIGURED) when the secret is gone that the database's keys were made with.
    """
    url = settings.database.url
    secret = _prepare(settings, data, environ)
    async with open_database(url) as database:
        await _must_be_ours(database, settings, secret, environ)
        account, password, key = await _ensure_operator(database, secret)
        await _ensure_plans(database)
    return Initialised(account_id=account.id, email=account.email, password=password, key=key)


async def _must_be_ours(
    database: Database, settings: Settings, secret: bytes, environ: Mapping[str, str]
) -> None:
    """Refuses a secret that is neither that of the platform's keys, nor follows or precedes it."""
    current = fingerprint(secret)
    async with database.write() as work:
        if await insert_once(work, Fact, "name", name="secret", value=current):
            return
        fact = await work.session.get_one(Fact, "secret")
        if fact.value == current:
            return
        security = settings.security
        if fact.value in (fingerprint(read_secret(old, environ)) for old in security.secrets_old):
            fact.value = current  # It was rotated.
            return
        if fact.value in (fingerprint(read_secret(new, environ)) for new in security.secrets_next):
            return
    raise Fault(
        Code.MISCONFIGURED,
        f"The secret at {security.secret} is not the one that this platform's keys were made with, so that "
        "no key would work. Put that one back, or name it in [security] secrets_old if it was replaced.",
    )


def _prepare(settings: Settings, data: Path, environ: Mapping[str, str]) -> bytes:
    """Directory, secret, schema, in this order: a database with keys in it has always had its secret."""
    in_use = _has_keys(settings.database.url)  # Asked first: another `init` may make both meanwhile.
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = data.absolute() / SECRET_NAME
    # A secret that the settings put elsewhere is the operator's to make.
    if settings.security.secret == f"file:{file}" and not file.exists():
        if in_use:
            raise Fault(
                Code.MISCONFIGURED,
                f"The secret {file} is missing, and without it no existing key works. "
                "Put it back from a backup.",
            )
        make_secret(file)
    secret = read_secret(settings.security.secret, environ)
    migrate(settings.database.url, data.absolute() / LOCK_NAME)
    return secret


def _has_keys(url: str) -> bool:
    if postgres.on_postgres(url):
        return postgres.run_apart(postgres.has_keys(url))
    return sqlite.has_keys(sqlite.sqlite_file(url))


async def _ensure_operator(database: Database, secret: bytes) -> tuple[AccountView, str | None, str | None]:
    async with database.read() as view:
        existing = await find_operator(view)
    if existing is not None:
        return existing, None, None
    password = new_password()
    password_hash = await hash_password(password)
    clock = SystemClock()
    async with database.write() as work:
        existing = await find_operator(work)  # Another process may have been first.
        if existing is not None:
            return existing, None, None
        account = await create_account(
            work,
            clock,
            email=OPERATOR,
            password_hash=password_hash,
            role="operator",
            given=True,
            unbilled=True,
        )
        key, _ = await create_key(work, clock, secret, account_id=account.id, name=FIRST_KEY)
        await seed(work)
    return account, password, key


async def _ensure_plans(database: Database) -> None:
    """A platform of before there were plans gets them too."""
    async with database.read() as view:
        missing = await missing_presets(view)
    if missing:
        async with database.write() as work:
            await seed_plans(work, SystemClock())
