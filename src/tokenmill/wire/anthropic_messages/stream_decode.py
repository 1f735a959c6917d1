"""Reads an upstream's stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokenmill.conversation.events import Event, Heartbeat
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.anthropic_messages.assembly import BROKE_OFF, Assembly, read_event
from tokenmill.wire.blockwise import BlockwiseDecoder
from tokenmill.wire.sse import Block
from tokenmill.wire.utf8 import as_utf8

_NEW_CALL_ID = partial(opaque, "toolu_")


def _begins_with(raw: bytes, event: str) -> bool:
    """Does the block name its event first, as everybody writes it?"""
    name = event.encode()
    usual = raw.startswith((b"event: " + name, b"event:" + name))
    return usual or (raw[:1] == b"\n" and _begins_with(raw[1:], event))  # An LF of a CR LF that was cut.


class MessagesStreamDecoder(BlockwiseDecoder):
    """One reply of an upstream, from bytes to frames.

    A stream that ends without `message_stop` has failed. `at` is when the reply began, in seconds since 1970,
    `origin` names the issuer of its signatures, and `new_id` makes ids for tool calls that come without one.
    """

    def __init__(
        self, *, at: int = 0, origin: str | None = None, new_id: Callable[[], str] = _NEW_CALL_ID
    ) -> None:
        super().__init__()
        self._assembly = Assembly(new_id, at, origin)

    def _read(self, block: Block) -> tuple[tuple[Event, ...], bool]:
        assembly, data = self._assembly, block.data
        if not data:
            return ((Heartbeat(),) if data is None and assembly.started else ()), True
        if data.strip() == b"[DONE]":
            return (), False  # Some servers end every stream as OpenAI's ends.
        sound = as_utf8(data)
        try:
            event, well_formed = read_event(sound)
            events = assembly.take(event, event.type or block.event, sound)
        except Fault as fault:
            self._over = True
            return assembly.fail(fault), False
        self._over = assembly.ended
        named = event.type == block.event and _begins_with(block.raw, block.event)
        faithful = well_formed and assembly.faithful and sound is data and named
        return events, faithful

    def _end(self) -> tuple[Event, ...]:
        return self._assembly.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))

    def _break(self, fault: Fault) -> tuple[Event, ...]:
        return self._assembly.fail(fault)
