"""Asks a provider over HTTP, and says what went wrong in words that hold no address and no key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

import aiohttp
import msgspec

from tokenmill.ports import SearchFailed

LARGEST: Final = 4 * 2**20
"""Bytes of an answer; fifty results with long summaries take about 200 kB."""
SECONDS: Final = 10.0

T = TypeVar("T")


class Asking:
    """One provider's HTTP client; it opens its first connection when somebody searches."""

    def __init__(self, headers: Mapping[str, str] | None = None, seconds: float = SECONDS) -> None:
        self._headers = {"accept": "application/json", "user-agent": "TokenMill", **(headers or {})}
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, parameters: Mapping[str, str], shape: type[T]) -> T:
        """The answer to a GET. Raises SearchFailed."""
        return await self._ask("GET", url, shape, params=parameters)

    async def post(self, url: str, body: Mapping[str, object], shape: type[T]) -> T:
        """The answer to a POST of JSON. Raises SearchFailed."""
        return await self._ask("POST", url, shape, data=msgspec.json.encode(body))

    async def close(self) -> None:
        """Ends all connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self,
        method: str,
        url: str,
        shape: type[T],
        params: Mapping[str, str] | None = None,
        data: bytes = b"",
    ) -> T:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=self._seconds)
            )
        headers = dict(self._headers) | ({"content-type": "application/json"} if data else {})
        try:
            # A redirect would take the key to where it leads.
            async with self._session.request(
                method, url, params=params, data=data or None, headers=headers, allow_redirects=False
            ) as reply:
                status = reply.status
                body = await _whole(reply.content) if status == 200 else b""
        except TimeoutError:
            raise SearchFailed("the search provider takes too long") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise SearchFailed("the search provider cannot be reached") from None
        if status != 200:
            raise SearchFailed(_complaint(status))
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.DecodeError, RecursionError):  # Of which wrong shapes and wrong UTF-8 are kinds.
            raise SearchFailed("the search provider answers in an unknown form") from None
        except UnicodeDecodeError:
            raise SearchFailed("the search provider answers in an unknown form") from None


async def _whole(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise SearchFailed("the search provider's answer is too large")
    return body


def _complaint(status: int) -> str:
    match status:
        case 401 | 403:
            return f"the search provider does not accept the platform's key ({status})"
        case 402:
            return "the platform's account at the search provider is used up (402)"
        case 429:
            return "the search provider is asked too often (429)"
        case _:
            return f"the search provider answered {status}"
