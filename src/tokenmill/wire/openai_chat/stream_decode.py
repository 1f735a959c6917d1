"""Reads an upstream's stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokenmill.conversation.events import Event, Heartbeat
from tokenmill.conversation.frames import Frame
from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.openai_chat.assembly import MOST_CHOICES, Assembly, read_chunk
from tokenmill.wire.openai_chat.errors import decode_stream_error
from tokenmill.wire.sse import Block, SseReader

_NEW_CALL_ID = partial(opaque, "call_")


class ChatStreamDecoder:
    """One reply of an upstream, from bytes to frames; never fussy about what can be understood.

    Before the first event a failure is raised as a Fault, so that another target may be asked; after it,
    a failure is the last event. Choices beyond those asked for are left out. `new_id` makes ids for tool
    calls that come without one. Log probabilities of refusals and of reasoning are not carried.
    """

    def __init__(self, new_id: Callable[[], str] = _NEW_CALL_ID, *, choices: int = MOST_CHOICES) -> None:
        self._reader = SseReader()
        self._assembly = Assembly(new_id, choices)
        self._over = False

    @property
    def over(self) -> bool:
        """Is the reply whole or broken? What the upstream says from now on changes nothing."""
        return self._over or self._assembly.ended

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises Fault when the reply fails before it began."""
        if self._over:
            return []
        try:
            blocks = self._reader.feed(data)
        except Fault as fault:
            return self._fail(fault)
        return self._frames(blocks)

    def close(self) -> list[Frame]:
        """The connection has ended: what makes the reply whole, or that it broke off; raises as `feed`."""
        if self._over:
            return []
        try:
            blocks = self._reader.close(lenient=True)
        except Fault as fault:
            return self._fail(fault)
        frames = self._frames(blocks)
        if not self._over:
            self._over = True
            if not self._assembly.ended:
                frames.append(Frame(self._assembly.end(vouched=False)))
        return frames

    def _frames(self, blocks: list[Block]) -> list[Frame]:
        frames: list[Frame] = []
        for block in blocks:
            frames.append(Frame(self._events(block), block.raw))
            if self._over:
                break
        return frames

    def _events(self, block: Block) -> tuple[Event, ...]:
        assembly, data = self._assembly, block.data
        if not data:
            alive = data is None and assembly.started and not assembly.ended
            return (Heartbeat(),) if alive else ()
        if data[:1] != b"{" and data.strip() == b"[DONE]":
            self._over = True
            return () if assembly.ended else assembly.end(vouched=True)
        if assembly.ended:
            return ()
        try:
            if block.event == "error":
                raise decode_stream_error(data)
            return assembly.take(read_chunk(data))
        except Fault as fault:
            self._over = True
            return assembly.fail(fault)

    def _fail(self, fault: Fault) -> list[Frame]:
        self._over = True
        return [] if self._assembly.ended else [Frame(self._assembly.fail(fault))]
