"""Stands before the admin API: judges who sends what, bounds it, and wakes the API when first asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from tokenmill.accounts.refusals import Refusal
from tokenmill.admin.csrf import SAFE
from tokenmill.admin.errors import body_of, headers_of, internal, status_of
from tokenmill.admin.playground import PREFIX, Play, Playground
from tokenmill.admin.services import Services
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.hosts import host_of
from tokenmill.kit.ids import opaque

log = structlog.get_logger()

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOADS: Final = "/console/api/v1/files"
"""Where bodies are read as they come, and bounded by who reads them."""
BODY_LIMIT: Final = 2 * 2**20
"""Bytes; the largest body is a catalogue file."""
BODY_SECONDS: Final = 30.0
_NOTHING: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # In JSON; PostgreSQL keeps no such text.
REQUEST_ID: Final = "tokenmill.request_id"

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Door:
    """The ASGI application for everything below `/console/api/`.

    FastAPI is imported when the first request comes, on a thread: a node that only serves models never pays.
    """

    def __init__(self, services: Services, play: Play) -> None:
        """`play` serves the model API for a key of who is signed in."""
        self._services = services
        self._playground = Playground(services, play)
        self._inner: Asgi | None = None
        self._waking = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request."""
        request_id = scope[REQUEST_ID] = opaque("req_")
        answer = _Answer(send, request_id)
        try:
            self._judge(scope)
            if scope["path"].startswith(PREFIX):
                return await self._playground(scope, receive, answer)
            if scope["path"] != UPLOADS or scope["method"] != "POST":
                body = await read_body(scope, receive)
                if _NOTHING.search(body):
                    raise _unkept()
                receive = _replay(body, receive)
            inner = self._inner or await self.wake()
            await inner(scope, receive, answer)
        except _Gone:
            pass
        except Fault as fault:
            await answer.reject(fault)
        except Exception:
            log.exception("request failed", path=scope["path"], request_id=request_id)
            await answer.reject(internal(request_id))

    async def wake(self) -> Asgi:
        """Imports and builds the API, unless that is done."""
        async with self._waking:
            if self._inner is None:
                self._inner = await asyncio.to_thread(_build, self._services)
            return self._inner

    def _judge(self, scope: Scope) -> None:
        """Raises Fault for a host that is none, Refusal for what another site has sent."""
        host = _header(scope, b"host")
        if host is None or host_of(host.encode("latin-1")) is None:  # Frameworks build addresses from it.
            raise Fault(Code.BAD_VALUE, "The Host header is missing, repeated or malformed.")
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise _unkept()
        if scope["method"] in SAFE:
            return
        site = _header(scope, b"sec-fetch-site") or ""
        origin = _header(scope, b"origin") or ""
        foreign = site not in ("", "same-origin", "none") or (origin != "" and not self._own(origin, host))
        if foreign:
            raise Refusal("wrong_origin", "This was sent by another site, and nothing was done.")

    def _own(self, origin: str, host: str) -> bool:
        if origin == _origin_of(self._services.public_url):
            return True
        return origin in (f"http://{host}", f"https://{host}")


def _unkept() -> Fault:
    return Fault(Code.BAD_VALUE, "The character U+0000 cannot be kept. Leave it out.")


class _Gone(Exception):
    """The caller hung up before the body was whole."""


class _Answer:
    """The reply; each has the request's id and must not be kept by anybody."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            given = {name for name, _ in message["headers"]}
            own = [(b"x-request-id", self._request_id.encode()), *_HEADERS]
            added = [header for header in own if header[0] not in given]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)

    async def reject(self, fault: Fault) -> None:
        """Sends the fault, unless a reply has begun."""
        if self._begun:
            return
        body = body_of(fault, self._request_id)
        length = (b"content-length", str(len(body)).encode())
        headers = [*headers_of(fault), length]
        await self({"type": "http.response.start", "status": status_of(fault), "headers": headers})
        await self({"type": "http.response.body", "body": body, "more_body": False})


def _build(services: Services) -> Asgi:
    from tokenmill.admin.app import build

    return build(services)


async def read_body(scope: Scope, receive: Receive, within: float = BODY_SECONDS) -> bytes:
    """The whole body. Raises Fault: TOO_LARGE, or SLOW_BODY when it takes more than `within` seconds."""
    pieces: list[bytes] = []
    size = 0
    too_large = Fault(Code.TOO_LARGE, f"The body is larger than {BODY_LIMIT // 2**20} MiB.")
    declared = _header(scope, b"content-length") or ""
    if declared.isdigit() and int(declared) > BODY_LIMIT:
        raise too_large
    try:
        async with asyncio.timeout(within):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > BODY_LIMIT:
                    raise too_large
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise Fault(Code.SLOW_BODY, "The body did not arrive in time.") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, and then whatever the connection says."""
    waiting = [body]

    async def once() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return once


def _header(scope: Scope, name: bytes) -> str | None:
    """A header that is there once."""
    values = [value for each, value in scope["headers"] if each == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
