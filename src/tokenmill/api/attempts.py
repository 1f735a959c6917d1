"""Recognises the official SDKs' retries: an answer that did not arrive is given again, and billed once.

The SDKs send no idempotency key, but say in `x-stainless-retry-count` that they ask again. A count of 0 is
always a new question, and a failed attempt is never given again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import RETRY_COUNT, Call, ClientGone
from tokenmill.api.streaming import EventStream

KEPT_SECONDS: Final = 30.0
"""For how long an answer waits that was not delivered."""
OUTLIVES: Final = 10.0
"""Seconds for which an attempt that is not streamed goes on without its caller, who may ask again."""
KEPT_BYTES: Final = 64 * 2**20
SWEPT_EVERY: Final = 5.0
"""Seconds between two looks for answers that nobody came back for."""


class Fingerprint(NamedTuple):
    """What two attempts at the same question share."""

    account: str
    key: str
    path: str
    size: int
    digest: int


class Attempt:
    """One attempt, from its beginning until its answer has arrived or is forgotten."""

    def __init__(self, call: Call, forget: Callable[[Attempt], None]) -> None:
        self.ended_at: float | None = None  # Ended well; a failed attempt is forgotten at once.
        self._call = call
        self._forget = forget
        self._stream: EventStream | None = None
        self._body: bytes | None = None
        self._over = asyncio.Event()
        self._joined = asyncio.Event()
        self._deserted = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes that are kept of the answer."""
        if self._body is not None:
            return len(self._body)
        return self._stream.kept_bytes if self._stream is not None else 0

    @property
    def can_be_joined(self) -> bool:
        """Is all of the answer, as far as it has come, still here?"""
        return self._stream is None or self._stream.kept is not None

    def streams_to(self, stream: EventStream) -> None:
        """The answer is a stream, of which the beginning is kept."""
        stream.keep()
        self._stream = stream

    async def outlive(self) -> None:
        """The caller has hung up: returns when nobody has come back for the answer, or nobody is left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OUTLIVES):
                await self._joined.wait()
        if self._joined.is_set():
            await self._deserted.wait()

    def ended(self, body: bytes | None = None) -> None:
        """The answer is whole; `body` is what was sent, unless it was a stream."""
        self._body = body
        self.ended_at = asyncio.get_running_loop().time()

    def close(self) -> None:
        """Nothing more will come, whether it ended well or not."""
        self._over.set()
        if self.ended_at is None or not (self._call.gone or self._joined.is_set()):
            self._forget(self)

    async def join(self, call: Call) -> bool:
        """Gives this attempt's answer to another call; False, with nothing sent, when it fails.

        Raises ClientGone when that call hangs up as well.
        """
        self._joined.set()
        call.notes += self._call.notes
        try:
            async with call.until_gone():
                if self._stream is not None and self.ended_at is None:
                    await self._stream.move_to(call)
                    self._call.stay()
                await self._over.wait()
        except ClientGone:
            self._deserted.set()
            if self._stream is not None:
                self._call.desert()
            raise
        self._forget(self)
        if self.ended_at is None or call.answered:
            return call.answered
        if self._body is not None:
            await call.respond(200, self._body)
        elif self._stream is not None:
            await self._stream.repeat_to(call)
        return True


class Attempts:
    """The attempts of this process that an SDK might repeat."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[Fingerprint, Attempt] = OrderedDict()
        self._swept = 0.0

    def earlier(self, call: Call, caller: Caller) -> Attempt | None:
        """The attempt that this call repeats, if its answer is on its way or waits here."""
        count = call.header(RETRY_COUNT)
        if not count.isdecimal() or not count.strip("0"):
            return None
        self._forget_old()
        attempt = self._attempts.get(_fingerprint(call, caller))
        return attempt if attempt is not None and attempt.can_be_joined else None

    def begin(self, call: Call, caller: Caller) -> Attempt | None:
        """Notes a new attempt; None for a caller that would not say that it repeats itself."""
        if not call.header(RETRY_COUNT).isdecimal():
            return None
        if asyncio.get_running_loop().time() - self._swept > SWEPT_EVERY:
            self._forget_old()
        fingerprint = _fingerprint(call, caller)

        def forget(attempt: Attempt) -> None:
            if self._attempts.get(fingerprint) is attempt:
                del self._attempts[fingerprint]

        attempt = self._attempts[fingerprint] = Attempt(call, forget)
        self._attempts.move_to_end(fingerprint)
        return attempt

    def _forget_old(self) -> None:
        self._swept = asyncio.get_running_loop().time()
        oldest = self._swept - KEPT_SECONDS
        kept = 0
        for fingerprint, attempt in list(reversed(self._attempts.items())):
            kept += attempt.size
            late = attempt.ended_at is not None and attempt.ended_at < oldest
            if late or (attempt.ended_at is not None and kept > KEPT_BYTES):
                del self._attempts[fingerprint]


def _fingerprint(call: Call, caller: Caller) -> Fingerprint:
    return Fingerprint(caller.account_id, caller.key_id, call.path, *call.body_mark)
