"""Keeps rate windows in Valkey or Redis, so that all nodes count together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import opaque
from tokenmill.limits.limiter import Left, Place, Quota, Standing, too_fast, too_many_at_once
from tokenmill.limits.local import LocalLimiter, LocalPlace
from tokenmill.limits.scripts import ENTER, LEAVE, RENEW, digest
from tokenmill.limits.valkey import Away, ValkeyLink

RENEW_EVERY: Final = 15.0
"""Seconds; three times within a lease."""
_PREFIX: Final = "tokenmill:limit:"
_AT_A_TIME: Final = 200
_ENTER, _LEAVE, _RENEW = digest(ENTER), digest(LEAVE), digest(RENEW)


class SharedLimiter:
    """See `tokenmill.limits.limiter.Limiter`.

    This node's own windows are kept beside the shared ones and hold first. So a server that goes away
    changes who counts together, and lets nobody on this node exceed what one node alone would allow.
    """

    def __init__(self, link: ValkeyLink, local: LocalLimiter, time: Clock | None = None) -> None:
        """`link` knows the scripts of `limits.scripts`; `time` None is the server's own."""
        self._link = link
        self._local = local
        self._time = time
        self._taken: dict[str, list[str]] = {}
        self.unshared = 0
        """How many requests were let in by this node alone."""

    async def enter(self, quotas: Sequence[Quota], tokens: int) -> Place:
        """See `tokenmill.limits.limiter.Limiter.enter`."""
        own = await self._local.enter(quotas, tokens)
        name = opaque("")
        keys = [_PREFIX + quota.scope for quota in quotas]
        limits = "".join(f"{_said(each.rpm)} {_said(each.tpm)} {_said(each.concurrency)};" for each in quotas)
        try:
            asked = f"{self._now()} {tokens} {name} {limits}"
            said: bytes = await self._link.ask("EVALSHA", _ENTER, len(keys), *keys, asked)
        except Away:
            self.unshared += 1
            return own
        except asyncio.CancelledError:  # It may be in all the same: its place is given back.
            own.undo()
            self._link.tell("EVALSHA", _LEAVE, len(keys), *keys, f"{name} 0 0")
            raise
        match said.decode().split(" "):
            case ["in", second, *counts]:
                self._taken[name] = [_PREFIX + each.scope for each in quotas if each.concurrency is not None]
                return _Place(self, own, name, keys, second, tokens, _standing(quotas, counts))
            case answer:
                own.undo()
                raise _refusal(quotas, answer)

    async def renew(self) -> None:
        """Keeps the places of this node's running requests; to be called every `RENEW_EVERY` seconds."""
        taken = [(place, key) for place, keys in self._taken.items() for key in keys]
        for at in range(0, len(taken), _AT_A_TIME):
            some = taken[at : at + _AT_A_TIME]
            keys, places = [key for _, key in some], [place for place, _ in some]
            self._link.tell("EVALSHA", _RENEW, len(keys), *keys, self._now(), *places)

    def leave(self, name: str, keys: Sequence[str], second: str, more: int) -> None:
        """A place is free again; the server learns of it with the next batch."""
        self._taken.pop(name, None)
        self._link.tell("EVALSHA", _LEAVE, len(keys), *keys, f"{name} {second} {more}")

    def _now(self) -> str:
        return "" if self._time is None else repr(self._time.now().timestamp())


class _Place:
    """See `tokenmill.limits.limiter.Place`."""

    def __init__(
        self,
        limiter: SharedLimiter,
        own: LocalPlace,
        name: str,
        keys: Sequence[str],
        second: str,
        tokens: int,
        standing: Standing,
    ) -> None:
        self.standing = standing
        self._limiter: SharedLimiter | None = limiter
        self._own = own
        self._name = name
        self._keys = keys
        self._second = second
        self._tokens = tokens

    async def leave(self, tokens: int) -> None:
        await self._own.leave(tokens)
        if self._limiter is not None:
            self._limiter.leave(self._name, self._keys, self._second, tokens - self._tokens)
            self._limiter = None


def _said(limit: int | None) -> str | int:
    return "" if limit is None else limit


def _refusal(quotas: Sequence[Quota], answer: Sequence[str]) -> Fault:
    quota = quotas[int(answer[1]) - 1]
    match answer[0]:
        case "concurrency":
            return too_many_at_once(quota.concurrency or 0)
        case "requests":
            return too_fast("requests", quota.rpm or 0, float(answer[2]))
        case _:
            return too_fast("tokens", quota.tpm or 0, float(answer[2]), None)


def _standing(quotas: Sequence[Quota], counts: Sequence[str]) -> Standing:
    requests: Left | None = None
    tokens: Left | None = None
    for quota, (asked, taken, reset) in zip(quotas, _triples(counts), strict=True):
        if quota.rpm is not None:
            left = Left(quota.rpm, max(0, quota.rpm - int(asked)), float(reset))
            requests = left if requests is None or left.left < requests.left else requests
        if quota.tpm is not None:
            left = Left(quota.tpm, max(0, quota.tpm - int(taken)), float(reset))
            tokens = left if tokens is None or left.left < tokens.left else tokens
    return Standing(requests, tokens)


def _triples(counts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for at in range(0, len(counts), 3):
        yield counts[at], counts[at + 1], counts[at + 2]
