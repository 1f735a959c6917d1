"""Leads an upstream's stream through a protocol's assembly, block by block."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tokenmill.conversation.events import Event
from tokenmill.conversation.frames import Frame
from tokenmill.kit.faults import Fault
from tokenmill.wire.sse import Block, SseReader
from tokenmill.wire.utf8 import is_utf8


class BlockwiseDecoder(ABC):
    """One reply of an upstream, from bytes to frames; never fussy about what can be understood.

    Before the first event a failure is raised as a Fault, so that another target may be asked; after it,
    a failure is the last event. A frame holds the bytes of its block only where these are faithful: lawful as
    they stand, and saying no more and no less than the frame's events.
    """

    def __init__(self) -> None:
        self._reader = SseReader()
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
        """The connection has ended: what makes the reply whole, or that it broke off; raises as `feed`."""
        if self._over:
            return []
        try:
            blocks = self._reader.close(lenient=True)
        except Fault as fault:
            return self._fail(fault)
        frames = [Frame(frame.events) for frame in self._frames(blocks)]  # Cut blocks are not faithful.
        if not self._over:
            self._over = True
            if ending := self._end():
                frames.append(Frame(ending))
        return frames

    def _frames(self, blocks: list[Block]) -> list[Frame]:
        frames: list[Frame] = []
        for block in blocks:
            events, faithful = self._read(block)
            frames.append(Frame(events, block.raw if faithful and is_utf8(block.raw) else None))
            if self._over:
                break
        return frames

    def _fail(self, fault: Fault) -> list[Frame]:
        self._over = True
        events = self._break(fault)
        return [Frame(events)] if events else []

    @abstractmethod
    def _read(self, block: Block) -> tuple[tuple[Event, ...], bool]:
        """The events of one block, and whether its bytes are faithful to them. Sets `_over`."""

    @abstractmethod
    def _end(self) -> tuple[Event, ...]:
        """What the end of the connection means."""

    @abstractmethod
    def _break(self, fault: Fault) -> tuple[Event, ...]:
        """What a broken stream means: Failed, or the fault raised where nothing was said."""
