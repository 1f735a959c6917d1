"""Serves `/v1/responses`: making one, and what of it was stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import parse_qs

import msgspec
import structlog

from tokenmill.accounts.key_check import Caller
from tokenmill.api.answering import Answers
from tokenmill.api.call import JSON, Call, WrongMethod
from tokenmill.conversation.fold import Folder, Reply
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Reasoning, Vendor
from tokenmill.exchange.exchange import Exchanges
from tokenmill.exchange.replying import Replying
from tokenmill.exchange.seals import AccountSeals
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, opaque
from tokenmill.memory.responses import StoredResponse, StoredResponses
from tokenmill.wire.losses import lost_of
from tokenmill.wire.members import bad_value
from tokenmill.wire.openai_responses.options import Decoded, ResponsesOptions, with_sampling
from tokenmill.wire.openai_responses.output import Sealer
from tokenmill.wire.openai_responses.references import dereferenced, referred
from tokenmill.wire.openai_responses.reply import encode_reply
from tokenmill.wire.openai_responses.request import decode_request
from tokenmill.wire.openai_responses.stream import ResponsesStreamEncoder
from tokenmill.wire.openai_responses.thread import encode_items, output_items, own_items, with_history
from tokenmill.wire.sse import PING

log = structlog.get_logger()

MOST_ITEMS = 100
"""Items on a page of the input; the published limit."""

MOST_REFERRED = 256
"""Responses whose items one request may refer to; each is a row to be read and opened."""


class Responses:
    """The Responses face of the exchanges."""

    def __init__(
        self, answers: Answers, exchanges: Exchanges, stored: StoredResponses, *, body_limit: int
    ) -> None:
        """`body_limit` is in bytes."""
        self._answers = answers
        self._exchanges = exchanges
        self._stored = stored
        self._body_limit = body_limit

    async def create(self, call: Call, caller: Caller) -> None:
        """Answers one request, streamed or whole. Raises Fault, and ClientGone when the caller leaves."""
        body = await self._whole(await call.body(self._body_limit), caller)
        decoded = await self._take_up(body, decode_request(body), caller)
        shelf = None
        if decoded.options.store:
            previous = decoded.options.previous_response_id
            shelf = _Shelf(self._stored, caller.account_id, previous, own_items(body))
        seals = self._exchanges.seals(caller.account_id)
        await self._answers.answer(call, caller, _ResponsesQuestion(decoded, seals, shelf))

    async def refuse_socket(self, call: Call, caller: Caller) -> None:
        """`GET /v1/responses`: some clients try a WebSocket first, and go on over HTTP when it is refused."""
        if call.header(b"upgrade"):
            raise Fault(
                Code.HTTP_ONLY,
                "Responses are not served over WebSocket here. Send POST /v1/responses with stream: true; "
                "the events come as server-sent events.",
            )
        raise WrongMethod(call, "POST")

    async def refuse_compaction(self, call: Call, caller: Caller) -> None:
        """`POST /v1/responses/compact`: an address of its own, though what lies beside it are responses."""
        raise Fault(
            Code.NOT_FOUND, "Conversations are not compacted here; ask the model for a summary instead."
        )

    async def get(self, call: Call, caller: Caller, response_id: str) -> None:
        """`GET /v1/responses/{id}`."""
        if parse_qs(call.query).get(b"stream") == [b"true"]:
            raise Fault(
                Code.UNSUPPORTED, "A stored response is given whole; leave stream out.", field="stream"
            )
        stored = await self._stored.find(caller.account_id, response_id)
        await call.respond(200, stored.response)

    async def delete(self, call: Call, caller: Caller, response_id: str) -> None:
        """`DELETE /v1/responses/{id}`."""
        await self._stored.forget(caller.account_id, response_id)
        said = {"id": response_id, "object": "response", "deleted": True}
        await call.respond(200, msgspec.json.encode(said))

    async def input_items(self, call: Call, caller: Caller, response_id: str) -> None:
        """`GET /v1/responses/{id}/input_items`."""
        query = {name.decode(): values[-1].decode() for name, values in parse_qs(call.query).items()}
        limit = query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_ITEMS:
            raise bad_value("limit", f"send a number from 1 to {MOST_ITEMS}")
        stored = await self._stored.find(caller.account_id, response_id)
        history: tuple[bytes, ...] = ()
        if stored.previous_id is not None:
            history = await self._stored.thread(caller.account_id, stored.previous_id)
        page = encode_items(
            response_id,
            (*history, *stored.input),
            limit=int(limit),
            after=query.get("after"),
            newest_first=query.get("order", "desc") != "asc",
        )
        await call.respond(200, page)

    async def cancel(self, call: Call, caller: Caller, response_id: str) -> None:
        """`POST /v1/responses/{id}/cancel`: only what runs in the background could be cancelled."""
        await self._stored.find(caller.account_id, response_id)
        raise Fault(Code.UNSUPPORTED, "Only responses in the background can be cancelled; this one is over.")

    async def count(self, call: Call, caller: Caller) -> None:
        """`POST /v1/responses/input_tokens`: the target's count or an estimate; a header says which."""
        body = await self._whole(await call.body(self._body_limit), caller)
        decoded = await self._take_up(body, decode_request(body), caller)
        async with call.until_gone():
            tokens, counted = await self._exchanges.count(decoded.request, caller, "openai_responses")
        said = msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})
        quality = b"counted" if counted else b"estimated"
        await call.respond(200, said, [JSON, (b"x-tokenmill-tokens", quality)])

    async def _whole(self, body: bytes, caller: Caller) -> bytes:
        """The request with the stored items that it refers to by their ids."""
        responses = referred(body)
        if not responses:
            return body
        if len(responses) > MOST_REFERRED:
            raise bad_value("input", f"it refers to {len(responses)} responses; {MOST_REFERRED} are the most")
        outputs: list[bytes] = []
        for response_id in responses:
            try:
                outputs += (await self._stored.find(caller.account_id, response_id)).output
            except Fault as fault:
                if fault.code is not Code.NOT_FOUND:  # That is told of the reference itself, below.
                    raise
        return dereferenced(body, outputs)

    async def _take_up(self, body: bytes, decoded: Decoded, caller: Caller) -> Decoded:
        """The request with the conversation that it goes on with before it."""
        previous = decoded.options.previous_response_id
        if previous is None:
            return decoded
        history = await self._stored.thread(caller.account_id, previous)
        return decode_request(with_history(body, history))


