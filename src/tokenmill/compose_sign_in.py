"""Builds what lets people in: sessions, the door for passwords and the one for a provider."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tokenmill.accounts.oidc.door import ProviderDoor
from tokenmill.accounts.oidc.fetching import Fetcher
from tokenmill.accounts.oidc.identities import OidcTerms
from tokenmill.accounts.oidc.provider import Provider, Registration
from tokenmill.accounts.oidc.rounds import sweep_rounds
from tokenmill.accounts.sessions import Sessions, SessionTerms
from tokenmill.accounts.sign_in import SignIn
from tokenmill.accounts.throttle import Throttle
from tokenmill.accounts.tickets import sweep_tickets
from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock
from tokenmill.kit.sealing import Sealer
from tokenmill.settings import Oidc, Settings, read_password
from tokenmill.store.database import Database

_SWEEP_EVERY: Final = 3600.0
_CALLBACK: Final = "/console/api/v1/oidc/callback"
_NAMES: Final = ("Single sign-on", "单点登录")


@dataclass(frozen=True, slots=True)
class People:
    """What lets people in."""

    sessions: Sessions
    sign_in: SignIn
    throttle: Throttle
    oidc: ProviderDoor | None


@asynccontextmanager
async def people_let_in(
    settings: Settings, database: Database, clock: Clock, *, secrets: Sequence[bytes], public_url: str
) -> AsyncIterator[People]:
    """Sessions and the throttle, with the sweep that forgets what is old.

    `secrets` are the platform's, the one in force first. Raises Fault(MISCONFIGURED) for a client secret
    that cannot be read.
    """
    accounts = settings.accounts
    terms = SessionTerms(
        lasts=timedelta(days=accounts.session_days),
        idle=timedelta(days=accounts.session_idle_days),
        confirmed=timedelta(minutes=accounts.confirm_minutes),
    )
    sessions = Sessions(database, clock, terms)
    throttle = Throttle(database, clock)
    passwords = SignIn(database, clock, sessions, throttle, passwords=settings.oidc.local_sign_in)

    async def sweep() -> None:
        await sessions.sweep()
        await throttle.sweep()
        async with database.write() as work:
            await sweep_tickets(work, clock)
            await sweep_rounds(work, clock)

    oidc = None
    if settings.oidc.issuer:
        registration = _registration(settings.oidc, public_url)
        oidc = ProviderDoor(
            database=database,
            clock=clock,
            sessions=sessions,
            throttle=throttle,
            registration=registration,
            provider=Provider(registration, Fetcher(settings.oidc.timeout), clock),
            sealer=Sealer(secrets[0], secrets[1:], purpose="oidc"),
            terms=_terms(settings),
            names=_names(settings.oidc),
        )
    async with sweeping("sessions and tickets", _SWEEP_EVERY, sweep):
        yield People(sessions, passwords, throttle, oidc)


def _registration(oidc: Oidc, public_url: str) -> Registration:
    secret = oidc.client_secret
    return Registration(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=read_password(secret, os.environ) if secret else "",
        scopes=oidc.scopes,
        redirect_uri=f"{public_url}{_CALLBACK}",
    )


def _terms(settings: Settings) -> OidcTerms:
    oidc = settings.oidc
    return OidcTerms(
        signup=settings.accounts.signup,
        sign_up=oidc.sign_up,
        currency=oidc.currency,
        allowed_domains=frozenset(oidc.allowed_domains),
        operator_claim=oidc.operator_claim,
        operator_values=frozenset(oidc.operator_values),
    )


def _names(oidc: Oidc) -> tuple[str, str]:
    if not oidc.name:
        return _NAMES[0], oidc.name_zh or _NAMES[1]
    return oidc.name, oidc.name_zh or oidc.name
