"""Pairs upstream bytes with what they meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tokenmill.conversation.events import Event
from tokenmill.conversation.parts import Value
from tokenmill.conversation.request import Drop
from tokenmill.kit.faults import Fault


class Frame(Value, frozen=True):
    """One upstream block: its events and, where they are true to them, its exact bytes.

    Whoever edits the events leaves the bytes behind.
    """

    events: tuple[Event, ...]
    raw: bytes | None = None


class StreamDecoder(Protocol):
    """Turns an upstream's bytes into frames, wherever the bytes were cut."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises Fault(blame=upstream) for what breaks the protocol."""
        ...

    def close(self) -> list[Frame]:
        """The upstream has ended: whatever makes the stream a legal whole, ending in Finished or Failed."""
        ...


class StreamEncoder(Protocol):
    """Turns events into a caller's bytes; whatever happens, what it wrote ends legally."""

    @property
    def drops(self) -> Sequence[Drop]:
        """What of the reply has no place on the caller's wire."""
        ...

    def feed(self, event: Event) -> bytes:
        """The bytes that say `event`; often none."""
        ...

    def relay(self, frame: Frame) -> bytes:
        """The bytes that say `frame`, whose `raw` is of this same protocol: that itself where it may go.

        A reply is either relayed or fed, not both in turn.
        """
        ...

    def close(self) -> bytes:
        """The stream has ended lawfully: what is still to be said, if anything."""
        ...

    def fail(self, fault: Fault) -> bytes:
        """Closes what is open and says `fault` in the caller's dialect."""
        ...