class _ResponsesQuestion:
    """One request for a response; see `tokenmill.api.answering.Question`."""

    protocol: Vendor = "openai_responses"
    ping = PING

    def __init__(self, decoded: Decoded, seals: AccountSeals, shelf: _Shelf | None) -> None:
        self.request = decoded.request
        self._options = decoded.options
        self._seals = seals
        self._shelf = shelf
        self._id = opaque("resp_")
        self._folder = Folder()
        self._encoder: ResponsesStreamEncoder | None = None
        self._reply: Reply | None = None

    def encoder(self, running: Replying | None) -> ResponsesStreamEncoder:
        if running is not None:
            self._options = with_sampling(self._options, running.sampling)
        self._encoder = ResponsesStreamEncoder(
            self._id, self.request.model, int(time.time()), self._options, sealer=self._sealer(self._options)
        )
        return self._encoder

    def whole(self, reply: Reply, running: Replying) -> bytes:
        self._reply = reply
        running.note(lost_of(reply, ResponsesStreamEncoder("", "", 0, self._options)))
        self._options = with_sampling(self._options, running.sampling)
        return self._write(reply, self._options)

    def watch(self, frame: Frame) -> None:
        if self._shelf is not None:
            for event in frame.events:
                self._folder.feed(event)

    async def keep(self) -> None:
        if self._shelf is None:
            return
        if self._encoder is not None:
            try:
                self._reply = self._folder.reply()
            except Fault:
                return  # It broke off: there is nothing to go on from.
        assert self._reply is not None  # `whole` was called where no encoder was made.
        shown = self._write(self._reply, self._options) if self._encoder is None else self._encoder.response
        sealed = msgspec.structs.replace(self._options, encrypted_reasoning=True)
        await self._shelf.put(self._id, shown, output_items(self._write(self._reply, sealed)))

    def _write(self, reply: Reply, options: ResponsesOptions) -> bytes:
        return encode_reply(
            reply, options, reply_id=self._id, model=self.request.model, sealer=self._sealer(options)
        )

    def _sealer(self, options: ResponsesOptions) -> Sealer:
        return self._seals.encrypt if options.encrypted_reasoning else _unsealed


def _unsealed(_: Reasoning) -> None:
    """The caller did not ask for encrypted reasoning; an upstream's own is not for it either."""


class _Shelf:
    """Where one response goes that its caller wants to find again."""

    def __init__(
        self, stored: StoredResponses, account: AccountId, previous: str | None, items: tuple[bytes, ...]
    ) -> None:
        self._stored = stored
        self._account = account
        self._previous = previous
        self._items = items

    async def put(self, response_id: str, response: bytes, output: tuple[bytes, ...]) -> None:
        """Keeps it; a reply that cannot be kept is delivered all the same."""
        try:
            kept = await self._stored.keep(
                StoredResponse(
                    id=response_id,
                    account_id=self._account,
                    previous_id=self._previous,
                    created_at=datetime.now(UTC),
                    input=self._items,
                    output=output,
                    response=response,
                )
            )
        except Fault as fault:
            log.error("a response could not be stored", response=response_id, fault=fault.code.value)
        else:
            if not kept:
                log.warning("a response is not stored: too large, or storage is off", response=response_id)
