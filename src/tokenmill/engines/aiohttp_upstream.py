"""Carries requests to upstreams with aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Timeouts, UpstreamReply

RETRY_SOON = 2.0
"""Seconds a caller is asked to wait when an upstream is away: enough for a restart behind a balancer."""


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


class _Reply:
    """One aiohttp response under our deadlines."""

    def __init__(self, response: aiohttp.ClientResponse, timeouts: Timeouts, first_by: float) -> None:
        self._response = response
        self._timeouts = timeouts
        self._first_by = first_by

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def chunks(self) -> AsyncGenerator[bytes]:
        content = self._response.content
        loop = asyncio.get_running_loop()
        begun = False
        try:
            # The deadline is lifted while the consumer has the chunk: a timer that fires then
            # would cancel the consumer's own work.
            async with asyncio.timeout_at(self._first_by) as deadline:
                while chunk := await content.readany():
                    deadline.reschedule(None)
                    begun = True
                    yield chunk
                    deadline.reschedule(loop.time() + self._timeouts.between)
        except TimeoutError:
            raise _late("to go on with its reply" if begun else "to begin its reply") from None
        except (aiohttp.ClientError, ConnectionError):
            raise _broke() from None


class AiohttpUpstream:
    """Keeps one pool of connections; built and closed inside a running event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
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
        first_by = asyncio.get_running_loop().time() + timeouts.first
        response = await self._send(url, headers, body, timeouts, first_by)
        try:
            yield _Reply(response, timeouts, first_by)
        finally:
            # A reply read to its end has given its connection back already; any other is cut here,
            # which is how the upstream learns that nobody listens any more.
            response.close()

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts, first_by: float
    ) -> aiohttp.ClientResponse:
        limits = aiohttp.ClientTimeout(total=timeouts.whole, sock_connect=timeouts.connect)
        try:
            async with asyncio.timeout_at(first_by):
                return await self._session.post(
                    url, data=body, headers=headers, timeout=limits, allow_redirects=False
                )
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

    async def read(self, reply: UpstreamReply, limit: int) -> bytes:
        """See `tokenmill.ports.Upstream.read`."""
        body = bytearray()
        async for chunk in reply.chunks():
            body += chunk
            if len(body) > limit:
                raise Fault(Code.UPSTREAM_BROKE, "The model's reply is larger than the platform accepts.")
        return bytes(body)

    async def close(self) -> None:
        """See `tokenmill.ports.Upstream.close`."""
        await self._session.close()
