"""Serves `POST /v1/chat/completions`."""

from __future__ import annotations

import time

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.answering import Answers
from tokenmill.api.call import Call
from tokenmill.conversation.fold import Reply
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Request
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.searching.rules import searching_tool
from tokenmill.kit.ids import opaque
from tokenmill.wire.losses import lost_of
from tokenmill.wire.openai_chat.reply import encode_reply
from tokenmill.wire.openai_chat.request import decode_request
from tokenmill.wire.openai_chat.stream import ChatStreamEncoder
from tokenmill.wire.sse import PING


class ChatCompletions:
    """The chat face of the exchanges."""

    def __init__(self, answers: Answers, *, body_limit: int) -> None:
        """`body_limit` is in bytes."""
        self._answers = answers
        self._body_limit = body_limit

    async def create(self, call: Call, caller: Caller) -> None:
        """Answers one request, streamed or whole. Raises Fault, and ClientGone when the caller leaves."""
        request = decode_request(await call.body(self._body_limit))
        await self._answers.answer(call, caller, _ChatQuestion(request, call.request_id))


class _ChatQuestion:
    """One request for a chat completion; see `tokenmill.api.answering.Question`."""

    protocol: Vendor = "openai_chat"
    ping = PING

    def __init__(self, request: Request, request_id: str) -> None:
        self.request = request
        self._request_id = request_id

    def encoder(self, running: Replying | None) -> ChatStreamEncoder:
        return ChatStreamEncoder(
            opaque("chatcmpl-"),
            self.request.model,
            int(time.time()),
            self.request.include_usage is not False,
            None if running is None else _fingerprint(running),
            choices=self.request.choices,
            request_id=self._request_id,
            sources_first=searching_tool(self.request) is not None,
        )

    def whole(self, reply: Reply, running: Replying) -> bytes:
        running.note(lost_of(reply, ChatStreamEncoder("", "", 0, choices=len(reply.choices))))
        reply = msgspec.structs.replace(reply, fingerprint=_fingerprint(running))
        return encode_reply(reply, reply_id=opaque("chatcmpl-"), model=self.request.model)

    def watch(self, frame: Frame) -> None:
        pass

    async def keep(self) -> None:
        pass


def _fingerprint(running: Replying) -> str | None:
    """Says which model really answers, where that is not the one that was asked for."""
    return None if running.served_by is None else f"tokenmill:{running.served_by.name}"
