"""Follows code fences and inline code through prose."""

from __future__ import annotations

import re
from typing import Final

_TURN: Final = re.compile(r"`+|~+|\n")
_FENCE: Final = 3


class CodeSpans:
    """Knows whether the words so far end inside code.

    A run of backticks opens a span that a run as long closes; a fence (three or more backticks or
    tildes) is closed by a run that is at least as long. Inline code ends with its line, so that a
    forgotten backtick does not hide all that follows.
    """

    __slots__ = ("_mark", "_run", "_size")

    def __init__(self) -> None:
        self._mark = ""
        self._size = 0
        self._run = ""

    @property
    def inside(self) -> bool:
        """Would the next character be code?"""
        mark, _ = self._after_run()
        return bool(mark)

    @property
    def calm(self) -> bool:
        """Outside code, and not at a run of marks that may go on."""
        return not self._mark and not self._run

    @property
    def fenced(self) -> bool:
        """Inside a fence, where only another run of marks changes anything."""
        return self._size >= _FENCE and not self._run

    def feed(self, words: str) -> None:
        """The next words."""
        at = 0
        for turn in _TURN.finditer(words):
            found = turn[0]
            if self._run and (turn.start() > at or found[0] != self._run[0]):
                self._end_run()
            at = turn.end()
            if found != "\n":
                self._run += found
            elif self._size < _FENCE:
                self._mark, self._size = "", 0
        if self._run and at < len(words):
            self._end_run()

    def _end_run(self) -> None:
        self._mark, self._size = self._after_run()
        self._run = ""

    def _after_run(self) -> tuple[str, int]:
        """What is open once the run that stands at the end is taken for whole."""
        if not self._run:
            return self._mark, self._size
        mark, size = self._run[0], len(self._run)
        if not self._mark:
            opens = size >= _FENCE or mark == "`"
            return (mark, size) if opens else ("", 0)
        closes = mark == self._mark and (size >= self._size if self._size >= _FENCE else size == self._size)
        return ("", 0) if closes else (self._mark, self._size)
