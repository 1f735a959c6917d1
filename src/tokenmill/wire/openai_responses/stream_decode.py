"""Reads an upstream's stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokenmill.conversation.events import Event, Heartbeat
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.blockwise import BlockwiseDecoder
from tokenmill.wire.openai_responses.assembly import Assembly, read_event
from tokenmill.wire.sse import Block
from tokenmill.wire.utf8 import as_utf8

_NEW_CALL_ID = partial(opaque, "call_")
_NOTHING: tuple[Event, ...] = ()


class ResponsesStreamDecoder(BlockwiseDecoder):
    """One reply of an upstream, from bytes to frames, none of which keeps its bytes.

    `new_id` makes ids for tool calls that come without one; `origin` names the upstream as the issuer of
    encrypted reasoning.
    """

    def __init__(self, new_id: Callable[[], str] = _NEW_CALL_ID, *, origin: str | None = None) -> None:
        super().__init__()
        self._assembly = Assembly(new_id, origin)

    @property
    def over(self) -> bool:
        """Is the reply whole or broken? What the upstream says from now on changes nothing."""
        return self._over or self._assembly.ended

    def _read(self, block: Block) -> tuple[tuple[Event, ...], bool]:
        return self._events(block), False

    def _events(self, block: Block) -> tuple[Event, ...]:
        assembly, data = self._assembly, block.data
        if not data:
            alive = data is None and assembly.started and not assembly.ended
            return (Heartbeat(),) if alive else _NOTHING
        if assembly.ended:
            return _NOTHING
        if data[:1] != b"{" and data.strip() == b"[DONE]":
            self._over = True
            return assembly.end(vouched=True)
        sound = as_utf8(data)
        try:
            return assembly.take(read_event(sound, block.event), sound)
        except Fault as fault:
            self._over = True
            return assembly.fail(fault)

    def _end(self) -> tuple[Event, ...]:
        return _NOTHING if self._assembly.ended else self._assembly.end(vouched=False)

    def _break(self, fault: Fault) -> tuple[Event, ...]:
        return _NOTHING if self._assembly.ended else self._assembly.fail(fault)
