"""Writes whole replies for callers, and reads whole replies of upstreams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from tokenmill.conversation.events import Event
from tokenmill.conversation.fold import Reply
from tokenmill.conversation.parts import ToolCall
from tokenmill.conversation.usage import Usage
from tokenmill.kit.ids import opaque
from tokenmill.wire.anthropic_messages.assembly import Assembly, read_reply
from tokenmill.wire.anthropic_messages.blocks import Signer, whole_block
from tokenmill.wire.anthropic_messages.facts import write_stop, write_usage
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds

_NEW_CALL_ID = partial(opaque, "toolu_")


def encode_reply(
    reply: Reply, *, reply_id: str | None = None, model: str | None = None, signer: Signer | None = None
) -> bytes:
    """The `message` that says `reply`, under another id or model name where given.

    `signer` seals reasoning that came without a signature. Only one choice has a place on this wire, the
    first that says anything; log probabilities, media and results of other platforms' tools have none.
    """
    choice = next((choice for choice in reply.choices if choice.parts), reply.choices[0])
    ids = ToolIds()
    written = [(part, whole_block(part, ids, signer)) for part in choice.parts]
    called = any(
        isinstance(part, ToolCall) and part.kind != "server" for part, block in written if block is not None
    )
    message = message_of(reply.id if reply_id is None else reply_id, reply.model if model is None else model)
    return msgspec.json.encode(
        message
        | {
            "content": [block for _, block in written if block is not None],
            "stop_reason": write_stop(choice.stop, called=called),
            "stop_sequence": choice.matched,
            "usage": write_usage(reply.usage or Usage()),
        }
    )


def message_of(id_: str, model: str) -> dict[str, object]:
    """A message that says nothing yet, with every member of the published schema but `usage`."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
    }


def decode_reply(
    body: bytes, *, at: int = 0, origin: str | None = None, new_id: Callable[[], str] = _NEW_CALL_ID
) -> list[Event]:
    """The events of a reply that came as one JSON object though a stream was asked for.

    `at` is when it came, in seconds since 1970, which the wire does not tell; `origin` names the issuer of
    its signatures. Raises the Fault of an error object, or UPSTREAM_BROKE for what is not a reply.
    """
    return list(Assembly(new_id, at, origin).take_whole(read_reply(body)))
