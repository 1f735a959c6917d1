"""Bounds what a connection may cost before its request is known."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tokenmill.api.rejections import ANTHROPIC, OPENAI
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque

HEAD_LIMIT = 64 * 1024
"""Bytes of request line and headers: what nginx and Node allow is less, what agents send far less."""

HEAD_SECONDS = 30.0
"""From the first byte, or the connection, to the end of the headers."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for headers for ever and takes any number of them."""

    head_seconds = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it as we do
        super().connection_made(transport)
        self.url = b""  # uvicorn sets it with the first byte.
        self._head = 0
        self._in_head = True
        self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        # An offer to speak HTTP/2 is declined by leaving it out; the parser would drop the body with it.
        if self._in_head and b"pgrade: h2c" in data:
            data = data.replace(b"\r\nUpgrade: h2c", b"\r\nX-Offer: h2c")
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.transport.is_closing():
                self._refuse(
                    b"431 Request Header Fields Too Large",
                    Fault(Code.TOO_LARGE, f"The request's headers are larger than {HEAD_LIMIT // 1024} KiB."),
                )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = 0
        self._deadline.cancel()
        self._deadline = self.loop.call_later(self.head_seconds, self._too_slow)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._deadline.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._head == 0:  # Nothing was asked, so there is nothing to answer.
            self.transport.close()
            return
        message = f"The request's headers did not come within {self.head_seconds:g} s. Please send it again."
        self._refuse(b"408 Request Timeout", Fault(Code.SLOW_BODY, message))

    def _refuse(self, status: bytes, fault: Fault) -> None:
        """Says `fault` in the dialect of the address, as far as that has come."""
        dialect = ANTHROPIC if b"/anthropic/" in self.url else OPENAI
        request_id = opaque("req_")
        body = dialect.body(fault, request_id)
        ids = b"".join(b"%s: %s\r\n" % (name, request_id.encode()) for name in dialect.id_headers)
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\n%s"
            b"content-length: %d\r\n\r\n%s" % (status, ids, len(body), body)
        )
        self.transport.close()
