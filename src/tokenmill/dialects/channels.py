"""Reads one part of a reply: thoughts in tags at its start, and calls in either channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, assert_never

from tokenmill.dialects.calls import Blank, Call, CallFinder, Found, Words
from tokenmill.dialects.machine import Dialect
from tokenmill.dialects.opening import Answer, Opening, OpeningReader, Tags, Thought
from tokenmill.dialects.values import Parameters

Channel = Literal["text", "reasoning"]


class Said(NamedTuple):
    """Something that was found, and the channel that it belongs to."""

    channel: Channel
    what: Found


_NOTHING: Final[list[Said]] = []


def _never(_: str) -> None:
    """Where no calls are looked for, nothing stirs."""


class PartReader:
    """Reads a part of `channel`; a text that begins the content of a choice is read for a thought as well.

    Without a table of `calls`, or without tools, no calls are looked for.
    """

    def __init__(
        self,
        channel: Channel,
        calls: Dialect | None,
        tools: Mapping[str, Parameters],
        opening: OpeningReader | None = None,
    ) -> None:
        self._calls = calls if tools else None
        self._tools = tools
        self._opening = opening
        self._channel: Channel = channel
        self._finder = self._new_finder()

    @property
    def stir(self) -> Callable[[str], object] | None:
        """As that of `CallFinder`; the text it lets pass is words of the part's own channel."""
        if self._opening is not None:
            return None
        return self._finder.stir if self._finder is not None else _never

    def skip(self, text: str) -> None:
        """As that of `CallFinder`."""
        if self._finder is not None:
            self._finder.skip(text)

    @property
    def undecided(self) -> bool:
        """After `end`: does it hang on how the reply ended whether the last call is whole?"""
        return self._finder is not None and self._finder.undecided

    def feed(self, text: str) -> list[Said]:
        """What is certain now."""
        if self._opening is None:
            return self._read(text)
        opened = self._opening.feed(text)
        if self._opening.over:
            self._opening = None
        return self._sorted(opened)

    def end(self) -> list[Said]:
        """The part is over; then `decide` must be called."""
        said: list[Said] = []
        if self._opening is not None:
            said += self._sorted(self._opening.close())
            self._opening = None
        if self._finder is not None:
            said += [Said(self._channel, found) for found in self._finder.end()]
        return said

    def decide(self, *, cut: bool) -> list[Said]:
        """What is left, if the reply was `cut` short or not."""
        if self._finder is None:
            return []
        return [Said(self._channel, found) for found in self._finder.decide(cut=cut)]

    def _new_finder(self) -> CallFinder | None:
        return CallFinder(self._calls, self._tools) if self._calls is not None else None

    def _read(self, text: str) -> list[Said]:
        if self._finder is None:
            return [Said(self._channel, Words(text))]
        found = self._finder.feed(text)
        return [Said(self._channel, one) for one in found] if found else _NOTHING

    def _sorted(self, opened: list[Opening]) -> list[Said]:
        said: list[Said] = []
        for one in opened:
            match one:
                case Tags(text):
                    said.append(Said(self._channel, Blank(text)))
                case Thought(text):
                    said += self._turn_to("reasoning")
                    said += self._read(text)
                case Answer(text):
                    said += self._turn_to("text")
                    said += self._read(text)
                case _:
                    assert_never(one)
        return said

    def _turn_to(self, channel: Channel) -> list[Said]:
        """The other channel begins; the one before was closed by its tag, so it was not cut."""
        if channel == self._channel:
            return []
        said = []
        if self._finder is not None:
            said += [Said(self._channel, found) for found in self._finder.end()]
            said += [Said(self._channel, found) for found in self._finder.decide(cut=False)]
        self._channel = channel
        self._finder = self._new_finder()
        return said


__all__ = ["Blank", "Call", "Channel", "PartReader", "Said", "Words"]
