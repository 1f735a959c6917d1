"""Leads an upstream's bytes to a caller's bytes as the platform does, without sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing

from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame, StreamEncoder
from tokenmill.conversation.parts import Vendor
from tokenmill.engines.streamed import Decoder, StreamedReply
from tokenmill.exchange.steps.chain import Chain
from tokenmill.kit.faults import Fault
from tokenmill.ports import Timeouts, UpstreamReply


class Recorded:
    """A streamed HTTP reply that is here already, in pieces; see `tokenmill.ports.UpstreamReply`."""

    status = 200
    headers: Mapping[str, str] = {"content-type": "text/event-stream"}

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    async def chunks(self) -> AsyncGenerator[bytes]:
        for piece in self._pieces:
            yield piece


class _Nowhere:
    """An HTTP client that nobody asks."""

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        raise NotImplementedError

    async def read(self, reply: UpstreamReply, limit: int) -> bytes:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def streamed(pieces: Iterable[bytes], decoder: Decoder, wire: Vendor) -> AsyncGenerator[Frame]:
    """The frames of a reply of which the pieces are here already."""
    reply = StreamedReply(_Nowhere(), Recorded(pieces), wire=wire, drops=(), decoder=decoder, whole=_whole)
    return reply.frames()


def _whole(body: bytes) -> Iterable[Event]:
    raise NotImplementedError


async def told(frames: Iterable[Frame]) -> AsyncGenerator[Frame]:
    """Frames that were decoded before, as an engine gives them."""
    for frame in frames:
        yield frame


async def stepped(frames: AsyncGenerator[Frame], chain: Chain) -> AsyncGenerator[Frame]:
    """The frames as they leave the steps; what these held back comes before a fault."""
    try:
        async for frame in frames:
            for ready in chain.take(frame):
                yield ready
            if chain.cut:
                break
    except Fault:
        if held := chain.close():
            yield Frame(held)
        raise
    if held := chain.close():
        yield Frame(held)


async def written(frames: AsyncGenerator[Frame], encoder: StreamEncoder, *, same_wire: bool) -> bytes:
    """All that a caller is sent."""
    out: list[bytes] = []
    try:
        async with aclosing(frames):
            async for frame in frames:
                out.append(encoder.relay(frame) if same_wire else b"".join(map(encoder.feed, frame.events)))
    except Fault as fault:
        return b"".join(out) + encoder.fail(fault)
    return b"".join(out) + encoder.close()
