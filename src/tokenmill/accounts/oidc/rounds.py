"""Keeps a round, the way to the provider and back, in the browser that began it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

import msgspec
from sqlalchemy import delete

from tokenmill.accounts.oidc.problems import Problem, SignInProblem
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import UnitOfWork
from tokenmill.store.identity_tables import SpentRound
from tokenmill.store.once import insert_once

LASTS: Final = timedelta(minutes=10)
HOME: Final = "/console/"
_LONGEST_PATH: Final = 1000
_PATH: Final = re.compile(r"/console(?:/[A-Za-z0-9._~-]+)*/?(?:\?[A-Za-z0-9._~%&=+,:-]*)?")

Aim = Literal["sign_in", "confirm", "join"]
Sealed = TypeVar("Sealed", bound=msgspec.Struct)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What only the browser knows that began it; `session_id` is whose it is, unless somebody comes in."""

    aim: Aim
    issuer: str
    state: str
    nonce: str
    verifier: str
    started_at: datetime
    return_to: str
    session_id: str | None = None
    invitation: str | None = None

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier: RFC 7636, S256."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())

    def over(self, clock: Clock) -> bool:
        """Has it taken too long?"""
        return not timedelta(0) <= clock.now() - self.started_at < LASTS

    def is_state(self, state: str) -> bool:
        """Is this the state that the provider was given?"""
        return hmac.compare_digest(self.state.encode(), state.encode())

    async def spend(self, work: UnitOfWork) -> None:
        """Uses it up. Raises SignInProblem(round_over) for one that has been used."""
        digest = hashlib.sha256(self.state.encode()).digest()
        expires_at = self.started_at + 2 * LASTS
        if not await insert_once(work, SpentRound, "digest", digest=digest, expires_at=expires_at):
            raise SignInProblem("round_over", "used before")


class Trouble(msgspec.Struct, frozen=True):
    """What went wrong, for the page that the browser is sent to; no address can make a page say it."""

    problem: Problem
    message: str


def new_round(
    clock: Clock,
    *,
    aim: Aim,
    issuer: str,
    return_to: str,
    session_id: str | None = None,
    invitation: str | None = None,
) -> Round:
    """A round with 256 bits of chance each in its state, nonce and verifier."""
    return Round(
        aim=aim,
        issuer=issuer,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(32),
        started_at=clock.now(),
        return_to=local_path(return_to),
        session_id=session_id,
        invitation=invitation,
    )


def local_path(text: str) -> str:
    """A page of the console. Raises Fault(BAD_VALUE) for anything that could lead elsewhere."""
    path = text.partition("?")[0]
    steps = path.split("/")
    wrong = len(text) > _LONGEST_PATH or not _PATH.fullmatch(text)
    if wrong or {".", ".."} & set(steps) or steps[2:3] == ["api"]:
        raise Fault(Code.BAD_VALUE, "return_to must be a page of the console: /console/…", field="return_to")
    return text


def with_problem(path: str, problem: Problem) -> str:
    """The path with the problem's name in its query."""
    return f"{path}{'&' if '?' in path else '?'}problem={problem}"


def sealed(sealer: Sealer, value: msgspec.Struct) -> str:
    """The value as a cookie."""
    return _base64(sealer.seal(msgspec.json.encode(value), type(value).__name__.encode()))


def opened(sealer: Sealer, cookie: str, kind: type[Sealed]) -> Sealed | None:
    """The inverse; None for what was not made here."""
    try:
        box = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    except ValueError:
        return None
    plain = sealer.open(box, kind.__name__.encode())
    return None if plain is None else msgspec.json.decode(plain, type=kind)


async def sweep_rounds(work: UnitOfWork, clock: Clock) -> None:
    """Forgets used rounds that are over anyway."""
    await work.session.execute(delete(SpentRound).where(SpentRound.expires_at < clock.now()))


def _base64(plain: bytes) -> str:
    return urlsafe_b64encode(plain).decode().rstrip("=")
