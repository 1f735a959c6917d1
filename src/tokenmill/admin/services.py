"""Gathers what the admin API works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokenmill.accounts.oidc.door import ProviderDoor
from tokenmill.accounts.sessions import Sessions
from tokenmill.accounts.sign_in import SignIn
from tokenmill.accounts.throttle import Throttle
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.files.files import Files
from tokenmill.kit.clock import Clock
from tokenmill.kit.sealing import Sealer
from tokenmill.limits.limiter import Limiter
from tokenmill.moderation.live import Moderation
from tokenmill.ports import Engine, Payments
from tokenmill.search.web_search import WebSearch
from tokenmill.settings import Source
from tokenmill.store.database import Database


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in force; secrets and passwords in it are masked."""

    section: str
    key: str
    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Services:
    """All that the routes are given; made in `compose`."""

    database: Database
    clock: Clock
    secret: bytes
    secrets_old: Sequence[bytes]
    sessions: Sessions
    sign_in: SignIn
    throttle: Throttle
    webhooks: Sealer
    catalogue: Callable[[], Catalogue]
    engines: Mapping[str, Engine]
    read_key: Callable[[str], str]
    public_url: str
    plan_url: str
    signup: Literal["closed", "invite", "open"]
    settings: tuple[Setting, ...]
    moderation: Moderation
    payments: Payments | None = None
    oidc: ProviderDoor | None = None
    passwords: bool = True
    files: Files | None = None
    search: WebSearch | None = None
    limiter: Limiter | None = None
    webhooks_loopback: bool = False

    @property
    def secure(self) -> bool:
        """Do browsers come by https?"""
        return self.public_url.startswith("https://")
