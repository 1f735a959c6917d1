"""Serves `POST /anthropic/v1/messages` and its `count_tokens`."""

from __future__ import annotations

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.answering import Answers
from tokenmill.api.call import JSON, Call
from tokenmill.conversation.fold import Reply
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Extras, Request
from tokenmill.exchange.exchange import Exchanges
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.seals import AccountSeals
from tokenmill.kit.ids import opaque
from tokenmill.wire.anthropic_messages.models import encode_count
from tokenmill.wire.anthropic_messages.reply import encode_reply
from tokenmill.wire.anthropic_messages.request import decode_request
from tokenmill.wire.anthropic_messages.stream import PING, MessagesStreamEncoder
from tokenmill.wire.losses import lost_of

_BETA = b"anthropic-beta"


class Messages:
    """The Messages face of the exchanges."""

    def __init__(self, answers: Answers, exchanges: Exchanges, *, body_limit: int) -> None:
        """`body_limit` is in bytes."""
        self._answers = answers
        self._exchanges = exchanges
        self._body_limit = body_limit

    async def create(self, call: Call, caller: Caller) -> None:
        """Answers one request, streamed or whole. Raises Fault, and ClientGone when the caller leaves."""
        request = await self._read(call)
        seals = self._exchanges.seals(caller.account_id)
        await self._answers.answer(call, caller, _MessagesQuestion(request, call.request_id, seals))

    async def count(self, call: Call, caller: Caller) -> None:
        """`POST …/count_tokens`: the target's own count, else an estimate; a header says which."""
        request = await self._read(call)
        async with call.until_gone():
            tokens, counted = await self._exchanges.count(request, caller, "anthropic_messages")
        quality = b"counted" if counted else b"estimated"
        await call.respond(200, encode_count(tokens), [JSON, (b"x-tokenmill-tokens", quality)])

    async def _read(self, call: Call) -> Request:
        request = decode_request(await call.body(self._body_limit))
        if betas := call.header(_BETA):
            extras = request.extras or Extras("anthropic_messages")
            extras = msgspec.structs.replace(extras, headers=((_BETA.decode(), betas),))
            request = msgspec.structs.replace(request, extras=extras)
        return request


class _MessagesQuestion:
    """One request for a message; see `tokenmill.api.answering.Question`."""

    protocol: Vendor = "anthropic_messages"
    ping = PING

    def __init__(self, request: Request, request_id: str, seals: AccountSeals) -> None:
        self.request = request
        self._request_id = request_id
        self._seals = seals

    def encoder(self, running: Replying | None) -> MessagesStreamEncoder:
        return MessagesStreamEncoder(
            opaque("msg_"),
            self.request.model,
            1 if running is None else running.prompt_estimate,
            signer=self._seals.sign,
            request_id=self._request_id,
        )

    def whole(self, reply: Reply, running: Replying) -> bytes:
        running.note(lost_of(reply, MessagesStreamEncoder("", "", 0)))
        return encode_reply(reply, reply_id=opaque("msg_"), model=self.request.model, signer=self._seals.sign)

    def watch(self, frame: Frame) -> None:
        pass

    async def keep(self) -> None:
        pass
