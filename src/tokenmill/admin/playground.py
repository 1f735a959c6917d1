"""Lets who is signed in try the model API with a key of theirs, which never reaches the browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from tokenmill.accounts.refusals import signed_out
from tokenmill.admin.cookie import cookie_name
from tokenmill.admin.csrf import CSRF_HEADER, SAFE, check_csrf
from tokenmill.admin.services import Services
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import Key

PREFIX: Final = "/console/api/v1/playground/"

Play = Callable[[Any, Any, Any, str, bytes], Awaitable[None]]
"""Serves the ASGI request (scope, receive, send) of the model API at a path, for the key of a digest."""

DESCRIPTION: Final[dict[str, Any]] = {
    "post": {
        "tags": ["playground"],
        "summary": "Try the model API",
        "description": "Runs what the model API has at the path behind the key's id, with that key, and "
        "answers in the protocol's own bytes: `v1/chat/completions`, `v1/responses`, "
        "`anthropic/v1/messages`. A Token Plan key is used at the Token Plan's addresses. "
        "It costs what the key's calls cost.",
        "operationId": "playground",
        "x-requires": "member",
        "x-requires-confirmation": False,
        "parameters": [
            {"name": "key_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}},
        ],
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {"200": {"description": "As the protocol has it, streamed if that was asked."}},
    }
}


class Playground:
    """Checks the session and the key, and hands the request on as it is."""

    def __init__(self, services: Services, play: Play) -> None:
        self._services = services
        self._play = play

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves one request; `Door` has judged where it comes from.

        Raises Refusal, and Fault(NOT_FOUND) for a key of somebody else.
        """
        token = _cookie(scope, cookie_name(self._services.secure))
        who = await self._services.sessions.find(token) if token else None
        if who is None:
            raise signed_out()
        if scope["method"] not in SAFE:
            check_csrf(token, _header(scope, CSRF_HEADER.encode()))
        key_id, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        async with self._services.database.read() as work:
            key = await work.session.get(Key, key_id)
        if key is None or key.account_id != who.account_id or key.deleted_at is not None:
            raise Fault(Code.NOT_FOUND, "There is no such key.", field="key_id")
        path = f"/token-plan/{rest}" if key.kind == "tp" else f"/{rest}"
        await self._play(scope, receive, send, path, key.hash)


def _cookie(scope: Any, name: str) -> str:
    try:
        found = SimpleCookie(_header(scope, b"cookie")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _header(scope: Any, name: bytes) -> str:
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == name), "")
