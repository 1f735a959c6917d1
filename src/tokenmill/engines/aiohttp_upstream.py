"""Carries requests to upstreams with aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, Final

import aiohttp

from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Timeouts, UpstreamReply

RETRY_SOON = 2.0
"""Seconds a caller is asked to wait when an upstream is away: enough for a restart behind a balancer."""

AT_ONCE = 0.05
"""Seconds within which a kept connection shows that its other end had gone before; what ends later may have
been begun."""

LARGE: Final = 2**20
"""Bytes of a request beyond which it is handed over in pieces, so that it holds up nobody else."""

LOOK_AGAIN = 1.0
"""Seconds between two looks after a deadline while nothing is waited for."""


def _away() -> Fault:
    return Fault(
        Code.UPSTREAM_AWAY,
        "The server behind this model cannot be reached at the moment. Please try again.",
        retry_after=RETRY_SOON,
    )


def _late(what: str) -> Fault:
    message = f"The model took too long {what}. Please try again."
    return Fault(Code.UPSTREAM_TIMEOUT, message, retry_after=RETRY_SOON)


def _broke() -> Fault:
    return Fault(Code.UPSTREAM_BROKE, "The connection to the model broke off before its reply was complete.")


def _garbled() -> Fault:
    return Fault(Code.UPSTREAM_BROKE, "The model's server sent something that is not an HTTP reply.")


class _Watch:
    """Ends the wait for bytes that do not come in time.

    It has one timer, which looks after the deadline and is not moved with it: that would cost more than
    reading a chunk.
    """

    def __init__(self, content: aiohttp.StreamReader, due: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._content = content
        self._due: float | None = due
        self._arm(due)

    def wait_until(self, due: float) -> None:
        """From now on something has to come before `due`, by the loop's clock."""
        self._due = due
        if due < self._timer.when():
            self._timer.cancel()
            self._arm(due)

    def rest(self) -> None:
        """Nothing is waited for: whoever reads has its hands full."""
        self._due = None

    def end(self) -> None:
        """Looks no more."""
        self._timer.cancel()

    def _arm(self, at: float) -> None:
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if self._due is None:
            self._arm(now + LOOK_AGAIN)
        elif self._due > now:
            self._arm(self._due)
        else:
            self._content.set_exception(TimeoutError())


class _Reply:
    """One aiohttp response under our deadlines."""

    def __init__(self, response: aiohttp.ClientResponse, timeouts: Timeouts, began: float) -> None:
        self._response = response
        self._between = timeouts.between
        self._whole_by = began + timeouts.whole
        self._first_by = began + min(timeouts.first, timeouts.whole)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def chunks(self) -> AsyncGenerator[bytes]:
        content = self._response.content
        now = asyncio.get_running_loop().time
        watch = _Watch(content, self._first_by)
        begun = False
        try:
            while chunk := await content.readany():
                watch.rest()
                begun = True
                yield chunk
                watch.wait_until(min(now() + self._between, self._whole_by))
        except TimeoutError:
            raise _late("to go on with its reply" if begun else "to begin its reply") from None
        except (aiohttp.ClientError, ConnectionError):
            raise _broke() from None
        finally:
            watch.end()


@dataclass(slots=True)
class _Way:
    """How a request went out: over a connection that had served others before?"""

    kept: bool = False


async def _note_kept(session: aiohttp.ClientSession, context: Any, params: Any) -> None:
    if isinstance(context.trace_request_ctx, _Way):
        context.trace_request_ctx.kept = True


class AiohttpUpstream:
    """Keeps one pool of connections; built and closed inside a running event loop."""

    def __init__(self) -> None:
        watching = aiohttp.TraceConfig()
        watching.on_connection_reuseconn.append(_note_kept)
        self._session = aiohttp.ClientSession(
            trace_configs=[watching],
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> AsyncIterator[UpstreamReply]:
        """See `tokenmill.ports.Upstream.post`; redirects are not followed."""
        began = asyncio.get_running_loop().time()
        response = await self._send(url, headers, body, timeouts, began)
        try:
            yield _Reply(response, timeouts, began)
        finally:
            # A reply read to its end has given its connection back already; any other is cut here,
            # which is how the upstream learns that nobody listens any more.
            response.close()

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts, began: float
    ) -> aiohttp.ClientResponse:
        limits = aiohttp.ClientTimeout(sock_connect=timeouts.connect)
        try:
            async with asyncio.timeout_at(began + min(timeouts.first, timeouts.whole)):
                return await self._asked(url, headers, body, limits)
        except aiohttp.ConnectionTimeoutError:
            raise _away() from None
        except TimeoutError:
            raise _late("to begin its reply") from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL):
            raise _away() from None
        except aiohttp.ClientResponseError:
            raise _garbled() from None
        except (aiohttp.ClientError, OSError):
            raise _broke() from None  # Somebody was there. A kept connection gone stale looks so, too.

    async def _asked(
        self, url: str, headers: Mapping[str, str], body: bytes, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """The reply; a kept connection that turns out to be gone is replaced, once.

        Whoever took a connection of its own for the request, took its time, or began a status line may have
        begun to work: such a request is not repeated here.
        """
        now = asyncio.get_running_loop().time
        began = now()
        way = _Way()
        ask = partial(self._session.post, url, headers=headers, timeout=limits, allow_redirects=False)
        try:
            return await ask(data=_in_pieces(body), trace_request_ctx=way)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as gone:
            if not way.kept or now() - began > AT_ONCE or _has_begun(gone):
                raise
        return await ask(data=_in_pieces(body))

    async def read(self, reply: UpstreamReply, limit: int) -> bytes:
        """See `tokenmill.ports.Upstream.read`."""
        body = bytearray()
        async with aclosing(reply.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > limit:
                    raise Fault(Code.UPSTREAM_BROKE, "The model's reply is larger than the platform accepts.")
        return bytes(body)

    async def close(self) -> None:
        """See `tokenmill.ports.Upstream.close`."""
        await self._session.close()


def _in_pieces(body: bytes) -> bytes | BytesIO:
    return body if len(body) < LARGE else BytesIO(body)


def _has_begun(gone: aiohttp.ClientError) -> bool:
    """Had the other end said something before it hung up?"""
    return isinstance(gone, aiohttp.ServerDisconnectedError) and not isinstance(gone.message, str)
