"""Leads a question to its answer, streamed or whole, in whatever protocol its caller speaks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Protocol

from tokenmill.accounts.key_check import Caller
from tokenmill.api.attempts import Attempt, Attempts
from tokenmill.api.call import Call, ClientGone, fault_of
from tokenmill.api.clients import tool_of
from tokenmill.api.streaming import SILENCE, EventStream
from tokenmill.conversation.events import Failed, Finished
from tokenmill.conversation.fold import Folder, Reply
from tokenmill.conversation.frames import Frame, StreamEncoder
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Request
from tokenmill.exchange.exchange import Exchanges
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.ticket import Asked
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import ExchangeId, sortable


class Question(Protocol):
    """A decoded request, and how its reply is written."""

    @property
    def protocol(self) -> Vendor:
        """Whose words the caller speaks."""
        ...

    @property
    def request(self) -> Request:
        """What is asked."""
        ...

    @property
    def ping(self) -> bytes:
        """What keeps a stream alive once it has begun."""
        ...

    def encoder(self, running: Replying | None) -> StreamEncoder:
        """Writes the reply as a stream; without `running` only its failure."""
        ...

    def whole(self, reply: Reply, running: Replying) -> bytes:
        """The reply in one piece."""
        ...

    def watch(self, frame: Frame) -> None:
        """Sees every frame of a streamed reply that is on its way to the caller."""
        ...

    async def keep(self) -> None:
        """Does what has to be done with the reply, which is complete, before its caller knows that it is."""
        ...


class Answers:
    """Puts questions to the exchanges and sends what comes back."""

    def __init__(self, exchanges: Exchanges, silence: float = SILENCE) -> None:
        """`silence` is in seconds, after which a waiting stream gets a ping."""
        self._exchanges = exchanges
        self._silence = silence
        self._attempts = Attempts()

    async def answer(self, call: Call, caller: Caller, question: Question) -> None:
        """Answers one question. Raises Fault, and ClientGone when the caller leaves."""
        earlier = self._attempts.earlier(call, caller)
        if earlier is not None and await earlier.join(call):
            return
        attempt = self._attempts.begin(call, caller)
        try:
            await self._ask(call, caller, question, attempt)
        finally:
            if attempt is not None:
                attempt.close()

    async def _ask(self, call: Call, caller: Caller, question: Question, attempt: Attempt | None) -> None:
        asked = Asked(
            id=ExchangeId(sortable("ex")),
            caller=caller,
            protocol=question.protocol,
            client=tool_of(call.header),
            request_id=call.request_id,
            line=call,
            status_of=call.dialect.status_of,
        )
        call.notes.append((b"x-tokenmill-exchange", asked.id.encode()))  # Its receipt: GET /v1/usage/{id}.
        if question.request.stream:
            await self._stream(call, question, asked, attempt)
        else:
            await self._whole(call, question, asked, attempt)

    async def _whole(self, call: Call, question: Question, asked: Asked, attempt: Attempt | None) -> None:
        outlive = None if attempt is None else attempt.outlive
        async with (
            call.until_gone(outlive=outlive),
            self._exchanges.begin(question.request, asked) as running,
        ):
            reply = None
            while reply is None:
                try:
                    reply = await _folded(running)
                except Fault as fault:
                    running = await running.elsewhere(fault)
            body = question.whole(reply, running)
        await question.keep()
        if attempt is not None:
            attempt.ended(body)
        await call.respond(200, body)

    async def _stream(self, call: Call, question: Question, asked: Asked, attempt: Attempt | None) -> None:
        out = EventStream(call, self._silence)
        if attempt is not None:
            attempt.streams_to(out)
        encoder: StreamEncoder | None = None
        try:
            async with (
                call.until_gone(self._silence, out.tend),
                self._exchanges.begin(question.request, asked) as running,
            ):
                encoder = question.encoder(running)
                ending = await _pump(running, question, encoder, out)
            await question.keep()
        except ClientGone:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if out.started:  # Else it is an HTTP error, which is the application's to send.
                fault = fault_of(error, call)
                await out.end((encoder or question.encoder(None)).fail(fault))
            if not isinstance(error, Fault) or not out.started:
                raise
        else:
            await out.end(ending)
            if attempt is not None:
                attempt.ended()


async def _folded(running: Replying) -> Reply:
    """The whole reply. Raises the Fault of one that breaks off."""
    folder = Folder()
    async with aclosing(running.frames()) as frames:
        async for frame in frames:
            for event in frame.events:
                folder.feed(event)
    return folder.reply()


async def _pump(running: Replying, question: Question, encoder: StreamEncoder, out: EventStream) -> bytes:
    """Sends the reply but for its ending, which is returned: it goes out once the exchange is settled."""
    ending = b""
    same_wire = running.wire == question.protocol
    try:
        async with aclosing(running.frames()) as frames:
            async for frame in frames:
                question.watch(frame)
                data = encoder.relay(frame) if same_wire else b"".join(map(encoder.feed, frame.events))
                if ending or (frame.events and type(frame.events[-1]) in (Finished, Failed)):
                    ending += data
                elif data:
                    await out.send(data)
                    out.ping = question.ping
        return ending + encoder.close()
    finally:
        running.note(encoder.drops)
