"""Writes whole replies for callers, and reads whole replies of upstreams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from tokenmill.conversation.events import Event
from tokenmill.conversation.fold import Reply, unfold
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.openai_responses.assembly import Assembly, tells_error
from tokenmill.wire.openai_responses.errors import decode_failure
from tokenmill.wire.openai_responses.lenient import lenient
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.output import Sealer
from tokenmill.wire.openai_responses.schema import ResponseMember
from tokenmill.wire.openai_responses.stream_encode import ResponsesStreamEncoder

_NEW_CALL_ID = partial(opaque, "call_")
_NO_OPTIONS = ResponsesOptions()
_RESPONSE = msgspec.json.Decoder(ResponseMember)


def encode_reply(
    reply: Reply,
    options: ResponsesOptions = _NO_OPTIONS,
    *,
    reply_id: str | None = None,
    model: str | None = None,
    sealer: Sealer | None = None,
) -> bytes:
    """The `response` that says `reply`, under another id or model name where given.

    It is what the last event of the stream holds, so whatever has no place there has none here; a reply
    without a first choice is a response that failed.
    """
    encoder = ResponsesStreamEncoder(
        reply.id if reply_id is None else reply_id,
        reply.model if model is None else model,
        reply.at,
        options,
        sealer=sealer,
    )
    for event in unfold(reply):
        encoder.feed(event)
    encoder.close()
    return encoder.response


def decode_reply(
    body: bytes, new_id: Callable[[], str] = _NEW_CALL_ID, *, origin: str | None = None
) -> list[Event]:
    """The events of a reply that came as one JSON object though a stream was asked for.

    Raises the Fault of an error object or of a response that failed, or UPSTREAM_BROKE for what is
    not a reply.
    """
    try:
        response = _RESPONSE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        response = lenient(ResponseMember, body)
    if tells_error(response.error):
        raise decode_failure(body)
    if response.output is None:
        raise Fault(Code.UPSTREAM_BROKE, "The model's server answered with something that is not a reply.")
    assembly = Assembly(new_id, origin)
    events = list(assembly.take_whole(response))
    return events if assembly.ended else [*events, *assembly.end(vouched=True)]
