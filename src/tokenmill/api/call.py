"""Wraps one HTTP request of the ASGI server: its headers, its body, its one reply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from tokenmill.api.rejections import OPENAI, Dialect, headers_of
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque
from tokenmill.kit.secrets import looks_like_key
from tokenmill.limits.limiter import Standing

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")

RETRY_COUNT = b"x-stainless-retry-count"
"""In which the official SDKs say how often they have asked before; 0 the first time."""

BODY_SECONDS = 30
"""Seconds without a byte after which a request is given up: each holds what has come of it in memory."""


class ClientGone(Exception):
    """The caller hung up; there is nobody left to answer."""


class WrongMethod(Fault):
    """The path is right and the method is not; `allowed` goes into the Allow header (RFC 9110, 15.5.6)."""

    def __init__(self, call: Call, allowed: str) -> None:
        super().__init__(Code.WRONG_METHOD, f"{call.path} takes {allowed}, not {call.method}.")
        self.allowed = allowed


def fault_of(error: BaseException, call: Call) -> Fault:
    """The fault that the caller is told of when `error` ends a call."""
    match error:
        case Fault():
            return error
        case asyncio.CancelledError():  # The server cuts what outlives its grace.
            return Fault(Code.STOPPING, "The server is stopping. Please try again in a moment.")
        case _:
            return Fault(
                Code.INTERNAL,
                f"The platform failed. Please report the request id {call.request_id} to its operator.",
            )


class Call:
    """One request and its reply; `dialect` is in which faults are told."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, dialect: Dialect = OPENAI) -> None:
        self.dialect = dialect
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.request_id = opaque("req_")
        self.peer: str = (scope.get("client") or ("", 0))[0]
        self.notes: list[Header] = []
        self.body_mark = (0, 0)
        self._scope: asyncio.Timeout | None = None
        self.answered = False
        self.gone = False
        self._stays = False
        self._read = False
        self._receive = receive
        self._send = send

    def header(self, name: bytes) -> str:
        """A request header, `""` when it is not there; `name` in lower case."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def key(self) -> str | None:
        """The key, from any of the three headers in which clients send it.

        Some clients send two of them, not always with the same key: the first that could be one of ours
        counts, else the first that is there.
        """
        words = self.header(b"authorization").split()
        bearer = words[1] if len(words) == 2 and words[0].lower() == "bearer" else ""
        bare = words[0] if len(words) == 1 and words[0].startswith(("sk-", "tp-")) else ""
        sent = (bearer or bare, self.header(b"api-key").strip(), self.header(b"x-api-key").strip())
        presented = [key for key in sent if key]
        return next(filter(looks_like_key, presented), presented[0] if presented else None)

    def stand(self, standing: Standing) -> None:
        """What the rate limits leave goes out with the headers."""
        self.notes += self.dialect.rates(standing)

    def stay(self) -> None:
        """From now on the work goes on although the caller hangs up; what is sent then goes nowhere."""
        self._stays = True

    def desert(self) -> None:
        """Whoever had taken this call's reply over has left too: the work ends, even if it was to stay."""
        self.gone = True
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises Fault(TOO_LARGE | SLOW_BODY), and ClientGone if it breaks off.

        Of a caller that may repeat itself, `body_mark` then says what it has asked: size and hash.
        """
        too_large = Fault(
            Code.TOO_LARGE,
            f"The request is larger than {limit // 2**20} MiB, which is the most this platform takes. "
            "Send media as URLs, or shorten the history.",
        )
        self._refuse_encoded()
        declared = self.header(b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise too_large
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._next_piece()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large
            pieces.append(piece)
            if not message.get("more_body", False):
                body = b"".join(pieces)
                if RETRY_COUNT in self.headers:
                    self.body_mark = (size, hash(body))
                return body

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes, for those that keep none of it in memory.

        Raises Fault(BAD_VALUE | SLOW_BODY), and ClientGone if it breaks off.
        """
        self._refuse_encoded()
        while not self._read:
            message = await self._next_piece()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise ClientGone
            self._read = not message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece

    async def leave_body(self, seconds: float) -> None:
        """Reads on for so long, so that a caller who sends first and reads then learns what is wrong.

        A connection whose body has still not ended takes no further request.
        """
        with suppress(TimeoutError, ClientGone, Fault):
            async with asyncio.timeout(seconds):
                async for _ in self.pieces():
                    pass
        if not self._read:
            self.notes.append((b"connection", b"close"))

    def _refuse_encoded(self) -> None:
        if self.header(b"content-encoding").lower() not in ("", "identity"):
            raise Fault(Code.BAD_VALUE, "Send the body uncompressed, without a Content-Encoding.")

    async def _next_piece(self) -> Message:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._receive()
        except TimeoutError:
            raise Fault(
                Code.SLOW_BODY,
                f"Nothing of the request's body came for {BODY_SECONDS} s. Please send it again.",
            ) from None

    @asynccontextmanager
    async def until_gone(
        self,
        every: float | None = None,
        meanwhile: Callable[[], Awaitable[bool]] | None = None,
        outlive: Callable[[], Awaitable[None]] | None = None,
    ) -> AsyncIterator[None]:
        """Cancels the block when the caller hangs up, which then ends in ClientGone.

        The body has to be read before. `meanwhile` runs each `every` seconds; when it says no, the caller
        counts as gone. The block goes on without the caller until `outlive` returns, if that is given.
        """

        async def watch(scope: asyncio.Timeout) -> None:
            while True:
                try:
                    async with asyncio.timeout(every):
                        while (await self._receive())["type"] != "http.disconnect":
                            pass
                    break
                except TimeoutError:
                    if meanwhile is not None and not await meanwhile():
                        self._stays = False  # Whoever does not read blocks the work, too.
                        break
            self.gone = True
            if outlive is not None:
                await outlive()
            if not self._stays:
                scope.reschedule(asyncio.get_running_loop().time())

        try:
            async with asyncio.timeout(None) as scope:
                self._scope = scope
                watcher = asyncio.create_task(watch(scope))
                try:
                    yield
                finally:
                    watcher.cancel()
        except TimeoutError:
            if self.gone:
                raise ClientGone from None
            raise

    async def start(self, status: int, headers: Iterable[Header]) -> None:
        """Sends the status line; the request's id and what was noted are always among the headers."""
        self.answered = True
        request_id = self.request_id.encode()
        ids = ((name, request_id) for name in self.dialect.id_headers)
        said = [*headers, *ids, *self.notes]
        await self._send({"type": "http.response.start", "status": status, "headers": said})

    async def more(self, body: bytes) -> None:
        """Sends a piece of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes = b"") -> None:
        """Sends the last piece of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def respond(self, status: int, body: bytes, headers: Iterable[Header] = (JSON,)) -> None:
        """Sends a whole reply."""
        await self.start(status, [*headers, (b"content-length", str(len(body)).encode())])
        await self.end(b"" if self.method == "HEAD" else body)

    async def reject(self, fault: Fault, extra: Iterable[Header] = ()) -> None:
        """Sends `fault` as an error of the caller's dialect."""
        body = self.dialect.body(fault, self.request_id)
        await self.respond(self.dialect.status_of(fault), body, [JSON, *headers_of(fault), *extra])
