"""A browser's part in the stories of the admin API: it keeps the cookie and sends the CSRF token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tokenmill.testing import OPERATOR, PASSWORD, TestPlatform

API = "/console/api/v1"


class Browser:
    """One browser; `last` is its last reply's status and headers."""

    def __init__(self, platform: TestPlatform, http: aiohttp.ClientSession) -> None:
        self.platform = platform
        self.http = http
        self.csrf = ""
        self.status = 0
        self.headers: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The reply's JSON, whatever the status; `status` and `headers` are kept."""
        given = {"x-csrf-token": self.csrf, **headers} if self.csrf else headers
        async with self.http.request(
            method, f"{self.platform.url}{API}{path}", json=body, headers=given
        ) as reply:
            self.status = reply.status
            self.headers = {name.lower(): value for name, value in reply.headers.items()}
            return await reply.json()

    async def get(self, path: str) -> Any:
        """The reply of a GET that is answered 200."""
        found = await self.ask("GET", path)
        assert self.status == 200, found
        return found

    async def do(self, method: str, path: str, body: Any = None) -> Any:
        """The reply of a call that succeeds."""
        done = await self.ask(method, path, body)
        assert 200 <= self.status < 300, done
        return done

    async def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """The status and code of a call that is refused in the one form of error."""
        said = await self.ask(method, path, body, **headers)
        assert set(said) == {"error"}, said
        assert set(said["error"]) == {"code", "message", "field", "request_id"}
        assert said["error"]["request_id"] == self.headers["x-request-id"]
        return self.status, said["error"]["code"]

    async def sign_in(self, email: str = OPERATOR, password: str = PASSWORD) -> Any:
        """Signs in, as a console does."""
        me = await self.do("POST", "/session", {"email": email, "password": password})
        self.csrf = me["csrf_token"]
        return me

    async def confirm(self, password: str = PASSWORD) -> None:
        """Gives the password again."""
        await self.do("POST", "/session/confirm", {"password": password})


@asynccontextmanager
async def browser(platform: TestPlatform, email: str | None = OPERATOR) -> AsyncIterator[Browser]:
    """A browser with cookies of its own, signed in as `email` unless None."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        one = Browser(platform, http)
        if email is not None:
            await one.sign_in(email)
        yield one
