"""Bounds what a connection may cost before its request is known."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of request line and headers: what nginx and Node allow is less, what agents send far less."""

HEAD_SECONDS = 30.0
"""From the first byte, or the connection, to the end of the headers."""

_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: 74\r\n\r\n"
    b'{"error":{"message":"The request\'s headers are too large.","code":"431"}}\n'
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for headers for ever and takes any number of them."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it as we do
        super().connection_made(transport)
        self._head = 0
        self._in_head = True
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def data_received(self, data: bytes) -> None:
        # An offer to speak HTTP/2 is declined by leaving it out; the parser would drop the body with it.
        if self._in_head and b"pgrade: h2c" in data:
            data = data.replace(b"\r\nUpgrade: h2c", b"\r\nX-Offer: h2c")
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.transport.is_closing():
                self.transport.write(_REFUSAL)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = 0
        self._deadline.cancel()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._deadline.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
