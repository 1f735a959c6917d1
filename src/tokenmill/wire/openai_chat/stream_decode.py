"""Reads an upstream's stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokenmill.conversation.events import Event, Heartbeat
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.blockwise import BlockwiseDecoder
from tokenmill.wire.openai_chat.assembly import MOST_CHOICES, Assembly, read_chunk
from tokenmill.wire.openai_chat.errors import decode_stream_error
from tokenmill.wire.sse import Block

_NEW_CALL_ID = partial(opaque, "call_")
_NOTHING: tuple[Event, ...] = ()


class ChatStreamDecoder(BlockwiseDecoder):
    """One reply of an upstream, from bytes to frames.

    Choices beyond those asked for are left out. `new_id` makes ids for tool calls that come without one. Log
    probabilities of refusals and of reasoning are not carried.
    """

    def __init__(self, new_id: Callable[[], str] = _NEW_CALL_ID, *, choices: int = MOST_CHOICES) -> None:
        super().__init__()
        self._assembly = Assembly(new_id, choices)

    @property
    def over(self) -> bool:
        """Is the reply whole or broken? What the upstream says from now on changes nothing."""
        return self._over or self._assembly.ended

    def _read(self, block: Block) -> tuple[tuple[Event, ...], bool]:
        assembly, data = self._assembly, block.data
        if not data:
            alive = data is None and assembly.started and not assembly.ended
            return ((Heartbeat(),) if alive else _NOTHING), True
        if data[:1] != b"{" and data.strip() == b"[DONE]":
            self._over = True
            ending = _NOTHING if assembly.ended else assembly.end(vouched=True)
            return ending, not assembly.completed
        if assembly.ended:
            return _NOTHING, False
        try:
            if block.event == "error":
                raise decode_stream_error(data)
            return assembly.take(read_chunk(data)), assembly.faithful and not block.event
        except Fault as fault:
            self._over = True
            return assembly.fail(fault), False

    def _end(self) -> tuple[Event, ...]:
        return _NOTHING if self._assembly.ended else self._assembly.end(vouched=False)

    def _break(self, fault: Fault) -> tuple[Event, ...]:
        return _NOTHING if self._assembly.ended else self._assembly.fail(fault)
