"""Says what is remembered of a turn that called tools, and keeps the latest of them at hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from tokenmill.conversation.parts import Reasoning, Value
from tokenmill.kit.ids import AccountId, KeyId

CallKey = bytes
"""Names a tool call within its account, whatever a client has done to its id or its JSON."""

_OVERHEAD: Final = 600
"""Bytes that a remembered turn takes beside what was thought, about."""


class Story(Value, frozen=True):
    """What went before a turn, as digests: what the user said, and which tools were called."""

    words: bytes
    calls: bytes


class Thought(Value, frozen=True):
    """Reasoning, and where it stood: after so many of the turn's calls, and so many texts after the last."""

    part: Reasoning
    calls: int
    texts: int


class Remembered(Value, frozen=True, kw_only=True):
    """The reasoning of one turn, found by each of its calls."""

    id: str
    account_id: AccountId
    key_id: KeyId
    created_at: datetime
    before: Story
    calls: tuple[CallKey, ...]
    thoughts: tuple[Thought, ...]

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory; a character may take more than one."""
        said = sum(
            len(thought.part.text) + len(thought.part.signature or "") + 200 for thought in self.thoughts
        )
        return said + len(self.calls) * 100 + _OVERHEAD


class Recent:
    """The turns that were met last, in at most so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._turns: OrderedDict[str, Remembered] = OrderedDict()
        self._by_call: dict[tuple[AccountId, CallKey], dict[str, Remembered]] = {}

    @property
    def size(self) -> int:
        """Bytes, about."""
        return self._size

    def add(self, turn: Remembered) -> None:
        """Keeps it, and lets go of what was not met for the longest time."""
        if turn.id in self._turns:
            self._turns.move_to_end(turn.id)
            return
        self._turns[turn.id] = turn
        self._size += turn.size
        for call in turn.calls:
            self._by_call.setdefault((turn.account_id, call), {})[turn.id] = turn
        while self._size > self._most and self._turns:
            self._forget(next(iter(self._turns.values())))

    def of(self, account: AccountId, calls: Iterable[CallKey]) -> Iterator[Remembered]:
        """The turns of this account that made any of these calls, each once."""
        found = {id_: turn for call in calls for id_, turn in self._by_call.get((account, call), {}).items()}
        for id_, turn in found.items():
            self._turns.move_to_end(id_)
            yield turn

    def forget(self, account: AccountId, key: KeyId | None = None) -> None:
        """Lets go of everything of the account, or of what came through one of its keys."""
        for turn in [turn for turn in self._turns.values() if is_of(turn, account, key)]:
            self._forget(turn)

    def _forget(self, turn: Remembered) -> None:
        del self._turns[turn.id]
        self._size -= turn.size
        for call in set(turn.calls):
            turns = self._by_call[turn.account_id, call]
            del turns[turn.id]
            if not turns:
                del self._by_call[turn.account_id, call]


def is_of(turn: Remembered, account: AccountId, key: KeyId | None) -> bool:
    """Does the turn belong to the account, and came through that key, if one is named?"""
    return turn.account_id == account and key in (None, turn.key_id)
