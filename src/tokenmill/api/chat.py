"""Serves `POST /v1/chat/completions`."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call, ClientGone, fault_of
from tokenmill.api.clients import tool_of
from tokenmill.api.rejections import status_of
from tokenmill.api.streaming import SILENCE, EventStream
from tokenmill.conversation.events import Failed, Finished
from tokenmill.conversation.fold import Folder
from tokenmill.conversation.request import Request
from tokenmill.exchange.exchange import Exchanges, Running
from tokenmill.exchange.ticket import Asked
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import ExchangeId, opaque, sortable
from tokenmill.wire.openai_chat.reply import encode_reply
from tokenmill.wire.openai_chat.request import decode_request
from tokenmill.wire.openai_chat.stream import ChatStreamEncoder


class ChatCompletions:
    """The chat face of the exchanges."""

    def __init__(self, exchanges: Exchanges, *, body_limit: int, silence: float = SILENCE) -> None:
        self._exchanges = exchanges
        self._body_limit = body_limit
        self._silence = silence

    async def create(self, call: Call, caller: Caller) -> None:
        """Answers one request, streamed or whole. Raises Fault, and ClientGone when the caller leaves."""
        request = decode_request(await call.body(self._body_limit))
        asked = Asked(
            id=ExchangeId(sortable("ex")),
            caller=caller,
            protocol="openai_chat",
            client=tool_of(call.header(b"user-agent")),
            request_id=call.request_id,
            line=call,
            status_of=status_of,
        )
        if request.stream:
            await self._stream(call, request, asked)
        else:
            await self._whole(call, request, asked)

    async def _whole(self, call: Call, request: Request, asked: Asked) -> None:
        folder = Folder()
        async with call.until_gone(), self._exchanges.begin(request, asked) as running:
            async with aclosing(running.frames()) as frames:
                async for frame in frames:
                    for event in frame.events:
                        folder.feed(event)
            reply = msgspec.structs.replace(folder.reply(), fingerprint=_fingerprint(running))
            body = encode_reply(reply, reply_id=opaque("chatcmpl-"), model=request.model)
        await call.respond(200, body)

    async def _stream(self, call: Call, request: Request, asked: Asked) -> None:
        out = EventStream(call, self._silence)
        encoder: ChatStreamEncoder | None = None
        try:
            async with (
                call.until_gone(self._silence, out.tend),
                self._exchanges.begin(request, asked) as running,
            ):
                encoder = _encoder(call, request, _fingerprint(running))
                ending = await _pump(running, encoder, out)
        except ClientGone:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if out.started:  # Else it is an HTTP error, which is the application's to send.
                fault = fault_of(error, call)
                await out.end((encoder or _encoder(call, request, None)).fail(fault))
            if not isinstance(error, Fault) or not out.started:
                raise
        else:
            await out.end(ending)


async def _pump(running: Running, encoder: ChatStreamEncoder, out: EventStream) -> bytes:
    """Sends the reply but for its ending, which is returned: it goes out once the exchange is settled."""
    ending = b""
    async with aclosing(running.frames()) as frames:
        async for frame in frames:
            for event in frame.events:
                if type(event) is Failed and not out.started:
                    raise event.fault
            data = b"".join(map(encoder.feed, frame.events))
            if ending or (frame.events and type(frame.events[-1]) in (Finished, Failed)):
                ending += data
            elif data:
                await out.send(data)
    return ending + encoder.close()


def _encoder(call: Call, request: Request, fingerprint: str | None) -> ChatStreamEncoder:
    return ChatStreamEncoder(
        opaque("chatcmpl-"),
        request.model,
        int(time.time()),
        request.include_usage is not False,
        fingerprint,
        choices=request.choices,
        request_id=call.request_id,
    )


def _fingerprint(running: Running) -> str | None:
    """Says which model really answers, where that is not the one that was asked for."""
    return None if running.served_by is None else f"tokenmill:{running.served_by.name}"
