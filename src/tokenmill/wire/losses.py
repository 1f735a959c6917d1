"""Gathers what of a reply a caller's wire could not say."""

from __future__ import annotations

from tokenmill.conversation.fold import Reply, unfold
from tokenmill.conversation.frames import StreamEncoder
from tokenmill.conversation.request import Drop


class Losses:
    """Drops in the order in which they were met, each once however often it comes."""

    def __init__(self) -> None:
        self._seen: dict[Drop, None] = {}

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What was lost."""
        return tuple(self._seen)

    def add(self, field: str, reason: str) -> None:
        """Records something that is not said."""
        self._seen[Drop(field, reason)] = None


def lost_of(reply: Reply, encoder: StreamEncoder) -> tuple[Drop, ...]:
    """What of a whole reply has no place on the wire of a new `encoder`; a stream loses the same."""
    for event in unfold(reply):
        encoder.feed(event)
    return tuple(encoder.drops)
