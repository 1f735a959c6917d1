"""Reads an upstream's stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokenmill.conversation.events import Event, Heartbeat
from tokenmill.conversation.frames import Frame
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque
from tokenmill.wire.anthropic_messages.assembly import BROKE_OFF, Assembly, read_event
from tokenmill.wire.anthropic_messages.lenient import as_utf8
from tokenmill.wire.sse import Block, SseReader

_NEW_CALL_ID = partial(opaque, "toolu_")


class MessagesStreamDecoder:
    """One reply of an upstream, from bytes to frames; never fussy about what can be understood.

    Before the first event a failure is raised as a Fault, so that another target may be asked; after it,
    a failure is the last event. A stream that ends without `message_stop` has failed. `at` is when the reply
    began, in seconds since 1970, `origin` names the issuer of its signatures, and `new_id` makes ids for tool
    calls that come without one.
    """

    def __init__(
        self, *, at: int = 0, origin: str | None = None, new_id: Callable[[], str] = _NEW_CALL_ID
    ) -> None:
        self._reader = SseReader()
        self._assembly = Assembly(new_id, at, origin)
        self._over = False

    @property
    def over(self) -> bool:
        """Is the reply whole or broken? What the upstream says from now on changes nothing."""
        return self._over

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
        """The connection has ended: nothing, or that the reply broke off; raises as `feed`."""
        if self._over:
            return []
        try:
            blocks = self._reader.close(lenient=True)
        except Fault as fault:
            return self._fail(fault)
        frames = self._frames(blocks)
        if not self._over:
            frames += self._fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))
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
            return (Heartbeat(),) if data is None and assembly.started else ()
        if data.strip() == b"[DONE]":
            return ()  # Some servers end every stream as OpenAI's ends.
        data = as_utf8(data)
        try:
            event = read_event(data)
            events = assembly.take(event, event.type or block.event, data)
        except Fault as fault:
            self._over = True
            return assembly.fail(fault)
        self._over = assembly.ended
        return events

    def _fail(self, fault: Fault) -> list[Frame]:
        self._over = True
        return [Frame(self._assembly.fail(fault))]
