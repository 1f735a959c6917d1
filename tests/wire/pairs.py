"""Takes requests and replies from one protocol to another on the way that the platform takes them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from tokenmill.conversation.events import Event, Finished, UsageSeen
from tokenmill.conversation.fold import Reply
from tokenmill.conversation.frames import Frame, StreamDecoder, StreamEncoder
from tokenmill.conversation.parts import Reasoning, Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.naming import named, naming
from tokenmill.exchange.prefix import with_stable_prefix
from tokenmill.exchange.seals import AccountSeals
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.sealing import Sealer
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages import reply as messages_reply
from tokenmill.wire.anthropic_messages import request as messages_request
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder, MessagesStreamEncoder
from tokenmill.wire.openai_chat import reply as chat_reply
from tokenmill.wire.openai_chat import request as chat_request
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tokenmill.wire.openai_responses import reply as responses_reply
from tokenmill.wire.openai_responses import request as responses_request
from tokenmill.wire.openai_responses.options import ResponsesOptions
from tokenmill.wire.openai_responses.stream import ResponsesStreamDecoder, ResponsesStreamEncoder

Json = dict[str, Any]

CALLERS: Final[tuple[Vendor, ...]] = ("openai_chat", "openai_responses", "anthropic_messages")
UPSTREAMS: Final[tuple[Vendor, ...]] = ("openai_chat", "anthropic_messages")
"""The wires that engines speak."""

SEALED = "sealed:"
"""`sealed:XYZ` in a written request stands for our seal of the signature XYZ, which the target issued."""

ROUTES: Final = {
    False: Route(target="t", engine="e", upstream_model="upstream"),
    True: Route(target="t", engine="e", upstream_model="upstream", strict=True),
}
_ISSUER = ROUTES[False].issuer
_SEALS = AccountSeals(Sealer(bytes(32), purpose="reasoning"), AccountId("acct"))
_OPTIONS = ResponsesOptions(encrypted_reasoning=True, summary="auto")


COUNTED = Usage(input_fresh=3, output=2)
"""What the exchange counts where the upstream tells no counts."""

# --- requests ---


def read_request(caller: Vendor, body: Json) -> Request:
    """The question that `body` asks. Raises Fault."""
    raw = json.dumps(_with_seals(body)).encode()
    match caller:
        case "openai_chat":
            return chat_request.decode_request(raw)
        case "openai_responses":
            return responses_request.decode_request(raw).request
        case "anthropic_messages":
            return messages_request.decode_request(raw)


def asked(caller: Vendor, upstream: Vendor, body: Json, *, strict: bool) -> tuple[Json, tuple[Drop, ...]]:
    """The body that the upstream gets, and what it is not told. Raises Fault."""
    request, unsealed = _SEALS.open(read_request(caller, body))
    request, unsaid = with_stable_prefix(opened := request)
    with naming(request, caller):
        raw, drops = write_request(upstream, request, strict=strict)
    before = named((*unsealed, *unsaid), opened, caller)
    return json.loads(raw), (*before, *named(drops, request, caller))


def write_request(upstream: Vendor, request: Request, *, strict: bool) -> tuple[bytes, tuple[Drop, ...]]:
    """What the engine of this wire sends; the Messages target checks its signatures."""
    route = ROUTES[strict]
    if upstream == "openai_chat":
        return chat_request.encode_request(request, route)
    return messages_request.encode_request(request, route, origin=route.issuer)


def _with_seals(value: Any) -> Any:
    """The same with our seals where the request was written with `SEALED`."""
    match value:
        case {"type": "thinking", "thinking": str(words), "signature": str(mark)} if SEALED in mark:
            return value | {"signature": _SEALS.sign(_thought(words, mark))}
        case {"type": "redacted_thinking", "data": str(mark)} if SEALED in mark:
            return value | {"data": _SEALS.sign(Reasoning("", "redacted", _ISSUER, _signature(mark)))}
        case {"type": "reasoning", "encrypted_content": str(mark)} if SEALED in mark:
            summary = "".join(words.get("text", "") for words in value.get("summary", ()))
            return value | {"encrypted_content": _SEALS.encrypt(_thought(summary, mark))}
        case dict():
            return {name: _with_seals(member) for name, member in value.items()}
        case list():
            return [_with_seals(item) for item in value]
        case _:
            return value


def _thought(words: str, mark: str) -> Reasoning:
    return Reasoning(words, origin=_ISSUER, signature=_signature(mark))


def _signature(mark: str) -> str:
    return mark.removeprefix(SEALED)


# --- members of a written request ---

Path = tuple[str | int, ...]


def members(value: Any, at: Path = ()) -> Iterator[Path]:
    """The path of every member and item, outer ones first; nulls say nothing and are left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inner:
        if member is not None:
            yield (*at, name)
            yield from members(member, (*at, name))


