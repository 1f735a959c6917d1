"""Asks the provider over HTTP, and takes neither long nor large replies, nor redirects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

from tokenmill.accounts.oidc.problems import SignInProblem

LARGEST: Final = 512 * 1024
"""Bytes of a reply; the largest key sets have some tens of thousands."""
_CONNECT: Final = 5.0


class Fetcher:
    """Opens a connection for each question: they are rare, and nothing of one is left for the next."""

    def __init__(self, timeout: float) -> None:
        """`timeout` is how many seconds a whole reply may take."""
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, _CONNECT))

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """The body of a reply with status 200. Raises SignInProblem(provider_away)."""
        status, body = await self._ask("GET", url, headers or {}, None)
        if status != 200:
            raise SignInProblem("provider_away", f"GET {url} was answered {status}")
        return body

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. Raises SignInProblem(provider_away)."""
        return await self._ask("POST", url, headers, form)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        plain = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "TokenMill"}
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=self._timeout,
                    auto_decompress=False,  # A few bytes could stand for gigabytes.
                ) as session,
                session.request(
                    method, url, data=form, headers={**plain, **headers}, allow_redirects=False
                ) as reply,
            ):
                return reply.status, await _bounded(reply)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise SignInProblem("provider_away", f"{method} {url}: {type(error).__name__}") from None


async def _bounded(reply: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in reply.content.iter_any():
        size += len(piece)
        if size > LARGEST:
            raise SignInProblem("provider_away", f"{reply.url} sends more than {LARGEST} bytes")
        pieces.append(piece)
    return b"".join(pieces)
