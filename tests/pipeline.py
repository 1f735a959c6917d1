"""Leads an upstream's bytes to a caller's bytes as the platform does, without sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing

from tokenmill.accounts.key_check import Caller
from tokenmill.catalog.guess import Family
from tokenmill.conversation.events import Event, Failed, Finished
from tokenmill.conversation.frames import Frame, StreamEncoder
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Request
from tokenmill.engines.streamed import Decoder, StreamedReply
from tokenmill.exchange.estimate import Calibration
from tokenmill.exchange.exchange import Running
from tokenmill.exchange.steps.chain import Chain
from tokenmill.exchange.ticket import Asked, Ticket
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId
from tokenmill.ports import Timeouts, UpstreamReply
from tokenmill.testing import FixedClock


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


class _Line:
    """A caller who stays."""

    answered = True
    gone = False

    def stay(self) -> None:
        pass


async def told(frames: Iterable[Frame]) -> AsyncGenerator[Frame]:
    """Frames that were decoded before, as an engine gives them."""
    for frame in frames:
        yield frame


def running(frames: AsyncGenerator[Frame], family: Family, request: Request, wire: Vendor) -> Running:
    """The exchange of one reply, on its way through the steps."""
    caller = Caller(AccountId("acc"), KeyId("key"), "sk", "k", None)
    asked = Asked(
        id=ExchangeId("ex"),
        caller=caller,
        protocol="openai_chat",
        client="",
        request_id="req",
        line=_Line(),
        status_of=lambda _: 500,
    )
    ticket = Ticket(asked, request, ModelId(request.model), FixedClock(), Calibration())
    return Running(ticket, Chain(family, request), [], frames, None, wire)


async def written(reply: Running, encoder: StreamEncoder, protocol: Vendor) -> bytes:
    """All that the caller of `protocol` is sent."""
    same_wire = reply.wire == protocol
    out: list[bytes] = []
    try:
        async with aclosing(reply.frames()) as frames:
            async for frame in frames:
                data = encoder.relay(frame) if same_wire else b"".join(map(encoder.feed, frame.events))
                if (frame.events and type(frame.events[-1]) in (Finished, Failed)) or data:
                    out.append(data)
    except Fault as fault:
        return b"".join(out) + encoder.fail(fault)
    return b"".join(out) + encoder.close()