def without(value: Any, path: Path) -> Any:
    """A copy that lacks the member or item at `path`."""
    name, *rest = path
    if isinstance(value, list):
        changed = [without(item, tuple(rest)) if rest and i == name else item for i, item in enumerate(value)]
        return changed if rest else [item for i, item in enumerate(changed) if i != name]
    if rest:
        return value | {name: without(value[name], tuple(rest))}
    return {key: member for key, member in value.items() if key != name}


# --- replies ---


def frames(upstream: Vendor, stream: bytes, size: int) -> list[Frame]:
    """The frames of a reply that comes in pieces of `size` bytes. Raises the Fault of one that never began.

    They are those that the exchange passes on.
    """
    decoder = decoder_of(upstream)
    pieces = (stream[i : i + size] for i in range(0, len(stream), size))
    return _counted([frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close())


def _counted(frames: list[Frame]) -> list[Frame]:
    """As the exchange has it: what the upstream did not count is counted before the end."""
    told = [event for frame in frames for event in frame.events]
    if any(isinstance(event, UsageSeen) for event in told):
        return frames
    at = next((i for i, f in enumerate(frames) if any(isinstance(e, Finished) for e in f.events)), None)
    if at is None:
        return frames
    return [*frames[:at], Frame((UsageSeen(COUNTED),)), *frames[at:]]


def events(upstream: Vendor, stream: bytes) -> list[Event]:
    """What `stream` says. Raises Fault."""
    return [event for frame in frames(upstream, stream, len(stream)) for event in frame.events]


def told(upstream: Vendor, caller: Vendor, stream: bytes, size: int) -> bytes:
    """What the caller hears of the stream, piece by piece. Raises the Fault of one that never began."""
    encoder = encoder_of(caller)
    out = b""
    for frame in frames(upstream, stream, size):
        if upstream == caller:
            out += encoder.relay(frame)
        else:
            out += b"".join(map(encoder.feed, frame.events))
    return out + encoder.close()


def whole(caller: Vendor, reply: Reply) -> bytes:
    """The reply in one piece, for this caller."""
    match caller:
        case "openai_chat":
            return chat_reply.encode_reply(reply, reply_id="chatcmpl-golden", model="public")
        case "openai_responses":
            return responses_reply.encode_reply(
                reply, _OPTIONS, reply_id="resp_golden", model="public", sealer=sign
            )
        case "anthropic_messages":
            return messages_reply.encode_reply(reply, reply_id="msg_golden", model="public", signer=sign)


def heard(caller: Vendor, body: bytes) -> list[Event]:
    """What the caller's own reader makes of a whole reply."""
    match caller:
        case "openai_chat":
            return chat_reply.decode_reply(body)
        case "openai_responses":
            return responses_reply.decode_reply(body)
        case "anthropic_messages":
            return messages_reply.decode_reply(body, at=7)


def decoder_of(wire: Vendor) -> StreamDecoder:
    """Reads one reply; ids that the upstream leaves out are numbered."""
    numbers = itertools.count(1)
    match wire:
        case "openai_chat":
            return ChatStreamDecoder(lambda: f"call_made_{next(numbers)}", choices=1)
        case "openai_responses":
            return ResponsesStreamDecoder(lambda: f"call_made_{next(numbers)}")
        case "anthropic_messages":
            return MessagesStreamDecoder(at=7, origin="up", new_id=lambda: f"toolu_made_{next(numbers)}")


def encoder_of(caller: Vendor) -> StreamEncoder:
    """Writes one reply, with seals that can be read."""
    match caller:
        case "openai_chat":
            return ChatStreamEncoder("chatcmpl-golden", "public", 7)
        case "openai_responses":
            return ResponsesStreamEncoder("resp_golden", "public", 7, _OPTIONS, sealer=sign)
        case "anthropic_messages":
            return MessagesStreamEncoder("msg_golden", "public", 12, signer=sign)


def sign(thought: Reasoning) -> str:
    """Stands for a seal: it says what it holds beside the words."""
    return f"seal of {thought.form} reasoning, {thought.origin}: {thought.signature}"


def outcome(caller: Vendor, upstream: Vendor, body: Json, *, strict: bool) -> tuple[object, object]:
    """Whatever `asked` gives or raises, as a value that can be compared."""
    try:
        said, drops = asked(caller, upstream, body, strict=strict)
    except Fault as fault:
        return fault.code, fault.field
    return said, drops
